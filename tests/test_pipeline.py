"""What each part of a seed is given.  All parts are watched, on images that say where they come from."""

import itertools
from dataclasses import replace

import pytest
import torch
from marked import (
    COMPARED,
    DRAWN,
    EYES,
    MATCHED,
    NUMBER,
    OFFSET,
    REAL,
    REFINED,
    SIMULATED,
    TEST,
    TESTED,
    TINY,
    Watched,
    domain_of,
    eyes_of,
    marked,
    marks,
)
from study_scripts import study_script

from simgan_lib.evaluation.methods import METHODS
from simgan_lib.experiments import pipeline
from simgan_lib.experiments.pipeline import NOT_AGAIN, TRAINED_ON, SeedRun, StudySeed
from simgan_lib.simulators.parameters import PRIORS
from simgan_lib.system.checkpoints import load_state, save_state


@pytest.fixture(autouse=True)
def code(monkeypatch):
    """The digest of all code takes a second."""
    monkeypatch.setattr(pipeline, "code_digest", lambda: "this code")


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(pipeline, "METHODS", {"knn": METHODS["knn"]})
    return Watched(monkeypatch, pipeline)


@pytest.fixture
def domain():
    return domain_of()


def run_of(kind, domain, folder, seed=0, profile=TINY):
    return kind(profile, domain, seed, torch.device("cpu"), folder / f"seed{seed}", bar=False)


@pytest.mark.parametrize("name", ["one", "people", "wide"])
def test_all_eyes_are_of_the_profiles_people(watched, domain, tmp_path, name):
    study = run_of(StudySeed, domain, tmp_path, profile=replace(TINY, simulator=name))
    study.sets = dict.fromkeys(("synthetic", "synthetic_matched"), study.simulated())
    assert study._more and len(watched.given["simulate"]) == 2
    assert all(prior is PRIORS[name] for prior in watched.of("simulate", "prior"))


def test_each_estimator_learns_from_its_own_images_and_is_judged_on_all_test_images(watched, domain, tmp_path):
    gaze = run_of(SeedRun, domain, tmp_path).measure()["gaze"]
    for name, degrees in zip(TRAINED_ON, (1, 2, 4, 5)):              # raw; matched; matched and refined; the domain's own
        torch.testing.assert_close(gaze[name]["errors"], torch.full((TESTED,), float(degrees)).double(), atol=1e-4, rtol=0)
        assert gaze[name]["calibrated"].max() < 1e-4, "one offset for all, which a calibration takes away"
    assert all(marks(images, DRAWN) == {TEST} for images in watched.of("predict_gaze", 1))
    assert eyes_of(watched.of("train_gaze_estimator", 0)[3]) == eyes_of(domain.labelled)


def test_several_estimators_of_a_training_set_differ_and_their_errors_are_averaged_image_by_image(watched, domain, tmp_path):
    """Number k of them is 10 k degrees wrong, on each second image as much more."""
    part = torch.arange(TESTED) % 2
    watched.train_gaze_estimator = lambda images, config, seed, device, progress=None: (seed - 7) // 1000
    watched.predict_gaze = lambda k, images: images.labels["gaze"] + torch.deg2rad(10.0 * k * (1 + part))[:, None] * OFFSET.sign()
    gaze = run_of(SeedRun, domain, tmp_path, 7, replace(TINY, estimators=3)).measure()["gaze"]
    assert watched.of("train_gaze_estimator", 2)[:3] == [7, 1007, 2007]
    expected = (10.0 * (1 + part)).double()                     # the mean of 0, 10 and 20 degrees; twice that
    torch.testing.assert_close(gaze["refined"]["errors"], expected, atol=1e-3, rtol=0)


def test_the_main_jobs_estimators_are_trained_side_by_side(watched, domain, tmp_path, monkeypatch):
    given, plain = [], pipeline.side_by_side
    monkeypatch.setattr(pipeline, "side_by_side", lambda work, device: given.append((list(work), device)) or plain(work, device))
    run_of(SeedRun, domain, tmp_path).measure()
    assert given == [(list(TRAINED_ON), torch.device("cpu"))]


def test_refined_images_that_are_matched_again_are_also_learned_from_as_they_are(watched, domain, tmp_path):
    profile = replace(TINY, refine_from="synthetic", match_refined=True)
    gaze = run_of(SeedRun, domain, tmp_path, profile=profile).measure()["gaze"]
    assert list(gaze) == [*TRAINED_ON, NOT_AGAIN]
    for name, degrees in ((NOT_AGAIN, 3), ("refined", 4)):              # refined; refined and matched
        torch.testing.assert_close(gaze[name]["errors"], torch.full((TESTED,), float(degrees)).double(), atol=1e-4, rtol=0)
    assert len(watched.of("refine", 1)) == 1, "refined once, not once a set"


@pytest.mark.parametrize("again, levels", [(True, REAL), (False, 0)])
def test_the_study_of_what_is_left_has_the_same_set(watched, domain, tmp_path, again, levels):
    seed = run_of(SeedRun, domain, tmp_path, profile=replace(TINY, refine_from="synthetic", match_refined=again))
    sets = study_script("what_is_left").training_sets(seed, [NOT_AGAIN, "refined"])
    assert list(sets) == [NOT_AGAIN, "refined"]
    assert [marks(images, MATCHED) for images in sets.values()] == [{0}, {levels}]
    assert all(marks(images, REFINED) == {1} for images in sets.values())


def test_other_profiles_and_the_study_of_gaze_train_on_no_more_than_before(watched, domain, tmp_path):
    assert list(run_of(SeedRun, domain, tmp_path / "main").measure()["gaze"]) == list(TRAINED_ON)
    study = run_of(StudySeed, domain, tmp_path / "study", profile=replace(TINY, match_refined=True))
    assert not any(NOT_AGAIN in subject for subject, *_ in study.estimators())


@pytest.mark.parametrize("kind, ask", [(SeedRun, lambda run: run.measure()), (StudySeed, lambda run: list(run.estimators()))])
def test_nothing_is_learned_from_test_images_nor_from_real_labels_but_by_the_oracle(watched, domain, tmp_path, kind, ask):
    ask(run_of(kind, domain, tmp_path))
    refiners = [part for at in (2, 3) for part in watched.of("train_refiner", at)]
    estimators = watched.of("train_gaze_estimator", 0) + (watched.of("train_method", 1) if kind is StudySeed else [])
    levels = watched.of("histogram_matched", 1)
    features = [part for parts in watched.of("feature_network", 0) for part in parts] if kind is SeedRun else []
    for images in (*refiners, *estimators, *levels, *features):
        assert TEST not in marks(images, DRAWN) | marks(images, MATCHED)
    for images in (*refiners, *levels, *features):
        assert marks(images, DRAWN) != {REAL} or images.labels == {}
    assert sum(marks(images, DRAWN) == {REAL} for images in estimators) == (1 if kind is SeedRun else 2)


@pytest.mark.parametrize("refine_from, levels", [("synthetic", 0), ("synthetic_matched", REAL)])
@pytest.mark.parametrize("match_refined", [False, True])
def test_the_refiner_refines_what_it_was_trained_on(watched, domain, tmp_path, refine_from, levels, match_refined):
    profile = replace(TINY, refine_from=refine_from, match_refined=match_refined)
    sets = run_of(SeedRun, domain, tmp_path, seed=6, profile=profile).training_sets()[1]
    trained_on, refined = watched.of("train_refiner", 2)[0], watched.of("refine", 1)[0]
    assert torch.equal(trained_on.images, refined.images) and marks(refined, MATCHED) == {levels}
    assert marks(watched.of("train_refiner", 3)[0], DRAWN) == {REAL}, "towards the unlabelled images"
    assert marks(sets["refined"], REFINED) == {7}, "by the refiner of seed 6"
    assert marks(sets["refined"], MATCHED) == {REAL if match_refined else levels}
    assert marks(sets["synthetic"], MATCHED) == {0} and marks(sets["synthetic_matched"], MATCHED) == {REAL}
    for name in TRAINED_ON[:3]:
        assert eyes_of(sets[name]) == [(number, SIMULATED) for number in range(EYES)]
        assert marks(sets[name], REFINED) == {7 if name == "refined" else 0}


def test_the_pupils_shift_is_the_refiners_and_its_finders_error_that_on_untouched_eyes(watched, domain, tmp_path):
    pupil = run_of(SeedRun, domain, tmp_path, seed=1).measure()["pupil"]
    torch.testing.assert_close(pupil["shifts"], torch.tensor([[20.0, 0.0]]).expand(COMPARED, 2))      # refined by number 2
    torch.testing.assert_close(pupil["own"], torch.tensor([[0.0, 0.5]]).expand(COMPARED, 2))


def test_realism_is_measured_against_test_images_with_features_that_saw_none_of_them(watched, domain, tmp_path):
    realism = run_of(SeedRun, domain, tmp_path, seed=3).measure()["realism"]
    learned, = watched.of("feature_network", 0)
    assert [marks(each, DRAWN) for each in learned] == [{SIMULATED}, {REAL}]
    assert all(marks(each, REFINED) == {0} for each in learned)
    for part, at in (("kernel_distance", 2), ("two_sample_accuracy", 1), ("identity_collapse", 2)):
        assert all(eyes_of(images) == eyes_of(domain.test) for images in watched.of(part, at)), part
    distances = {"synthetic": 1.0, "synthetic_matched": 2.0, "refined": 4.0}
    assert realism["kernel_distance"] == distances
    assert realism["two_sample_accuracy"] == {name: pytest.approx(0.1 * value) for name, value in distances.items()}
    assert all(len(images) == COMPARED for part, at in (("kernel_distance", 1), ("two_sample_accuracy", 0))
               for images in watched.of(part, at))


def test_what_refining_changed_is_measured_eye_by_eye_from_what_entered(watched, domain, tmp_path):
    run_of(SeedRun, domain, tmp_path, seed=3).measure()
    entering, results, _ = watched.given["identity_collapse"][0].args
    assert marks(entering, MATCHED) == {REAL} and marks(entering, REFINED) == {0}
    assert {name: (marks(each, MATCHED), marks(each, REFINED)) for name, each in results.items()} == {
        "synthetic": ({0}, {0}), "histogram_matched": ({REAL}, {0}), "refined": ({REAL}, {4})}
    assert all(eyes_of(each) == eyes_of(entering) for each in results.values())


@pytest.mark.parametrize("days, by", [(5, "day"), (1, None), (0, None)])
def test_days_are_kept_together_where_there_are_several(watched, domain, tmp_path, days, by):
    run_of(SeedRun, domain_of(days), tmp_path).measure()
    assert watched.of("two_sample_accuracy", 3) == [by] * 3


def test_the_images_that_are_shown_are_spread_over_all_days(watched, domain, tmp_path):
    found = run_of(SeedRun, domain, tmp_path).measure()
    numbers = found["shown"]["real"][:, 0, 0, NUMBER].tolist()
    assert len(numbers) == 24 and numbers[0] == 0 and numbers[-1] == TESTED - 1 and marks(found["shown"]["real"], DRAWN) == {TEST}
    for shown in (found["shown"], found["compared"]):
        assert marks(shown["refined"], REFINED) == {1} and marks(shown["synthetic"], MATCHED) == {0}
        assert eyes_of(shown["refined"]) == eyes_of(shown["synthetic"])


def test_seeds_share_the_domain_and_nothing_that_is_drawn_or_trained(watched, domain, tmp_path):
    for seed in (0, 1, 2):
        run_of(SeedRun, domain, tmp_path, seed).measure()
        list(run_of(StudySeed, domain, tmp_path, seed).estimators())
    for part, at in (("train_refiner", 4), ("train_gaze_estimator", 2), ("feature_network", 1), ("two_sample_accuracy", 2),
                     ("train_method", 2), ("refine", "seed")):
        assert set(watched.of(part, at)) == {0, 1, 2}, part
    assert len(set(watched.of("simulate", "seed"))) == 6                 # each seed has its eyes, and more of them


def test_what_is_kept_is_found_by_the_same_code_seed_and_job_alone(domain, tmp_path, monkeypatch):
    other = replace(domain, test=marked(TESTED, REAL, days=5))
    keys = [run_of(SeedRun, *given).keep.key for given in (
        (domain, tmp_path), (domain, tmp_path / "elsewhere"), (domain, tmp_path, 1), (other, tmp_path),
        (domain, tmp_path, 0, replace(TINY, compared=9)))]
    monkeypatch.setattr(pipeline, "code_digest", lambda: "other code")
    keys += [run_of(SeedRun, domain, tmp_path).keep.key]
    assert keys[0] == keys[1] and len(set(keys)) == 5


def test_larger_sets_hold_the_same_eyes_and_three_times_as_many_others_made_alike(watched, domain, tmp_path):
    study = run_of(StudySeed, domain, tmp_path, seed=2)
    found = {subject: (images, errors) for subject, images, errors, _ in study.estimators()}
    assert len(watched.given["train_refiner"]) == 1, "more eyes go through the refiner that there is"
    for name, degrees in (("synthetic", 1), ("synthetic_matched", 2), ("refined", 4)):
        for times, method, more in ((1, "", 0), (4, "", 8), (1, "knn:", 0)):
            images, errors = found[f"{method}{name}" + ("_4x" if times > 1 else "")]
            assert images == times * EYES and len(errors) == TESTED
            torch.testing.assert_close(errors, torch.full_like(errors, degrees + more), atol=1e-4, rtol=0)
    larger = [images for images in watched.of("train_gaze_estimator", 0) if len(images) == 4 * EYES]
    assert [(marks(each, MATCHED), marks(each, REFINED)) for each in larger] == [({0}, {0}), ({REAL}, {0}), ({REAL}, {3})]
    for images, name in itertools.zip_longest(larger, TRAINED_ON[:3]):
        eyes = eyes_of(images)
        assert len(set(eyes)) == 4 * EYES and eyes[:EYES] == eyes_of(study.sets[name]), "no eye twice"


def test_each_method_is_judged_on_the_test_images(watched, domain, tmp_path):
    found = {subject: errors for subject, _, errors, _ in run_of(StudySeed, domain, tmp_path).estimators()}
    assert len(found["knn:oracle"]) == TESTED
    torch.testing.assert_close(found["knn:oracle"], torch.full((TESTED,), 5.0).double(), atol=1e-4, rtol=0)


def _changed(value, path, change):
    """A nested result, changed in one place."""
    copied, (name, *rest) = dict(value), path
    copied[name] = _changed(value[name], rest, change) if rest else change(value[name])
    return copied


@pytest.mark.parametrize("stage, path, change", [
    ("refiner", ["result", "refiner", "leave.bias"], lambda weights: weights * torch.nan),
    ("refiner", ["result", "refiner", "leave.bias"], lambda weights: torch.cat([weights, weights])),
    ("refiner", ["result", "records"], lambda records: [{**records[0], "discriminator": torch.inf}]),
    ("gaze-refined", ["result", "errors"], lambda errors: errors + 180), ("gaze-oracle", ["result", "calibrated"], lambda e: e[1:]),
    ("gaze-synthetic", ["result"], lambda result: {"errors": result["errors"]}),
    ("gaze-synthetic", ["seconds"], lambda seconds: "long"),
    ("pupil", ["result", "shifts"], lambda shifts: shifts[:, :1]), ("pupil", ["result", "own"], lambda shifts: shifts / 0),
    ("realism", ["result", "kernel_distance", "refined"], lambda value: torch.nan),
    ("knn-oracle", ["result", "errors"], lambda errors: -1 - errors)])
def test_a_kept_result_that_cannot_be_right_is_made_anew_and_that_is_said(watched, domain, tmp_path, capsys, stage, path, change):
    """Its key and its digest fit: another program, or an earlier fault, wrote it."""
    def measured():
        run = run_of(StudySeed, domain, tmp_path)
        return run.measure(), list(run.estimators())
    measured()
    file = tmp_path / "seed0" / f"{stage}.state"
    right = load_state(file)
    save_state(file, _changed(right, ["result", *path], change))
    capsys.readouterr()
    measured()
    said, = capsys.readouterr().err.splitlines()
    assert said.startswith(f"note: {file}: what is kept there cannot be right (") and said.endswith("; it is made anew")
    assert str(load_state(file)["result"]["result"]) == str(right["result"]["result"])
    measured()
    assert not capsys.readouterr().err


def test_a_damaged_stage_is_made_anew_and_that_is_said(watched, domain, tmp_path, capsys):
    run_of(SeedRun, domain, tmp_path).measure()
    file = tmp_path / "seed0" / "realism.state"
    right = load_state(file)["result"]["result"]
    for damaged in (file.read_bytes()[:-1], b"", b"something else"):
        file.write_bytes(damaged)
        capsys.readouterr()
        assert run_of(SeedRun, domain, tmp_path).measure()["realism"] == right == load_state(file)["result"]["result"]
        said, = capsys.readouterr().err.splitlines()
        assert said.startswith(f"note: {file}: what is kept there cannot be right (") and said.endswith("; it is made anew")


def test_pupils_that_were_not_found_are_a_result(watched, domain, tmp_path, capsys):
    run_of(SeedRun, domain, tmp_path).measure()
    file = tmp_path / "seed0" / "pupil.state"
    save_state(file, _changed(load_state(file), ["result", "result", "shifts"], lambda shifts: shifts * torch.nan))
    assert run_of(SeedRun, domain, tmp_path).measure()["pupil"]["shifts"].isnan().all() and not capsys.readouterr().err
