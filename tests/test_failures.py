"""The failure gallery: each failure is what it says, each signature is 0 or 1 where it must be, and the cheap ones part
failing from healthy runs."""

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import build
import pytest
import torch
from torch.nn import functional as F

from simgan_lib.evaluation.pupil import pupil_centres
from simgan_lib.history import HistoryBuffer
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.teaching import checks, failures
from simgan_lib.teaching.failures import GALLERY, DeadBuffer, DeadHistoryTraining, scrambled
from simgan_lib.training import Training, TrainingConfig, refine

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def domains():
    real = replace(stand_in(300, seed=1), labels={})
    simulated = simulate(300, seed=2)
    return replace(simulated, images=histogram_matched(simulated, real)), real


def outcome(entering, refined, real=None):
    return SimpleNamespace(entering=entering, refined=replace(entering, images=refined), real=real)


def defined_in(notebook, name):
    """A definition as a notebook's cell has it."""
    for cell in build.read_script(NOTEBOOKS / f"{notebook}.py").cells:
        if cell.cell_type == "code" and (f"class {name}(" in cell.source or f"def {name}(" in cell.source):
            tree = [node for node in ast.parse(cell.source).body if getattr(node, "name", None) == name]
            names = {"HistoryBuffer": HistoryBuffer, "F": F, "torch": torch, "np": __import__("numpy")}
            exec(compile(ast.Module(tree, []), notebook, "exec"), names)
            return names[name]
    raise LookupError(name)


# ---- the two bugs of public ports, one copy of each ----
@pytest.mark.parametrize("buffer", [DeadBuffer, defined_in("04_history_buffer", "DeadBuffer")])
def test_a_dead_buffer_stays_empty_and_the_check_names_it(buffer):
    dead = buffer(8, torch.Generator())
    dead.replace(torch.ones(4, 1, 2, 2))
    assert len(dead) == 0
    with pytest.raises(checks.Wrong, match="stays empty"):
        checks.history_buffer(buffer)


@pytest.mark.parametrize("loss", [scrambled, defined_in("03_local_loss", "scrambled")])
def test_scrambled_is_a_reshape_without_moving_the_class_axis(loss):
    logits = torch.randn(3, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    for layout in (torch.contiguous_format, torch.channels_last):          # a port's reshape goes by places, not by memory
        rows = logits.contiguous(memory_format=layout).reshape(-1, 2)
        for label in (0, 1):
            expected = F.cross_entropy(rows, torch.full((len(rows),), label), reduction="none").reshape(3, -1).sum(1)
            torch.testing.assert_close(loss(logits, label), expected)
    with pytest.raises(checks.Wrong, match="class axis"):
        checks.local_adversarial_loss(loss)


def test_a_dead_history_is_a_run_without_history_bit_for_bit(domains):
    tiny = TrainingConfig(steps=3, batch=4, refiner_warmup=1, discriminator_warmup=2, buffer=8, width=4, blocks=1)
    runs = [make(config, *domains, seed=0) for make, config in
            ((DeadHistoryTraining, tiny), (Training, replace(tiny, buffer=0)), (Training, tiny))]
    for run in runs:
        assert len(list(run.run())) == 6
    dead, without, alive = [torch.cat([p.flatten() for p in run.refiner.parameters()]) for run in runs]
    assert torch.equal(dead, without) and not torch.equal(dead, alive)
    assert failures.remembered(SimpleNamespace(run=runs[0])) == 0 and failures.remembered(SimpleNamespace(run=runs[2])) == 8


def test_a_misaligned_run_moves_every_eye_and_its_loss_falls_as_ever(domains):
    seen = []
    for kind in (Training, failures.MisalignedTraining):
        run = kind(replace(failures.HEALTHY, steps=1, discriminator_warmup=1), *domains, seed=0)
        price = [record.numbers()["regularization"] for record in run.run() if record.phase == "refiner warm-up"]
        eyes = domains[0][:40]
        seen.append(((pupil_centres(refine(run.result, eyes)) - eyes.labels["pupil"]).nanmedian(0).values, price[-1] / price[0]))
    (still, _), (moved, fallen) = seen
    assert still.abs().max() < 1 and 2 < moved[0] < 4 and moved[1].abs() < 1
    assert fallen < 0.6                                                # as in a run in which all is well


# ---- signatures where the answer is known ----
def test_signatures_of_images_that_were_not_touched(domains):
    entering, real = domains
    same = outcome(entering, entering.images, real)
    assert failures.diversity_kept(same) == 1 and failures.grid_strength(same) == 0
    assert failures.pupils_lost(same) < 0.25


def test_one_image_for_all_has_no_diversity(domains):
    entering, real = domains
    assert failures.diversity_kept(outcome(entering, entering.images[:1].expand_as(entering.images), real)) == 0


def test_a_grid_is_measured_and_edges_and_light_are_not(domains):
    entering, _ = domains
    rows, columns = torch.arange(35)[:, None], torch.arange(55)
    for grid in (1 - 2 * (rows % 2), 1 - 2 * (columns % 2), 1 - 2 * ((rows + columns) % 2)):
        gridded = (entering.images.float() * 0.8 + 20 + 6 * grid).round().to(torch.uint8)
        assert 4 < failures.grid_strength(outcome(entering, gridded)) < 8.5
    blurred = F.avg_pool2d(entering.images.float(), 3, 1, 1, count_include_pad=False).to(torch.uint8)
    assert failures.grid_strength(outcome(entering, blurred)) < 1.5


def test_moved_eyes_have_lost_their_pupils(domains):
    entering, _ = domains
    assert failures.pupils_lost(outcome(entering, entering.images.roll(4, -1))) > 0.9


@pytest.mark.parametrize("name", GALLERY)
def test_a_failure_is_told_by_its_threshold(name):
    failure = GALLERY[name]
    step = 0.01 * (1 if failure.fails == "above" else -1)
    at = [replace(failure, signature=lambda outcome, value=failure.threshold + d: value) for d in (step, -step)]
    assert at[0].found(None) and not at[1].found(None) and failure.cure


# ---- the cheap ones, made ----
@pytest.mark.parametrize("name", ["dead history", "scrambled local loss", "checkerboard"])
def test_failing_and_healthy_runs_are_told_apart(name, domains):
    failure = GALLERY[name]
    assert failure.found(failure.outcome(*domains)) and not failure.found(failure.outcome(*domains, healthy=True))
