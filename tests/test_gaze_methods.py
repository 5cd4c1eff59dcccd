"""The study of more images and other methods: its records say what was done, and survive; its tables say what they hold."""

import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from test_cli import refused, run, shrunk, write_eyes

from simgan_lib.evaluation.methods import METHODS
from simgan_lib.experiments import gaze_methods, pipeline
from simgan_lib.experiments.gaze_methods import (
    EXPERIMENT,
    matching_share,
    method_table,
    order_steps,
    shares,
    size_table,
    study_rows,
)
from simgan_lib.experiments.records import RECORDED, Records, read, row, run_line
from simgan_lib.experiments.results_page import jobs_of, read_all

SUBJECTS = 4 * (len(METHODS) + 1) + 3      # four sets, each method and the network; three larger sets


def made_up(domain="stand-in", **estimators):
    """A Job of estimators {subject, __ for :, : (errors, one a seed; share within 7 degrees; training images)}.

    Their intervals reach from 2 below to 1 above the share.
    """
    about = run_line(EXPERIMENT, "quick", domain, {}, network="small")
    rows = []
    for name, (errors, within, images) in estimators.items():
        subject, seeds = name.replace("__", ":"), list(range(len(errors)))
        rows += [row(seed, subject, "gaze_error_deg", error) for seed, error in enumerate(errors)]
        rows += [row(seed, subject, "within_7_deg", within) for seed in seeds]
        rows += [row(seed, subject, "training_images", images) for seed in seeds]
        rows += [row(None, subject, "within_7_deg", within, seeds=seeds, low=within - 2, high=within + 1)]
    return Records.of([about], [{"run": about["run"], **line} for line in rows]).jobs()[0]


def table_2(synthetic, synthetic_4x, refined, refined_4x):
    """A job with these shares within 7 degrees."""
    return made_up(synthetic=([5.0], synthetic, 80), synthetic_4x=([5.0], synthetic_4x, 320), refined=([5.0], refined, 80),
                   refined_4x=([5.0], refined_4x, 320))


@pytest.fixture
def small(monkeypatch):
    """All networks and methods, in seconds."""
    shrunk(monkeypatch)
    forest = METHODS["forest"]
    monkeypatch.setitem(METHODS, "forest", replace(forest, make=lambda seed: forest.make(seed).set_params(n_estimators=3)))


def test_the_command_computes_every_row_keeps_it_and_goes_on(tmp_path, capsys, monkeypatch, small):
    assert run(capsys, "reproduce", "--results", tmp_path)[0] == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("quick/seed0/*.state")}
    assert before
    words = ("gaze-table", "--results", tmp_path, "--records", tmp_path / "gaze.jsonl")
    status, out, error = run(capsys, *words)
    assert status == 0, error
    assert "87.2 (Table 2)" in out and "16.4 reported (Table 3)" in out
    job, = read(tmp_path / "gaze.jsonl").jobs()
    assert len(set(job.rows["subject"])) == SUBJECTS and job.seeds == [0] and job.first["updates"] == 5
    assert job.mean("refined_4x", "training_images") == 240 and job.mean("refined_4x", "seconds") > 0
    larger, within = job.get("refined_4x", "gaze_error_deg"), job.get("refined_4x", "within_7_deg")
    assert larger["low"] <= larger["mean"] <= larger["high"]
    assert len(larger["curve"]) == 21 and larger["curve"][7] == pytest.approx(within["mean"], abs=1e-3)
    assert all(a <= b for a, b in zip(larger["curve"], larger["curve"][1:]))
    # What `reproduce` had computed is found, and so is everything by a second run, which draws no more eyes.
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "computed anew"
    main_job, = read(tmp_path / "quick" / "measurements.jsonl").jobs()
    for name, measure in itertools.product(pipeline.TRAINED_ON, ("gaze_error_deg", "within_7_deg")):
        ours, theirs = job.get(name, measure), main_job.get(name, measure)
        assert [ours[end] for end in ("mean", "low", "high")] == [theirs[end] for end in ("mean", "low", "high")], "another number"
    text = (tmp_path / "gaze.jsonl").read_text()
    monkeypatch.setattr(pipeline.StudySeed, "_more", property(lambda study: pytest.fail("more eyes were drawn")))
    assert run(capsys, *words)[0] == 0
    assert (tmp_path / "gaze.jsonl").read_text() == text


def test_each_estimator_of_a_study_has_its_own_errors_curve_and_cost():
    domain = SimpleNamespace(test=SimpleNamespace(groups={"day": ["x", "x", "y"]}))
    found = [("refined_4x", 320, torch.tensor([0.5, 6.5, 20.5]), 2.5), ("svr:oracle", 40, torch.tensor([7.5, 7.5, 7.5]), 9.0)]
    rows = study_rows(SimpleNamespace(seed=3, domain=domain, estimators=lambda: found))
    values = {(line["subject"], line["measure"]): line["value"] for line in rows}
    assert values == {names: pytest.approx(value) for names, value in {
        ("refined_4x", "gaze_error_deg"): 27.5 / 3, ("refined_4x", "within_7_deg"): 200 / 3,
        ("refined_4x", "training_images"): 320, ("refined_4x", "seconds"): 2.5,
        ("svr:oracle", "gaze_error_deg"): 7.5, ("svr:oracle", "within_7_deg"): 0,
        ("svr:oracle", "training_images"): 40, ("svr:oracle", "seconds"): 9.0}.items()}
    curve = next(line["curve"] for line in rows if line["subject"] == "refined_4x" and "curve" in line)
    assert curve == pytest.approx([0] + [33.333] * 6 + [66.667] * 14)             # within 0, 1 to 6, and 7 to 20 degrees
    assert {line["seed"] for line in rows} == {3}


def test_on_a_release_the_folder_is_not_recorded(tmp_path, capsys, monkeypatch, small):
    monkeypatch.setattr(pipeline, "METHODS", {"knn": METHODS["knn"]})
    write_eyes(tmp_path / "p00", days=4)
    words = ("gaze-table", "--real", tmp_path / "p00", "--test-days", "day02,day04", "--results", tmp_path / "r")
    status, out, error = run(capsys, *words)
    assert status == 0, error
    path = tmp_path / "r" / "quick-real" / "gaze.jsonl"
    job, = read(path).jobs()
    assert job.domain == "MPIIGaze" and job.first["days"] == {"day02": 24, "day04": 24} and job.first["images"]["test"] == 48
    assert str(tmp_path) not in path.read_text() and "--real DIR --test-days day02,day04" in job.first["command"]


def test_bad_input(tmp_path, capsys, small):
    assert "expected one of quick, full, paper" in refused(capsys, "gaze-table", "--profile", "fast", "--results", tmp_path)
    assert "--real" in refused(capsys, "gaze-table", "--test-days", "day01", "--results", tmp_path)
    (tmp_path / "notes.jsonl").write_text(json.dumps(run_line("gaze", "quick", "stand-in", {})) + "\nnotes\n")
    assert "line 2" in refused(capsys, "gaze-table", "--records", tmp_path / "notes.jsonl", "--results", tmp_path)


def test_seeds_of_two_runs_come_together_in_one_file_as_in_one_run(tmp_path, capsys, monkeypatch, small):
    monkeypatch.setattr(pipeline, "METHODS", {"mean": METHODS["mean"]})
    gaze_methods.gaze_study(tmp_path / "one.jsonl", seeds=2, results=tmp_path / "r", bar=False)
    words = ("gaze-table", "--results", tmp_path / "r", "--records", tmp_path / "two.jsonl")
    assert run(capsys, *words, "--first-seed", "1")[0] == 0 and run(capsys, *words)[0] == 0
    one, two = (read(tmp_path / f"{name}.jsonl").jobs()[0] for name in ("one", "two"))
    assert two.seeds == [0, 1] and len(two.runs) == 2
    for subject in set(one.rows["subject"]):
        for measure in ("gaze_error_deg", "within_7_deg"):
            ours, theirs = two.get(subject, measure), one.get(subject, measure)
            assert sorted(ours["values"]) == sorted(theirs["values"]) and ours["sd"] == pytest.approx(theirs["sd"])
            assert (ours["low"], ours["high"]) == pytest.approx((theirs["low"], theirs["high"]))
        assert two.get(subject, "gaze_error_deg")["curve"] == pytest.approx(one.get(subject, "gaze_error_deg")["curve"])


def test_tables_hold_the_papers_numbers_and_ours_over_seeds():
    job = made_up(synthetic=([5.0, 6.0], 70.0, 8000), synthetic_4x=([5.0], 75.0, 32000), svr__synthetic=([7.0], 70.0, 5000),
                  svr__oracle=([7.0], 70.0, 4000))
    sizes = size_table(job).splitlines()
    assert "62.3 reported (Table 2)" in sizes[2] and "5.00, 6.00" in sizes[2] and "8,000" in sizes[2]
    assert "4 x as many" in sizes[3] and "64.9 (Table 2)" in sizes[3] and "75.0 [73.0, 76.0]" in sizes[3]
    assert len(sizes) == 4 and len({len(line) for line in sizes}) == 1
    methods = {line.split("|")[1].strip(): line for line in method_table(job).splitlines()}
    assert "16.5 reported" in methods["support vectors"] and "7.00" in methods["support vectors"]
    assert "| 5,000 / 4,000 |" in methods["support vectors"]
    assert "7.8 (Table 3)" in methods["CNN (here: small)"] and "5.00, 6.00" in methods["CNN (here: small)"]
    assert list(methods)[2:-1] == list(gaze_methods.METHOD_NAMES.values())[:-1]


def test_the_figure_of_methods_gets_the_tables_numbers():
    found = gaze_methods.methods_compared(made_up(svr__refined=([7.0, 8.0], 70.0, 80), oracle=([2.0], 99.0, 80)))
    assert found["support vectors"] == {"refined": 7.5, "paper": (16.5, None, None)}
    assert found["CNN"] == {"oracle": 2.0, "paper": (13.9, 11.2, 7.8)} and list(found) == list(gaze_methods.METHOD_NAMES.values())


def test_shares_are_those_of_the_table():
    found = shares(made_up(synthetic=([5.0], 70.0, 80), synthetic_4x=([5.0], 75.0, 320), svr__synthetic=([5.0], 70.0, 80)))
    assert list(found) == ["synthetic", "synthetic_4x"] and found["synthetic"][0] == 70 and found["synthetic"][2] == 62.3
    assert found["synthetic_4x"][1] == (73, 76) and found["synthetic_4x"][2] == 64.9


def test_each_step_of_the_papers_order_is_judged():
    found = order_steps(table_2(70.0, 69.0, 80.0, 80.5))
    assert [step[:2] for step in found] == [("synthetic", "synthetic_4x"), ("synthetic_4x", "refined"), ("refined", "refined_4x")]
    assert [step[2] for step in found] == pytest.approx([2.6, 4.5, 17.8])
    assert [step[3] for step in found] == [-1.0, 11.0, 0.5] and [step[4] for step in found] == [True, False, True]
    assert not order_steps(table_2(70.0, 60.0, 80.0, 80.5))[0][4], "apart, in the other order"
    rows = gaze_methods.order_table(table_2(70.0, 69.0, 80.0, 80.5)).splitlines()[2:]
    assert ["**no**" in line for line in rows] == [True, False, False]
    assert ["apart" in line for line in rows] == [False, True, False]


@pytest.mark.parametrize("matched, refined, share", [(4.5, 4.0, 50), (4.0, 4.0, 100), (5.5, 4.0, -50), (4.0, 5.0, None)])
def test_how_much_of_the_gain_is_matchings(matched, refined, share):
    errors = {"synthetic": 5.0, "synthetic_matched": matched, "refined": refined}
    job = made_up(**{name: ([error], 100 - 10 * error, 80) for name, error in errors.items()})
    assert matching_share(job) == share == matching_share(job, "within_7_deg")


def test_recorded_studies_are_whole():
    """What notebook 09 and the documents make their tables of."""
    jobs = jobs_of(read_all(), "gaze")
    assert len(jobs) >= 3
    for job in jobs:
        subjects = set(job.rows["subject"])
        assert len(subjects) == SUBJECTS and all(len(job.by_seed(each, "gaze_error_deg")) == len(job.seeds) for each in subjects)
        assert all(len(job.get(each, "gaze_error_deg")["curve"]) == 21 for each in subjects)
        assert "/" not in job.said("command")


def test_recorded_networks_are_those_of_the_main_jobs_records():
    """One run, recorded twice: by `reproduce` and by `gaze-table`.  Every number and every interval is the same."""
    records, compared = read_all(), 0
    for ours, theirs in itertools.product(jobs_of(records, "gaze"), jobs_of(records, "reproduce")):
        if (ours.profile, ours.domain, ours.said("commit")) == (theirs.profile, theirs.domain, theirs.said("commit")):
            for name, measure in itertools.product(pipeline.TRAINED_ON, ("gaze_error_deg", "within_7_deg")):
                a, b = ([job.get(name, measure)[end] for end in ("mean", "low", "high")] for job in (ours, theirs))
                assert a == pytest.approx(b, abs=1e-9)
                compared += 1
    assert compared >= 2 * 4 * 2 and RECORDED.exists()
