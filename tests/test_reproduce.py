"""The main job's own decisions; the job as a whole is run by the tests of the command line."""

import dataclasses
from dataclasses import replace

import pytest
import torch

from simgan_lib.evaluation.realism import gray_level_distance
from simgan_lib.experiments.domains import PROFILES, Domain
from simgan_lib.experiments.pipeline import SeedRun
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


def test_full_differs_from_quick_in_numbers_and_in_what_is_said():
    """What `docs/deviations.md` lists: a new difference must be written down there."""
    quick, full = (dataclasses.asdict(PROFILES[name]) for name in ("quick", "full"))
    differ = {name for name in quick if quick[name] != full[name]} - {"training", "gaze"}
    assert differ == {"synthetic", "real", "test", "compared", "match_refined"}
    training = {name for name in quick["training"] if quick["training"][name] != full["training"][name]}
    assert training == {"steps", "regularization", "ema_decay", "buffer", "refiner_warmup", "discriminator_warmup", "noise",
                        "width"}
