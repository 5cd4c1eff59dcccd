"""The study of more images and other methods: its records say what was done, and survive; its tables say what they hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_cli import refused, run, shrunk, write_eyes

from simgan_lib import gaze_records, gaze_study
from simgan_lib.errors import UserError
from simgan_lib.evaluation.methods import METHODS
from simgan_lib.gaze_records import chosen, method_table, read_records, save_records, size_table
from simgan_lib.images import ImageSet

ROWS = 4 * (len(METHODS) + 1) + 3          # four sets, each method and the network; three larger sets


def record(method="cnn", training_set="synthetic", times=1, seed=0, error=5.0, within=70.0, domain="stand-in"):
    return {"method": method, "training_set": training_set, "times": times, "images": 8000 * times, "seed": seed,
            "gaze_error_deg": error, "gaze_error_interval": [error - 0.5, error + 0.25], "within_7_deg": within,
            "within_7_interval": [within - 2, within + 1], "profile": "quick", "domain": domain}


@pytest.fixture
def small(monkeypatch):
    """All networks and methods, in seconds."""
    shrunk(monkeypatch)
    forest = METHODS["forest"]
    monkeypatch.setitem(METHODS, "forest", replace(forest, make=lambda seed: forest.make(seed).set_params(n_estimators=3)))


def test_the_command_computes_every_row_keeps_it_and_goes_on(tmp_path, capsys, monkeypatch, small):
    assert run(capsys, "reproduce", "--results", tmp_path)[0] == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("quick/seed0/*.safetensors")}
    words = ("gaze-table", "--results", tmp_path, "--records", tmp_path / "gaze.jsonl")
    status, out, error = run(capsys, *words)
    assert status == 0, error
    assert "87.2 (Table 2)" in out and "16.4 reported (Table 3)" in out
    records = read_records(tmp_path / "gaze.jsonl")
    assert len(records) == ROWS and len({(r["method"], r["training_set"], r["times"]) for r in records}) == ROWS
    larger, = chosen(records, "cnn", "refined", 4)
    assert larger["images"] == 240 and larger["updates"] == 5 and larger["seed"] == 0 and larger["seconds"] >= 0
    assert larger["gaze_error_interval"][0] <= larger["gaze_error_deg"] <= larger["gaze_error_interval"][1]
    assert len(larger["curve"]) == 21 and larger["curve"][7] == larger["within_7_deg"]
    assert all(a <= b for a, b in zip(larger["curve"], larger["curve"][1:]))
    # What `reproduce` had computed is found, and so is everything by a second run, which draws no more eyes.
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "computed anew"
    metrics = json.loads((tmp_path / "quick" / "metrics.json").read_text())
    for name in ("synthetic", "refined", "oracle"):
        assert chosen(records, "cnn", name)[0]["gaze_error_deg"] == pytest.approx(metrics["gaze_error_deg"][name]["mean"], abs=1e-3)
    drawn = []
    monkeypatch.setattr(gaze_study, "simulate", lambda *given, **named: drawn.append(given))
    assert run(capsys, *words)[0] == 0 and not drawn
    assert read_records(tmp_path / "gaze.jsonl") == records


def test_on_a_release_the_folder_is_not_recorded(tmp_path, capsys, monkeypatch, small):
    monkeypatch.setattr(gaze_study, "METHODS", {"knn": METHODS["knn"]})
    write_eyes(tmp_path / "p00", days=4)
    words = ("gaze-table", "--real", tmp_path / "p00", "--test-days", "day02,day04", "--results", tmp_path / "r")
    status, out, error = run(capsys, *words)
    assert status == 0, error
    found = read_records(tmp_path / "r" / "quick-real" / "gaze.jsonl")
    assert {r["domain"] for r in found} == {"MPIIGaze"} and found[0]["test_days"] == 2 and found[0]["test_images"] == 48
    assert found[0]["days_apart"] == ["day02", "day04"]
    assert str(tmp_path) not in json.dumps(found) and "--real DIR --test-days day02,day04" in found[0]["command"]


def test_bad_input(tmp_path, capsys):
    assert "expected one of quick, full, paper" in refused(capsys, "gaze-table", "--profile", "fast", "--results", tmp_path)
    assert "--real" in refused(capsys, "gaze-table", "--test-days", "day01", "--results", tmp_path)
    (tmp_path / "notes.jsonl").write_text('{"profile": "quick", "domain": "stand-in"}\nnotes\n')
    assert "line 2" in refused(capsys, "gaze-table", "--records", tmp_path / "notes.jsonl", "--results", tmp_path)


def test_the_larger_set_holds_the_smaller_one():
    def part(n, value):
        return ImageSet(torch.full((n, 1, 2, 2), value, dtype=torch.uint8), {"gaze": torch.full((n, 2), float(value)),
                                                                             "pupil": torch.zeros(n, 2)})
    both = gaze_study.together(part(2, 1), part(6, 2))
    assert len(both) == 8 and list(both.labels) == ["gaze"]
    assert both.images[:, 0, 0, 0].tolist() == both.labels["gaze"][:, 0].tolist() == [1] * 2 + [2] * 6


def test_measures_resample_days_where_there_are_some():
    errors = np.repeat([1.0, 9.0, 5.0, 12.0], 25)
    alone, by_day = gaze_study.measures(errors), gaze_study.measures(errors, np.repeat(list("abcd"), 25))
    one_day = gaze_study.measures(errors, ["a"] * 100)
    assert alone["gaze_error_deg"] == by_day["gaze_error_deg"] == 6.75 and alone["within_7_deg"] == 50
    width = [m["gaze_error_interval"][1] - m["gaze_error_interval"][0] for m in (alone, by_day)]
    assert width[1] > 3 * width[0] and one_day == alone


def test_records_of_another_domain_stay_and_old_ones_give_way(tmp_path):
    path = tmp_path / "new" / "gaze.jsonl"
    assert read_records(path) == []
    save_records(path, [record(error=5.0), record(domain="MPIIGaze", error=9.0)])
    save_records(path, [record(error=4.0)])
    assert [r["gaze_error_deg"] for r in read_records(path)] == [9.0, 4.0]
    assert [r["gaze_error_deg"] for r in read_records(path, "quick", "stand-in")] == [4.0]
    path.write_text("[1]\n")
    with pytest.raises(UserError, match="line 1"):
        read_records(path)


def test_tables_hold_the_papers_numbers_and_ours_over_seeds():
    records = [record(seed=0, error=5.0), record(seed=1, error=6.0), record(times=4, within=75.0), record("svr", error=7.0)]
    sizes = size_table(records).splitlines()
    assert "62.3 reported (Table 2)" in sizes[2] and "5.50 ± 0.71 [5.00, 5.75]" in sizes[2] and "8,000" in sizes[2]
    assert "4 x as many" in sizes[3] and "64.9 (Table 2)" in sizes[3] and "75.0 [73.0, 76.0]" in sizes[3]
    assert len(sizes) == 4 and len({len(line) for line in sizes}) == 1
    methods = {line.split("|")[1].strip(): line for line in method_table(records).splitlines()}
    assert "16.5 reported" in methods["support vectors"] and "7.00" in methods["support vectors"]
    assert "7.8 (Table 3)" in methods["CNN"] and "5.50 ± 0.71" in methods["CNN"]
    assert list(methods)[2:] == list(gaze_records.METHOD_NAMES.values())


def test_shares_are_those_of_the_table():
    found = gaze_records.shares([record(within=70.0), record(within=72.0, seed=1), record(times=4, within=75.0), record("svr")])
    assert list(found) == ["synthetic", "synthetic_4x"] and found["synthetic"][0] == 71 and found["synthetic"][2] == 62.3
    assert found["synthetic_4x"][1].tolist() == [73, 76] and found["synthetic_4x"][2] == 64.9


def test_recorded_results_can_be_read_and_the_networks_are_whole():
    """simgan_lib/records/gaze.jsonl: what notebook 09 and the documents make their tables of."""
    records = read_records(gaze_records.RECORDED)
    rows = [(r["profile"], r["domain"], r["seed"], r["method"], r["training_set"], r["times"]) for r in records]
    assert len(set(rows)) == len(rows)
    for run_of in {row[:3] for row in rows}:
        assert sum(row[:4] == (*run_of, "cnn") for row in rows) == len(gaze_records.SIZES), run_of
    assert "/" not in "".join(r["command"] for r in records)
