"""The study of what is left on test images: its measures on answers known by hand, its records and their page."""

import math
import re
import sys

import pytest
import torch
from study_scripts import study_script

from simgan_lib.experiments import results_page
from simgan_lib.experiments.left_page import ALIKE, EXPERIMENT, MEASURES
from simgan_lib.experiments.records import read


@pytest.fixture(scope="module")
def study():
    return study_script("what_is_left")


def test_what_a_calibration_takes_away_is_taken_away(study):
    """Answers that are off by an affine map of their own for each eye: nothing is left but where one map is for both."""
    torch.manual_seed(1)
    truth, sides = torch.randn(200, 2) * 0.1, torch.arange(200) % 2 == 0
    turned = torch.where(sides[:, None], truth * 0.5 + 0.1, truth @ torch.tensor([[1.0, 0.2], [0.0, 1.5]]) - 0.05)
    found = study.described(turned, truth, sides)
    assert found["affine_each_eye_error_deg"] < 1e-4 < 1 < found["affine_error_deg"] < found["gaze_error_deg"]
    assert study.described(truth + 0.1, truth)["calibrated_error_deg"] < 0.1 < math.degrees(0.1) < study.described(
        truth + 0.1, truth)["gaze_error_deg"]


def test_a_constant_error_of_an_eye_makes_no_two_sets_alike(study):
    torch.manual_seed(2)
    sides, noise = torch.arange(400) % 2 == 0, torch.randn(2, 400, 2)
    errors = {"a": noise[0] + 9.0 * sides[:, None], "b": noise[1] + 9.0 * sides[:, None], "c": noise[0]}
    shared = study.alike(errors, sides)
    assert abs(shared["a", "b"]) < 0.2 and shared["a", "c"] == pytest.approx(1)


def test_what_it_prints_it_records_and_the_page_shows(study, tmp_path, monkeypatch, capsys):
    """One set, the stand-in's own eyes, which needs no refiner; the training itself is left out."""
    asked, small = [], study.stand_in

    def trained(images, config, seed, device):
        asked.append((images.source, len(images), seed))
        return "estimator"

    monkeypatch.setattr(study, "stand_in", lambda n, seed: small(60, seed=seed))
    monkeypatch.setattr(study, "train_gaze_estimator", trained)
    monkeypatch.setattr(study, "predict_gaze", lambda estimator, images: images.labels["gaze"] + torch.tensor([0.1, 0.0]))
    monkeypatch.setattr(sys, "argv", ["what_is_left.py", "--seed", "5", "--only", "stand_in",
                                      "--results", str(tmp_path / "results"), "--record", str(tmp_path / "left.jsonl")])
    assert study.main() is None
    job, = read(tmp_path / "left.jsonl").jobs(experiment=EXPERIMENT)
    assert job.seeds == [5] and len(asked) == 1 and asked[0][1:] == (60, 5)
    assert job.mean("stand_in", "gaze_error_deg") == pytest.approx(math.degrees(0.1), abs=0.01)
    assert "gaze_error_deg 5.73" in capsys.readouterr().out
    page = results_page.page(tmp_path)
    assert "## What is left: stand-in, `quick`" in page and re.search(r"\| stand_in +\| 5\.73 +\|", page)
    assert not job.rows["measure"].isin([ALIKE]).any() and "affine_each_eye_error_deg" in MEASURES


def test_other_lids_are_not_recorded_as_the_simulators_own(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["what_is_left.py", "--lids", "0.1", "0.1", "--record", str(tmp_path / "left.jsonl")])
    with pytest.raises(SystemExit):
        study.main()
    assert "--lids" in capsys.readouterr().err and not list(tmp_path.iterdir())
