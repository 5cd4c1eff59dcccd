"""The one table of measurements: what a file may hold, how seeds come together, and that intervals are exact."""

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simgan_lib.__main__ import main
from simgan_lib.evaluation.statistics import bootstrap_interval, sums_interval
from simgan_lib.experiments import records
from simgan_lib.experiments.records import RECORDED, Records, add, check_addable, days_of, image_row, read, row, run_line
from simgan_lib.experiments.reproduce import metrics_of, pupil_rows, pupil_scatter
from simgan_lib.experiments.tables import findings, format_table
from simgan_lib.system.errors import UserError
from simgan_lib.system.places import claimed

DAYS = np.repeat(["day3", "day1", "day2"], [4, 2, 6])            # not in order, not of one size


def a_run(profile="quick", domain="stand-in", job=None, **more):
    return run_line("reproduce", profile, domain, job or {"config": {"steps": 3}}, days=days_of(DAYS), **more)


def errors_of(seed, n=12):
    return np.random.default_rng(seed).gamma(2.0, 3.0, n)


def rows_of(*seeds, subject="refined"):
    return [image_row(seed, subject, "gaze_error_deg", errors_of(seed), DAYS) for seed in seeds]


def job_of(*runs_and_rows):
    """A Job of [(run, rows)]."""
    job, = Records.of([run for run, _ in runs_and_rows],
                      [{"run": run["run"], **line} for run, rows in runs_and_rows for line in rows]).jobs()
    return job


# ---- a table in memory ----
def test_a_row_keeps_the_sums_of_each_day():
    line = image_row(4, "refined", "gaze_error_deg", np.arange(12.0), DAYS)
    assert days_of(DAYS) == {"day1": 2, "day2": 6, "day3": 4} and line["sums"] == [4 + 5, 6 + 7 + 8 + 9 + 10 + 11, 0 + 1 + 2 + 3]
    assert (line["seed"], line["n"], line["value"]) == (4, 12, 5.5)
    assert days_of(["day1"] * 3) == {"day1": 3} and days_of(None) is None


def test_test_images_of_one_day_have_no_interval_and_the_table_says_why():
    """Their images resemble each other: to draw single ones would give an interval that is far too narrow."""
    rows = [image_row(seed, "refined", "gaze_error_deg", errors_of(seed), ["day7"] * 12) for seed in range(3)]
    job = job_of((a_run() | {"days": days_of(["day7"] * 12)}, rows))
    found, table = job.get("refined", "gaze_error_deg"), format_table(job)
    assert found["low"] is None and found["high"] is None and found["sd"] > 0
    assert "[" not in table and "No interval: all test images are of one day, day7" in table
    assert "No interval" not in format_table(job_of((a_run(), rows_of(0, 1, 2))))


def test_of_two_seeds_the_table_shows_both():
    job = job_of((a_run(), rows_of(0, 1)))
    assert "Two seeds: both values stand" in format_table(job)
    assert "±" not in next(line for line in format_table(job).splitlines() if "[" in line and "refined" in line)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True))
@settings(max_examples=15, deadline=None)
def test_the_interval_over_seeds_and_days_is_that_of_the_images(seeds):
    """From sums alone, what a bootstrap of the images gives: of each one's mean over the seeds, whole days being drawn."""
    found = job_of((a_run(), rows_of(*seeds))).get("refined", "gaze_error_deg")
    errors = np.mean([errors_of(seed) for seed in seeds], 0)
    whole = bootstrap_interval(errors, groups=DAYS)
    assert [found["mean"], found["low"], found["high"]] == pytest.approx([whole["mean"], whole["low"], whole["high"]], rel=1e-12)
    assert found["seeds"] == len(seeds) and found["values"] == pytest.approx([errors_of(seed).mean() for seed in seeds])


@pytest.mark.parametrize("people, drawn", [(3, ["p0", "p1", "p2"]), (2, ["p0/day1", "p0/day2", "p1/day1", "p1/day2"])])
def test_of_three_people_whole_people_are_drawn_of_two_their_days(people, drawn):
    names = [f"p{person}/day{day}" for person in range(people) for day in (1, 2)]
    days, errors = np.repeat(names, range(2, 2 + len(names))), errors_of(0, sum(range(2, 2 + len(names))))
    line = image_row(0, "refined", "gaze_error_deg", errors, days)
    found = job_of((a_run() | {"days": days_of(days)}, [line])).get("refined", "gaze_error_deg")
    as_one = np.array([next(name for name in drawn if day.startswith(name)) for day in days])
    by_hand = sums_interval([errors[as_one == name].sum() for name in drawn], [(as_one == name).sum() for name in drawn])
    assert len(line["sums"]) == 2 * people and (found["low"], found["high"]) == pytest.approx(by_hand, rel=1e-12)
    whole = bootstrap_interval(errors, groups=days)
    assert (whole["low"], whole["high"]) == pytest.approx(by_hand, rel=1e-12)


def test_without_days_single_images_are_drawn():
    rows = [image_row(0, "refined", "gaze_error_deg", errors_of(0))]
    found, whole = job_of((a_run() | {"days": None}, rows)).get("refined", "gaze_error_deg"), bootstrap_interval(errors_of(0))
    assert (found["low"], found["high"]) == pytest.approx((whole["low"], whole["high"]), rel=1e-12)


@given(st.integers(1, 3))
@settings(max_examples=3, deadline=None)
def test_seeds_of_two_machines_are_those_of_one_run_exactly(first):
    one = job_of((a_run(), rows_of(*range(4))))
    two = job_of((a_run(commit="a"), rows_of(*range(first))), (a_run(commit="b"), rows_of(*range(first, 4))))
    assert two.seeds == one.seeds == [0, 1, 2, 3] and two.said("commit") == "a; b"
    assert metrics_of(two)["gaze_error_deg"] == metrics_of(one)["gaze_error_deg"]


def test_one_seed_has_no_deviation():
    found = metrics_of(job_of((a_run(), rows_of(0))))["gaze_error_deg"]["refined"]
    assert found["sd"] is None and found["n"] == 1 and found["images"] == 12


def test_deviations_over_images_are_pooled_over_seeds():
    """As if all images had been measured at once."""
    shifts = [torch.randn(n, 2, generator=torch.Generator().manual_seed(n)) for n in (30, 50)]
    shifts[0][:3] = float("nan")
    rows = [line for seed, each in enumerate(shifts) for line in pupil_rows(seed, {"shifts": each, "own": each / 2})]
    found, together = job_of((a_run(), rows)), torch.cat(shifts).norm(dim=1)
    together = together[~together.isnan()]
    moved = found.get("refined", "pupil_shift_px")
    assert [moved["mean"], moved["sd"], moved["n"]] == pytest.approx([together.mean().item(), together.std().item(), 77], rel=1e-5)
    assert found.mean("refined", "pupil_shift_px_failed") == pytest.approx((3 / 30 + 0) / 2)


def test_a_finder_that_found_no_pupil_does_not_lose_the_run():
    none = torch.full((5, 2), float("nan"))
    job = job_of((a_run(), pupil_rows(0, {"shifts": none, "own": none})))
    assert job.mean("refined", "pupil_shift_px") is None and job.mean("refined", "pupil_shift_px_failed") == 1.0
    assert "pupil" not in format_table(job).lower() and findings(job) == []


def test_what_could_not_be_measured_has_no_row():
    job = job_of((a_run(), [row(0, "refined", "kernel_distance", float("nan")), row(0, "refined", "change", 1.0)]))
    assert job.mean("refined", "kernel_distance") is None and job.mean("refined", "change") == 1.0


def test_the_scatter_is_the_first_images_and_valid_json():
    nan = float("nan")
    pupil = {"shifts": torch.tensor([[0.123, -1.0], [nan, nan], [2.0, 2.0]]), "own": torch.tensor([[0.5, 0.0]] * 3)}
    kept = pupil_scatter({"pupil": pupil}, most=2)
    assert kept == {"shifts": [[0.12, -1.0], None], "own": [[0.5, 0.0]] * 2}
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


# ---- what is known from before ----
def test_what_is_known_over_seeds_alone_is_taken_where_nothing_was_measured(tmp_path):
    run = a_run()
    before = {"run": run["run"], "subject": "refined", "measure": "kernel_distance", "value": 0.5, "sd": 0.1, "seeds": [0, 1]}
    ends = {"run": run["run"], "subject": "refined", "measure": "gaze_error_deg", "value": 5.0, "seeds": [0, 1], "low": 4.0,
            "high": 6.0}
    rows = [row(seed, "refined", "gaze_error_deg", value) for seed, value in ((0, 4.0), (1, 6.0))]
    job = Records.of([run], [before, ends, *({"run": run["run"], **line} for line in rows)]).jobs()[0]
    kernel, gaze = job.get("refined", "kernel_distance"), job.get("refined", "gaze_error_deg")
    assert (kernel["mean"], kernel["sd"], kernel["seeds"]) == (0.5, 0.1, 2)
    assert kernel["values"] == pytest.approx([0.5 - 0.1 / 2**0.5, 0.5 + 0.1 / 2**0.5])     # all that two seeds can have been
    assert (gaze["mean"], gaze["low"], gaze["high"]) == (5.0, 4.0, 6.0) and gaze["sd"] == pytest.approx(2**0.5)
    rows += [row(2, "refined", "gaze_error_deg", 5.0)]                        # another seed: that interval is not of these
    job = Records.of([run], [ends, *({"run": run["run"], **line} for line in rows)]).jobs()[0]
    assert job.get("refined", "gaze_error_deg")["low"] is None


# ---- files ----
def test_a_file_gives_back_what_was_added(tmp_path):
    path, run = tmp_path / "new" / "r.jsonl", a_run(commit="abc")
    assert not read(path).runs
    add(path, run, rows_of(0, 1))
    job, = read(path).jobs(experiment="reproduce", profile="quick")
    assert job.said("commit") == "abc" and job.by_seed("refined", "gaze_error_deg") == {
        seed: errors_of(seed).mean() for seed in (0, 1)}
    assert metrics_of(job) == metrics_of(job_of((run, rows_of(0, 1))))


def test_a_seed_that_is_measured_anew_takes_its_own_place_alone(tmp_path):
    path = tmp_path / "r.jsonl"
    add(path, a_run(commit="old"), rows_of(0, 1))
    add(path, a_run("full", commit="full"), rows_of(0))
    add(path, a_run(commit="new"), [line | {"value": 9.0} for line in rows_of(1)])
    quick, = read(path).jobs(profile="quick")
    assert quick.by_seed("refined", "gaze_error_deg") == {0: errors_of(0).mean(), 1: 9.0} and quick.said("commit") == "old; new"
    add(path, a_run(commit="newest"), rows_of(0, 1))
    quick, full = read(path).jobs(profile="quick") + read(path).jobs(profile="full")
    assert quick.said("commit") == "newest" and full.said("commit") == "full"      # a run without rows is gone


@pytest.mark.parametrize("changed, words", [
    ({"config": {"steps": 4}}, r"another config \(\{\"steps\": 3\}, \{\"steps\": 4\}\)"),
    ({"test_days": ["day2"]}, r"another test_days \(\[\"day1\"\], \[\"day2\"\]\)")])
def test_another_job_is_refused_before_hours_of_work_and_loses_nothing(tmp_path, changed, words):
    path, job = tmp_path / "r.jsonl", {"test_days": ["day1"], "config": {"steps": 3}}
    add(path, a_run(job=job), rows_of(0))
    before = path.read_bytes()
    other = a_run(job=job | changed)
    for attempt in (lambda: check_addable(path, other, [1]), lambda: add(path, other, rows_of(1))):
        with pytest.raises(UserError, match=f"r.jsonl: holds reproduce quick stand-in, seeds 0, with {words}.*name another file"):
            attempt()
    assert path.read_bytes() == before
    check_addable(path, a_run(job=job), [1])
    check_addable(path, a_run("full", job=job | changed), [1])                # that one has another name
    with pytest.raises(UserError, match="another test_days"):
        check_addable(path, a_run(job={"config": {"steps": 3}}), [1])         # what is not known of both is no agreement


def test_a_run_of_another_job_takes_the_place_of_seeds_that_it_measures_anew(tmp_path):
    path, other = tmp_path / "r.jsonl", a_run(job={"config": {"steps": 4}}, commit="new")
    add(path, a_run(commit="old"), rows_of(0, 1))
    assert len(check_addable(path, other, [0, 1, 2])) == 1
    add(path, other, rows_of(0), seeds=[0, 1, 2])
    job, = read(path).jobs()
    assert job.said("commit") == "new" and job.seeds == [0]


def test_numbers_of_the_kit_are_not_averaged_with_others_by_chance(tmp_path):
    """Of most runs from before, settings and images are not known."""
    path = Path(shutil.copy(RECORDED / "reproduce.jsonl", tmp_path))
    for domain in ("stand-in", "MPIIGaze"):
        with pytest.raises(UserError, match=f"holds reproduce quick {domain}, seeds 0, 1, 2, with another"):
            add(path, a_run(domain=domain), rows_of(3))


def put(path, *runs_and_rows):
    """A file of lines that no `add` has seen."""
    path.write_text("".join(json.dumps(line) + "\n" for run, rows in runs_and_rows
                            for line in (run, *({"run": run["run"], **each} for each in rows))))
    return path


def test_files_put_together_are_the_records_of_both(tmp_path):
    add(tmp_path / "a.jsonl", a_run(commit="a"), rows_of(0))
    add(tmp_path / "b.jsonl", a_run(commit="b"), rows_of(1))
    (tmp_path / "both.jsonl").write_text((tmp_path / "a.jsonl").read_text() + "\n" + (tmp_path / "b.jsonl").read_text())
    both, = read(tmp_path / "both.jsonl").jobs()
    assert both.seeds == [0, 1] and metrics_of(both)["gaze_error_deg"] == metrics_of(
        job_of((a_run(), rows_of(0, 1))))["gaze_error_deg"]


def test_what_cannot_be_put_together_is_refused(tmp_path):
    run, other = a_run(commit="a"), a_run(job={"config": {"steps": 4}})
    for content, words in ((((run, rows_of(0)), (run, rows_of(0))), "gaze_error_deg of refined, seed 0, stands twice"),
                           (((run, rows_of(0)), (a_run(commit="b"), rows_of(0))), "seed 0, stands twice"),
                           (((run, rows_of(0)), (other, rows_of(1))), r"differ in config \(.*cannot be averaged"),
                           (((run, rows_of(0)), (run | {"profile": "full"}, rows_of(1))), "line 3: .*one description of a run")):
        with pytest.raises(UserError, match=words):
            read(put(tmp_path / "r.jsonl", *content)).jobs()


def test_the_same_days_in_another_order_are_not_added_up(tmp_path):
    turned = dict(reversed(days_of(DAYS).items()))
    with pytest.raises(UserError, match="measured on other test images"):
        path = put(tmp_path / "r.jsonl", (a_run(), rows_of(0)), (a_run(commit="b") | {"days": turned}, rows_of(1)))
        _ = read(path).jobs()[0].summary


def test_two_processes_write_one_file_one_after_the_other(tmp_path, monkeypatch):
    add(tmp_path / "r.jsonl", a_run(), rows_of(0))
    with claimed(tmp_path / "r.jsonl"):
        with monkeypatch.context() as patch, pytest.raises(UserError, match="r.jsonl: another process is at work there"):
            patch.setattr(records, "WAIT", 0.2)
            add(tmp_path / "r.jsonl", a_run(), rows_of(1))
        other = threading.Thread(target=add, args=(tmp_path / "r.jsonl", a_run(), rows_of(1)))
        other.start()
        meanwhile = read(tmp_path / "r.jsonl").rows["seed"].unique().tolist()
    other.join()
    assert meanwhile == [0] and read(tmp_path / "r.jsonl").rows["seed"].unique().tolist() == [0, 1]


RUN = json.dumps({"run": "a", "experiment": "x", "profile": "quick", "domain": "d", "days": {"1": 2, "2": 2}})


def odd(**changed):
    """A row with something that no row has."""
    return json.dumps({"run": "a", "seed": 0, "subject": "s", "measure": "m", "value": 1} | changed)


@pytest.mark.parametrize("line", [
    "{", "7", "null", "[1]", "<html>", '"run"', '{"run": "a"}', "[" * 100_000,
    '{"run": "b", "seed": 0, "subject": "s", "measure": "m", "value": 1}',                # its run is not there
    '{"run": "a", "seed": 0, "subject": "s", "measure": "m", "value": "1"}',
    '{"run": "a", "seed": 0, "subject": "s", "measure": "m", "value": true}',
    '{"run": "a", "seed": 0, "subject": "s", "measure": "m"}',
    '{"run": "a", "seed": 0.5, "subject": "s", "measure": "m", "value": 1}',
    '{"run": "a", "subject": "s", "measure": "m", "value": 1}',
    '{"run": "a", "seed": 0, "subject": 7, "measure": "m", "value": 1}',
    '{"run": ["a"], "seed": 0, "subject": "s", "measure": "m", "value": 1}',
    '{"run": "a", "seed": 0, "subject": "s", "measure": "m", "value": 1, "colour": 2}',
    '{"run": "b", "experiment": "x", "profile": "quick", "domain": "d", "days": [1]}',
    '{"run": "b", "experiment": "x", "profile": 7, "domain": "d"}',
    '{"run": "a", "experiment": "y", "profile": "p", "domain": "d"}',
    odd(seed=True), odd(seed=-3), odd(seed=2**70), odd(seeds=[0]), odd(value=10**400), odd(value=float("inf")),
    odd(value=float("nan")), odd(sums=["1", "2"]), odd(sums=3), odd(sums=[1.0]), odd(curve=7), odd(sd="x"), odd(n="x"),
    odd(n=0), odd(low=[1]), odd(sd=-1), odd(low=2, high=1), odd(value=1e200), odd(sums=[1, 1e200]), '"of a measure"',
    *(RUN.replace('"a"', '"b"')[:-1] + f', "{name}": {value}}}' for name, value in (
        ("days", '{"1": 0}'), ("images", "[1]"), ("images", '{"test": "many"}'), ("versions", '{"torch": 2}'), ("hardware", "7"),
        ("command", "[]"), ("job", "[]"), ("mean_answer_error_deg", '"5"'), ("scatter", "[]"), ("shown", "{}")))])
def test_a_line_that_is_no_record_is_named_and_nothing_is_written(tmp_path, line):
    path = tmp_path / "r.jsonl"
    path.write_text(f"{RUN}\n{line}\n")
    before = path.read_bytes()
    for attempt in (lambda: read(path), lambda: add(path, a_run(), rows_of(0)), lambda: check_addable(path, a_run(), [0])):
        with pytest.raises(UserError, match="r.jsonl, line 2: not a record of this kit"):
            attempt()
    assert path.read_bytes() == before


def test_a_record_of_an_earlier_version_is_called_so(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"profile": "quick", "domain": "stand-in", "command": "python", "gaze_error_deg": {}}\n')
    with pytest.raises(UserError, match="line 1: .*of an earlier version of the kit; name another file"):
        read(tmp_path / "r.jsonl")


def test_a_folder_or_a_binary_file_in_a_files_place_is_named(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    getattr(os, "mkfifo", os.mkdir)(tmp_path / "pipe.jsonl")
    for name in ("", "b.jsonl", "pipe.jsonl"):
        with pytest.raises(UserError, match="no file of records can be read there"):
            read(tmp_path / name)


# ---- the records that come along ----
def test_the_kits_records_are_json_that_every_reader_takes_and_name_nobodys_folders():
    for path in RECORDED.glob("*.jsonl"):
        text = path.read_text()
        for line in text.splitlines():
            json.loads(line, parse_constant=pytest.fail)                     # Python alone would read NaN
        assert "/home/" not in text and "../" not in text, path.name


def test_no_number_of_the_kits_records_stands_twice():
    for path in RECORDED.glob("*.jsonl"):
        rows = read(path).rows
        assert not rows.astype({"seeds": str}).duplicated(["run", "seed", "seeds", "subject", "measure"]).any(), path.name


@pytest.mark.parametrize("name, words", [("reproduce.jsonl", ["reproduce", "--record"]),
                                         ("gaze.jsonl", ["gaze-table", "--records"]),
                                         ("ablations.jsonl", ["ablate", "--seeds", "1", "--only", "base", "--records"])])
def test_the_commands_refuse_a_file_of_another_job_before_hours_of_work(tmp_path, capsys, monkeypatch, name, words):
    from simgan_lib.experiments import ablations, domains
    path = shutil.copy(RECORDED / name, tmp_path)
    lines = [json.loads(line) for line in open(path)]
    for line in lines:
        line |= {"job": {"config": "another"}} if "job" in line else {}
    open(path, "w").write("".join(json.dumps(line) + "\n" for line in lines))
    from dataclasses import replace
    small = replace(domains.PROFILES["quick"], real=60, test=60)
    monkeypatch.setitem(domains.PROFILES, "quick", small)
    monkeypatch.setattr(ablations, "trial", pytest.fail)
    assert main([*words, str(path), "--profile", "quick", "--results", str(tmp_path / "results")]) == 2
    assert f"{path}: holds" in (said := capsys.readouterr().err) and "seeds 0, 1, 2, with another" in said
    assert not (tmp_path / "results").exists()
