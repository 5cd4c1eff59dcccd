"""The main job's own decisions; the job as a whole is run by the tests of the command line."""

import dataclasses
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from simgan_lib.evaluation.realism import gray_level_distance
from simgan_lib.experiments import reproduce as main_job
from simgan_lib.experiments.domains import PROFILES, Domain
from simgan_lib.experiments.pipeline import SeedRun
from simgan_lib.experiments.reproduce import described, reproduce, rows_of
from simgan_lib.images import ImageSet
from simgan_lib.networks import Refiner
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate


@pytest.fixture
def domain():
    real = stand_in(60, seed=1)
    return Domain("stand-in", dataclasses.replace(real, labels={}), real, stand_in(20, seed=2))


def seed_of(profile, domain, folder):
    return SeedRun(profile, domain, 0, torch.device("cpu"), folder, bar=False)


def test_refined_images_are_matched_once_more_where_the_profile_says_so(domain, tmp_path):
    profile = replace(PROFILES["quick"], training=replace(PROFILES["quick"].training, width=8, blocks=1))
    torch.manual_seed(0)          # an untrained refiner may as well make images of a few gray levels
    eyes, trained = simulate(30, seed=3), {"refiner": Refiner(1, 8, 1).state_dict()}
    plain, again = (seed_of(replace(profile, match_refined=match), domain, tmp_path).refined(eyes, trained)
                    for match in (False, True))
    distances = [gray_level_distance(each.images, domain.unlabelled.images) for each in (plain, again)]
    assert distances[1] < 0.2 * distances[0]
    order = plain.images[0].flatten().argsort(stable=True)
    assert (again.images[0].flatten()[order].diff() >= 0).all()         # a tone curve: no pixel overtakes another
    assert torch.equal(again.labels["gaze"], eyes.labels["gaze"])


def measured(seed=4, more=0.0):
    """What a seed may have measured, on three test images of two days: no number twice."""
    nan = float("nan")
    kinds = {"synthetic": 3.0, "synthetic_matched": 2.0, "refined": 1.0}
    return {
        "seed": seed, "seconds": {"refiner": 1.5, "pupil": 2.25},
        "gaze": {"refined": {"errors": torch.tensor([6.0, 9.0, 21.0]) + more, "calibrated": torch.tensor([5.0, 6.5, 8.0])}},
        "pupil": {"shifts": torch.tensor([[3.0, 4.0], [nan, nan], [6.0, 8.0], [0.0, 0.0]]), "own": torch.tensor([[0.0, 0.5]] * 4)},
        "realism": {"kernel_distance": kinds, "two_sample_accuracy": {name: value / 4 for name, value in kinds.items()},
                    "collapse": {"refined": {"change": 30.0, "beyond_tone": 0.25}, "histogram_matched": {"change": 40.0}}}}


def of_two_days():
    """A domain of three test images, whose days are not those of the images that are learned from."""
    real, test = (ImageSet(torch.zeros(len(days), 1, 2, 2, dtype=torch.uint8), {"gaze": torch.zeros(len(days), 2)}, {"day": days})
                  for days in (["a", "b", "c", "c"], ["x", "x", "y"]))
    return Domain("stand-in", dataclasses.replace(real, labels={}), real, test)


def test_each_number_of_a_seed_becomes_the_row_of_its_name():
    rows = {(line["subject"], line["measure"]): line for line in rows_of(measured(), of_two_days())}
    assert all(line["seed"] == 4 for line in rows.values())
    values = {names: line["value"] for names, line in rows.items()}
    assert values == {names: pytest.approx(value) for names, value in {
        ("refined", "gaze_error_deg"): 12.0, ("refined", "within_7_deg"): 100 / 3, ("refined", "calibrated_error_deg"): 6.5,
        ("refined", "pupil_shift_px"): 5.0, ("refined", "pupil_shift_px_failed"): 0.25,
        ("synthetic", "pupil_finder_px"): 0.5, ("synthetic", "pupil_finder_px_failed"): 0.0,
        ("synthetic", "kernel_distance"): 3.0, ("synthetic_matched", "kernel_distance"): 2.0, ("refined", "kernel_distance"): 1.0,
        ("synthetic", "two_sample_accuracy"): 0.75, ("synthetic_matched", "two_sample_accuracy"): 0.5,
        ("refined", "two_sample_accuracy"): 0.25, ("refined", "change"): 30.0, ("refined", "beyond_tone"): 0.25,
        ("histogram_matched", "change"): 40.0, ("all", "seconds"): 3.75}.items()}
    assert rows["refined", "gaze_error_deg"]["sums"] == [15.0, 21.0] and rows["refined", "pupil_shift_px"]["n"] == 3


def test_a_run_is_described_by_the_days_that_it_is_measured_on():
    run = described("reproduce", "quick", PROFILES["quick"], of_two_days(), torch.device("cpu"), "python")
    assert run["days"] == run["job"]["test_days"] == {"x": 2, "y": 1} and run["test_days"] == 2
    assert run["images"] == {"unlabelled": 4, "test": 3, "synthetic": 8000}


def test_the_seeds_asked_for_are_measured_and_averaged(tmp_path, monkeypatch):
    """Three that are no steps of one length: their mean is not their median."""
    errors = {5: 0.0, 6: 1.0, 7: 11.0}
    monkeypatch.setattr(main_job, "SeedRun", lambda profile, domain, seed, *_: SimpleNamespace(
        measure=lambda: measured(seed, errors[seed])))
    monkeypatch.setattr(main_job, "stand_in_domain", lambda *_: of_two_days())
    monkeypatch.setattr(main_job, "write_results", lambda *_: None)
    _, job = reproduce(seeds=3, first_seed=5, device="cpu", results=tmp_path, bar=False)
    found = job.get("refined", "gaze_error_deg")
    assert job.seeds == [5, 6, 7] and job.by_seed("refined", "gaze_error_deg") == {5: 12.0, 6: 13.0, 7: 23.0}
    assert (found["mean"], found["sd"]) == (16.0, pytest.approx(37**0.5)) and (found["low"], found["high"]) == (11.5, 25.0)


def test_full_differs_from_quick_in_numbers_and_in_what_is_said():
    """What `docs/deviations.md` lists: a new difference must be written down there."""
    quick, full = (dataclasses.asdict(PROFILES[name]) for name in ("quick", "full"))
    differ = {name for name in quick if quick[name] != full[name]} - {"training", "gaze"}
    assert differ == {"synthetic", "real", "test", "compared", "match_refined"}
    training = {name for name in quick["training"] if quick["training"][name] != full["training"][name]}
    assert training == {"steps", "regularization", "ema_decay", "buffer", "refiner_warmup", "discriminator_warmup", "noise",
                        "width"}
