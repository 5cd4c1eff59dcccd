"""The study of hands compares what it says it compares."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from releases import write_nyu
from study_scripts import study_script

from simgan_lib.experiments.runs import Stages
from simgan_lib.simulators.hands import simulate_hands
from simgan_lib.simulators.stand_in_hands import stand_in_hands


@pytest.fixture(scope="module")
def study():
    return study_script("hands")


REAL, TEST = stand_in_hands(120, 1, (32, 32)), stand_in_hands(10, 2, (32, 32))


@pytest.fixture
def bench(study, monkeypatch, tmp_path):
    """A small bench whose refiner makes every pixel 7, or 9 without history."""
    def train(path, config, synthetic, real, seed, device):
        assert not real.labels and torch.equal(real.images, REAL.images) and not path.exists(), "another run's"
        path.write_text("the state of the run")
        return SimpleNamespace(refiner=7 if config.buffer else 9)

    monkeypatch.setattr(study, "train_refiner", train)
    monkeypatch.setattr(study, "refine", lambda level, hands, seed: replace(hands, images=torch.full_like(hands.images, level)))
    scale = study.scale(32, 4, 120, 10, study.SCALES["quick"].training, study.SCALES["quick"].pose)
    return study.Bench(scale, 3, REAL, torch.device("cpu"), Stages(tmp_path, {}))


def test_refined_hands_keep_the_labels_of_the_simulated_ones_and_3x_holds_1x(bench):
    sets = bench.training_sets()
    every = simulate_hands(12, 80_003, (32, 32))
    assert {name: len(hands) for name, hands in sets.items()} == {
        "synthetic": 4, "refined": 4, "synthetic 3x": 12, "refined 3x": 12, "refined without history": 4,
        "synthetic by the camera": 4, "synthetic by the camera, nothing behind": 4, "real": 120}
    assert torch.equal(sets["synthetic 3x"].images, every.images) and torch.equal(sets["synthetic"].images, every.images[:4])
    assert {sets[name].images.unique().item() for name in ("refined", "refined 3x")} == {7}
    assert sets["refined without history"].images.unique().item() == 9
    for name in ("synthetic by the camera", "synthetic by the camera, nothing behind"):
        assert torch.equal(sets[name].labels["joints"], every.labels["joints"][:4])                       # the same hands
        assert not torch.equal(sets[name].images, every.images[:4])
    for name in ("refined 3x", "synthetic 3x"):
        assert torch.equal(sets[name].labels["joints"], every.labels["joints"])


def test_a_training_keeps_its_state_until_its_images_are_kept(bench, tmp_path):
    bench.training_sets()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["refined-3.state", "without-history-3.state"]


def test_fine_tuning_takes_100_real_labels_and_goes_on_from_its_own_estimator(study, bench, monkeypatch):
    seen = []

    def train(hands, config, seed, device, start=None):
        seen.append((len(hands), config.steps, hands.images[0], start))
        return len(seen)

    monkeypatch.setattr(study, "train_pose_estimator", train)
    monkeypatch.setattr(study, "predict_pose", lambda estimator, test: estimator)
    named = dict(bench.answers(TEST))
    assert named["real"] == 8 and seen[7][0] == 120
    steps = bench.scale.pose.steps
    for name, begun in (("synthetic", named["synthetic"]), ("refined", named["refined"])):
        assert seen[named[f"{name}, 100 real labels"] - 1][::3] == (100, begun)
        assert seen[named[f"{name}, 100 real labels"] - 1][1] == steps // 5
    assert seen[named["100 real labels alone"] - 1][:2] == (100, steps) and len(seen) == 11
    assert torch.equal(seen[-1][2], REAL.images[0])


def test_every_estimator_is_asked_about_the_same_new_people(study, bench, monkeypatch):
    asked = []
    monkeypatch.setattr(study, "train_pose_estimator", lambda hands, *given, start=None: hands)
    monkeypatch.setattr(study, "predict_pose", lambda estimator, test: asked.append(test) or test.labels["joints"])
    rows = bench.rows(TEST)
    assert len(asked) == 11 and all(test is TEST for test in asked)
    assert {line["value"] for line in rows if line["measure"] == "joint_error_mm"} == {0.0}
    assert {line["value"] for line in rows if line["measure"] == "max_within_5_heat_map_px"} == {100.0}


def test_nyus_persons_are_told_apart_and_the_stand_ins_are_not(bench):
    """Every joint is 3 px of the crop to the right in space: where the hand is further away, that is more mm."""
    people = replace(TEST[:4], groups={"person": ["1", "1", "2", "3"]})
    off = people.labels["joints"] + torch.tensor([0.0, 0.0, 4.0])
    off[2] += torch.tensor([0.0, 0.0, 4.0])
    told = {line["measure"]: line["value"] for line in bench._judged("refined", off, people)}
    one, two, three = (told[f"joint_error_mm_person_{each}"] for each in "123")
    assert two == pytest.approx(2 * one, rel=0.05) and three == pytest.approx(one, rel=0.05)
    assert told["joint_error_mm"] == pytest.approx((2 * one + two + three) / 4)
    assert not any("person" in line["measure"] for line in bench._judged("refined", TEST.labels["joints"], TEST))


def test_nyus_own_training_and_test_frames_take_the_stand_ins_place(study, monkeypatch, tmp_path, capsys):
    given = []

    class Spy:
        def __init__(self, scale, seed, real, device, keep):
            self.real = real

        def rows(self, test):
            given.append((self.real, test))
            return []

    monkeypatch.setattr(study, "Bench", Spy)
    for part, frames in (("train", 3), ("test", 2)):
        write_nyu(tmp_path, frames, part)
    monkeypatch.setattr("sys.argv", ["hands.py", "--profile", "quick", "--seeds", "1", "--nyu", str(tmp_path), "--device", "cpu"])
    study.main()
    (real, test), = given
    assert set(real.groups["split"]) == {"train"} and set(test.groups["split"]) == {"test"} and (len(real), len(test)) == (3, 2)
    assert real.images.shape[2:] == test.images.shape[2:] == (96, 96)
