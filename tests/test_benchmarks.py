"""The benchmarks measure what they say: the same arithmetic on both sides, counted rightly, and each part to its end."""

import json
import math
import os
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from benchmarks import __main__ as benchmarks
from benchmarks import measuring, notebooks, parts, reference, stages
from benchmarks.measuring import Effort, Part, Sizes
from benchmarks.parts import PARTS, STEPS, Ours
from simgan_lib.evaluation.judges import FeatureNetwork
from simgan_lib.evaluation.realism import beyond_tone, kernel_distance, mmd2
from simgan_lib.images import to_float
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingConfig

TINY = Sizes(batch=4, images=8, stored=16, buffer=8, drawn=32, single=1, pupils=2, judged=8, steps=2, side=64)
BRIEF = Effort(1, 0.0, 0.0)


# ---- the command ----
@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The programs with tiny sizes, and both sides in this process: a process takes seconds to start."""
    def measured(name, makers, sizes, threads, effort):
        found = []
        for make in makers.values():
            taken = measuring.timed((work := make(sizes)).call, 0, "cpu")
            found.append({"speed": work.units / taken[0], "fastest": work.units / taken[0], "memory_mb": 1.0})
        return found
    monkeypatch.setattr(measuring, "QUICK", (replace(TINY, folder=str(tmp_path)), BRIEF))
    monkeypatch.setattr(measuring, "measured", measured)


def test_every_part_is_measured_and_every_number_is_finite(tiny, capsys):
    benchmarks.main(["--quick", "--json", "--batch", "4", "6"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["part"] for row in rows[1:] if row["batch"] != 6] == list(PARTS)
    assert [row["part"] for row in rows if row["batch"] == 6] == ["ceilings", *(name for name in PARTS if PARTS[name].batched)]
    for row in rows:
        assert "failed" not in row, row
        numbers = [value for value in (row["gflops"] if row["part"] == "ceilings" else row).values() if isinstance(value, float)]
        assert len(numbers) >= 2 and all(math.isfinite(value) and value > 0 for value in numbers), row
        assert ("gflops" in row) == (row["part"] == "ceilings" or PARTS[row["part"]].arithmetic)


def test_a_ratio_is_ours_by_the_plain_one_and_a_share_is_of_the_highest_ceiling(monkeypatch):
    found = [{"speed": 6.0, "memory_mb": 1.0}, {"speed": 4.0, "memory_mb": 2.0}]
    monkeypatch.setattr(measuring, "measured", lambda *given: found)
    most = {"product_float32": 48.0, "convolution_float32_contiguous_format": 12.0, "convolution_bfloat16_channels_last": 24.0}
    row = measuring.compared("checkpoint", PARTS["checkpoint"], TINY, 1, BRIEF, flops=1e9, most=most)
    assert row == {"mb_per_second": 6.0, "reference_mb_per_second": 4.0, "ratio_to_reference": 1.5, "memory_mb": 1.0,
                   "reference_memory_mb": 2.0, "mflop_each": 1000.0, "gflops": 6.0, "share_of_convolution": 0.25,
                   "share_of_product": 0.125}


def test_a_part_that_fails_is_named_and_the_others_are_measured(tiny, monkeypatch, capsys):
    def broken(sizes):
        raise UserError("no room")
    monkeypatch.setitem(PARTS, "buffer", Part(broken, broken, batched=True))
    with pytest.raises(UserError, match="^1 of 2 rows failed: buffer$"):
        benchmarks.main(["--quick", "--only", "buffer", "tone_curves"])
    said = capsys.readouterr().out
    assert "buffer, 32 " in said and "failed: no room" in said and "tone_curves" in said.splitlines()[-1]


# ---- processes ----
def test_both_sides_take_turns_in_processes_of_their_own():
    row = measuring.compared("buffer", PARTS["buffer"], TINY, 1, Effort(2, 0.01, 60))
    assert row["images_per_second"] > 0 and row["reference_images_per_second"] > 0 and "gflops" not in row


@pytest.mark.parametrize("make, said", [(partial(parts.step, "refiner_step"), "^slow, ours: batch: expected a whole number"),
                                        (int, "^slow, ours: TypeError: ")])
def test_what_fails_in_a_process_is_said_here_with_the_name_of_the_part(make, said):
    with pytest.raises(UserError, match=said):
        measuring.measured("slow", {"ours": make}, replace(TINY, batch=0), 1, BRIEF)


def test_a_process_that_dies_is_not_waited_for():
    context = measuring.processes()
    pipe, theirs = context.Pipe()
    process = context.Process(target=os._exit, args=(7,))
    process.start()
    theirs.close()
    with pytest.raises(UserError, match="^round, ours: its process ended with status 7"):
        measuring.answer("round, ours", pipe, process)


def test_a_slow_machine_does_fewer_rounds_and_at_least_one(monkeypatch):
    monkeypatch.setattr(measuring, "answer", lambda *job: ([1.0], 2.0))
    job = ("slow, ours", SimpleNamespace(send=lambda seconds: None), None)
    for limit, rounds in ((0.0, 1), (60.0, 3)):
        assert len(list(measuring.taken_in_turns([job], Effort(3, 0.0, limit)))) == rounds


# ---- the same arithmetic on both sides ----
# Multiplications of one image, places x kernel x maps, of each convolution.
REFINER = [1925 * 9 * 64, *[1925 * 9 * 64 * 64] * 8, 1925 * 64]
DISCRIMINATOR = [504 * 9 * 96, 126 * 9 * 96 * 64, 126 * 9 * 64 * 32, 126 * 32 * 32, 126 * 32 * 2]


@pytest.mark.parametrize("name, multiplications", [
    # Backward: once for the weights, once for the input, but for that of the first layer; the discriminator's weights stand still.
    ("refiner_step", 3 * sum(REFINER) - REFINER[0] + 2 * sum(DISCRIMINATOR)),
    ("refiner_step_with_margin", 1_725_428_544),                                           # no pixel more
    ("discriminator_step", sum(REFINER) + 2 * (3 * sum(DISCRIMINATOR) - DISCRIMINATOR[0])),
    ("round", 2 * 1_725_428_544 + 627_240_320)])
def test_what_is_counted_is_the_published_arithmetic(name, multiplications):
    assert measuring.flops_of(PARTS[name], TINY) == measuring.flops_of(PARTS[name], replace(TINY, batch=8)) == 2 * multiplications


def seen_losses(owner, monkeypatch, name):
    """A list that takes up the loss of each step."""
    losses, step = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda which, loss: (losses.append(loss.item()), step(which, loss)))
    return losses


@pytest.mark.parametrize("name", STEPS)
def test_the_plain_step_has_the_loss_of_ours_in_float32_and_learns_as_much(name, monkeypatch):
    torch.manual_seed(0)
    ours, plain = Ours(TINY), reference.Reference(TINY)
    training = ours.training
    monkeypatch.setattr(training, "_autocast", nullcontext)
    for own, theirs in ((training.refiner, plain.refiner), (training.discriminator, plain.discriminator)):
        own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values())))
    # All draw the same: the first images of each set, and from histories of one image.
    training.buffer.images[:] = plain.history[:] = plain.history[:1].clone()
    monkeypatch.setattr(training, "draw", lambda images: to_float(images[:TINY.batch]))
    monkeypatch.setattr(plain, "draw", lambda images: images[:TINY.batch])
    own, theirs = seen_losses(training, monkeypatch, "_step"), seen_losses(plain, monkeypatch, "step")
    for _ in range(3):                                     # the later ones depend on gradients and on Adam
        getattr(ours, name)()
        getattr(plain, name)()
        training.buffer.images[:] = plain.history[:] = plain.history[:1].clone()
    assert own == pytest.approx(theirs, rel=1e-4) and len(set(own)) == 3


def test_tone_curves_are_the_same_measure_on_both_sides():
    a, b = (simulate(3, seed).images for seed in (0, 1))
    assert reference.beyond_tone(a, b) == pytest.approx(beyond_tone(a, b), abs=1e-9)


def test_kernel_distances_of_both_sides_agree(monkeypatch):
    torch.manual_seed(0)
    network = FeatureNetwork(1, 7)
    monkeypatch.setattr(reference, "FeatureNetwork", lambda *given: network)
    monkeypatch.setattr(parts, "FeatureNetwork", lambda *given: network)
    sizes = replace(TINY, judged=32)
    features = [network.describe(reference.eyes(32, seed).images) for seed in (0, 1)]
    assert reference.kernel_distance(sizes).call() == pytest.approx(mmd2(*features).item(), abs=1e-5)
    blocks = kernel_distance(network, *(reference.eyes(32, seed) for seed in (0, 1)))
    assert parts.kernels(sizes).call() == pytest.approx(blocks)


# ---- where the seconds go ----
def test_the_profile_of_a_round_sees_its_convolutions():
    seconds = stages.operators(TrainingConfig(steps=1, batch=2, buffer=4, width=4, blocks=1), torch.device("cpu"))
    assert any("convolution" in name for name in seconds) and all(value >= 0 for value in seconds.values())


def test_the_profile_of_the_main_job_shows_its_stages(monkeypatch, tmp_path, capsys):
    (tmp_path / "metrics.json").write_text(json.dumps({"stage_seconds": [{"pupil": 3.0, "refiner": 9.0}]}), encoding="utf-8")
    monkeypatch.setattr(stages, "reproduce", lambda *given, **named: (tmp_path, None))
    monkeypatch.setattr(stages, "operators", lambda *given: {"a": 1.0, "b": 2.0, "c": 5.0})
    stages.main(["reproduce", "--top", "2"])
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line] == [
        "stages: 12.000 s", "refiner 9.000 s 75.0 %", "pupil 3.000 s 25.0 %",
        "operators of a round: 8.000 s", "c 5.000 s 62.5 %", "b 2.000 s 25.0 %", "1 others 1.000 s 12.5 %"]


def test_the_profile_of_notebooks_names_cells_by_their_first_lines(monkeypatch, tmp_path, capsys):
    cells = [{"cell_type": "code", "source": ["# why\n", "import a\n", "import b"]}, {"cell_type": "markdown", "source": ["words"]},
             {"cell_type": "code", "source": ["train()"]}]
    (tmp_path / "01_x.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    monkeypatch.setattr(stages, "chosen", lambda numbers: [tmp_path / "01_x.ipynb"])
    monkeypatch.setattr(stages, "cells", lambda *given: [("01_x", "Cell 0", 1.0, ""), ("01_x", "Cell 1", 4.0, "AssertionError")])
    stages.main(["notebooks", "01", "--json"])
    assert json.loads(capsys.readouterr().out) == {"01_x": {"Cell 0: import a": 1.0, "Cell 1 failed: train()": 4.0}}


def test_a_notebook_that_is_not_there_is_no_run_of_all_tests():
    with pytest.raises(UserError, match="^99: no such notebook, expected some of 00 01 "):
        notebooks.chosen(["06", "99"])
