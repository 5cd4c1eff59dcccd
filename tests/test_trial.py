"""What each part of a trial is given.  All parts are watched, on images that say where they come from."""

import pytest
import torch
from marked import COMPARED, DRAWN, EYES, MATCHED, REAL, REFINED, SIMULATED, TEST, TINY, Watched, domain_of, eyes_of, marks

from simgan_lib.experiments import trial as ablation
from simgan_lib.experiments.ablations import SWEEP
from simgan_lib.experiments.trial import judge, materials, trial
from simgan_lib.system.checkpoints import load_state, save_state

SEED = 2


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(ablation, "code_digest", lambda: "this code")
    monkeypatch.setattr(ablation, "stand_in_domain", lambda profile: domain_of())
    materials.cache_clear()
    yield Watched(monkeypatch, ablation)
    materials.cache_clear()


@pytest.fixture
def measured(watched, tmp_path):
    return trial(TINY, TINY.training, SEED, tmp_path, judge(TINY, tmp_path))["measured"]


def test_the_judges_know_unlabelled_images_and_eyes_of_no_run(watched, measured):
    eyes, real = watched.of("feature_network", 0)[0]
    assert watched.of("simulate", "seed") == [900, 1000 + SEED] and marks(eyes, DRAWN) == {SIMULATED}
    for images in (real, *watched.of("RealPatches", 0), *watched.of("train_refiner", 3), *watched.of("histogram_matched", 1)):
        assert marks(images, DRAWN) == {REAL} and images.labels == {}


def test_the_run_refines_what_it_was_trained_on_and_all_of_it_has_its_seed(watched, measured):
    entering, = watched.of("train_refiner", 2)
    assert torch.equal(entering.images, watched.of("refine", 1)[0].images) and marks(entering, MATCHED) == {REAL}
    refined, = watched.of("train_gaze_estimator", 0)
    assert marks(refined, REFINED) == {SEED + 1} and eyes_of(refined) == eyes_of(entering) and len(refined) == EYES
    assert watched.of("train_refiner", 4) + watched.of("refine", "seed") + watched.of("train_gaze_estimator", 2) == [SEED] * 3


def test_refined_images_are_measured_against_test_images_and_what_entered(watched, measured):
    assert measured["gaze_error"] == pytest.approx(4, abs=1e-4)                 # of matched and refined images, on test images
    assert marks(watched.of("predict_gaze", 1)[0], DRAWN) == {TEST}
    for after, test in (watched.given["kernel_distance"][0].args[1:], watched.given["spectrum_distance"][0].args):
        assert marks(after, REFINED) == {SEED + 1} and len(after) == COMPARED and eyes_of(test) == eyes_of(domain_of().test)
    for part, refined_at in (("share", 0), ("mean_change", 1), ("beyond_tone", 1)):
        pair = watched.given[part][0].args
        after, before = pair[refined_at], pair[1 - refined_at]
        assert (marks(after, REFINED), marks(before, REFINED)) == ({SEED + 1}, {0}) and eyes_of(after) == eyes_of(before)
        assert marks(before, MATCHED) == {REAL}
    refined, (real, entering) = watched.given["fixed_pattern"][0].args
    assert (marks(refined, REFINED), marks(real, DRAWN), marks(entering, REFINED)) == ({SEED + 1}, {REAL}, {0})
    assert measured["diversity"] == SEED + 2                                       # refined over what entered
    assert measured["pupil"] == pytest.approx(torch.tensor([10.0 * (SEED + 1), 0.5]).norm().item())     # from the exact label


def test_what_is_not_refined_is_measured_as_it_entered(watched, tmp_path):
    found = trial(TINY, None, SEED, tmp_path, judge(TINY, tmp_path))["measured"]
    assert "train_refiner" not in watched.given and found["diversity"] == 1 and found["gaze_error"] == pytest.approx(2, abs=1e-4)


def test_k_g_is_measured_where_it_may_rise_as_the_mean_of_the_last_twenty_rounds():
    players = {"discriminator": 0.5, "adversarial": 0.75, "right_refined": 1.0, "right_real": 0.0}
    rounds = [{"phase": "refiner warm-up"}, *({"phase": "adversarial", **players} for _ in range(40))]
    assert ablation._players(rounds) == {f"last_{name}": value for name, value in players.items()}
    rising = [each | {"refiner_updates": updates} for updates, each in enumerate(rounds)]
    assert ablation._players(rising)["last_refiner_updates"] == 30.5                       # rounds 21 to 40


def test_a_kept_judge_that_cannot_be_right_is_trained_anew(watched, tmp_path, capsys):
    judge(TINY, tmp_path)
    kept = load_state(tmp_path / "network.state")
    kept["result"]["verdict.bias"].fill_(torch.nan)
    save_state(tmp_path / "network.state", kept)
    assert torch.isfinite(judge(TINY, tmp_path)["verdict.bias"]).all()
    assert len(watched.given["feature_network"]) == 2 and "what is kept there cannot be right" in capsys.readouterr().err


def test_no_two_ablations_share_the_state_of_a_run(watched, tmp_path, monkeypatch):
    """Not even those that differ in what they refine alone."""
    paths, train, weights = [], ablation.train_refiner, judge(TINY, tmp_path)
    monkeypatch.setattr(ablation, "train_refiner", lambda path, *given, **named: paths.append(path) or train(path, *given, **named))
    for changed in (SWEEP[name].profile(TINY) for name in ("base", "raw-input", "kg-4")):
        trial(changed, changed.training, SEED, tmp_path, weights)
    assert len(set(paths)) == 3


def test_a_run_that_is_over_leaves_neither_its_state_nor_the_one_before(watched, tmp_path, monkeypatch):
    train = ablation.train_refiner

    def saved_twice(path, *given, **named):
        path.with_name(f"{path.name}.previous").touch()
        return train(path, *given, **named)
    monkeypatch.setattr(ablation, "train_refiner", saved_twice)
    trial(TINY, TINY.training, SEED, tmp_path, judge(TINY, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["network.state"]
