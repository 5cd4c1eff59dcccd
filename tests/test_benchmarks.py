"""The benchmarks measure what they say: the same arithmetic on both sides, counted rightly, and each part to its end."""

import json
import math
import os
from dataclasses import replace
from functools import partial

import pytest
import torch

from benchmarks import __main__ as benchmarks
from benchmarks import measuring, notebooks, parts, reference, stages
from benchmarks.measuring import Effort, Part, Sizes, Work
from benchmarks.parts import PARTS, STEPS, Ours
from simgan_lib.evaluation.realism import beyond_tone
from simgan_lib.images import to_float
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

TINY = Sizes(batch=4, images=8, stored=16, buffer=8, drawn=32, single=1, pupils=2, judged=8, steps=2, side=64)
BRIEF = Effort(1, 0.0, 0.0)


# ---- the command ----
@pytest.fixture
def tiny(monkeypatch):
    """The programs with tiny sizes, and both sides in this process: a process takes seconds to start."""
    def measured(name, makers, sizes, threads, effort):
        found = []
        for make in makers.values():
            taken = measuring.timed((work := make(sizes)).call, 0, "cpu")
            found.append({"speed": work.units / taken[0], "fastest": work.units / taken[0], "memory_mb": 1.0})
        return found
    monkeypatch.setattr(measuring, "QUICK", (TINY, BRIEF))
    monkeypatch.setattr(measuring, "measured", measured)


def test_every_part_is_measured_and_every_number_is_finite(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measuring, "QUICK", (replace(TINY, folder=str(tmp_path)), BRIEF))
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
    row = measuring.compared("round", PARTS["round"], TINY, 1, BRIEF, flops=1e9, most=most)
    assert row == {"rounds_per_second": 6.0, "reference_rounds_per_second": 4.0, "ratio_to_reference": 1.5, "memory_mb": 1.0,
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


@pytest.mark.parametrize("make, said", [
    (partial(parts.step, "refiner_step"), "^slow, ours: batch: expected a whole number from 1 to"),
    (partial(os._exit, 7), "^slow, ours: TypeError"),
    (partial(os.kill, os.getpid()), "")][:1])
def test_what_fails_in_a_process_is_said_here_with_the_parts_name(make, said):
    with pytest.raises(UserError, match=said):
        measuring.measured("slow", {"ours": make}, replace(TINY, batch=0), 1, BRIEF)
