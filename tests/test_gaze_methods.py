"""The study of more images and other methods: its records say what was done, and survive; its tables say what they hold."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from simgan_lib.experiments.gaze_records import chosen, method_table, read_records, save_records, size_table
from simgan_lib.experiments.gaze_study import record_of
from simgan_lib.experiments.summary import spread
from test_cli import refused, run, shrunk, write_eyes

from simgan_lib.evaluation.methods import METHODS
from simgan_lib.experiments import gaze_records, gaze_study
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

ROWS = 4 * (len(METHODS) + 1) + 3          # four sets, each method and the network; three larger sets


def record(method="cnn", training_set="synthetic", times=1, errors=(5.0,), within=70.0, domain="stand-in", images=8000):
    """A made-up record: mean errors, one a seed, and a share within 7 degrees that all seeds have."""
    error, shared = spread(errors), spread([within] * len(errors))
    return {"method": method, "training_set": training_set, "times": times, "images": images * times, "profile": "quick",
            "seeds": list(range(len(errors))), "domain": domain, "network": "small",
            "gaze_error_deg": error | {"interval": [error["mean"] - 0.5, error["mean"] + 0.25]},
            "within_7_deg": shared | {"interval": [within - 2, within + 1]}}


def table_2(synthetic, synthetic_4x, refined, refined_4x):
    """Records with these shares within 7 degrees."""
    return [record(training_set=name, times=times, within=share) for name, times, share in
            (("synthetic", 1, synthetic), ("synthetic", 4, synthetic_4x), ("refined", 1, refined), ("refined", 4, refined_4x))]


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
    records = read_records(tmp_path / "gaze.jsonl")
    assert len(records) == ROWS and len({(r["method"], r["training_set"], r["times"]) for r in records}) == ROWS
    larger = chosen(records, "cnn", "refined", 4)
    assert larger["images"] == 240 and larger["updates"] == 5 and larger["seeds"] == [0] and larger["seconds"] >= 0
    assert larger["gaze_error_deg"]["interval"][0] <= larger["gaze_error_deg"]["mean"] <= larger["gaze_error_deg"]["interval"][1]
    assert len(larger["curve"]) == 21 and larger["curve"][7] == pytest.approx(larger["within_7_deg"]["mean"], abs=1e-3)
    assert all(a <= b for a, b in zip(larger["curve"], larger["curve"][1:]))
    # What `reproduce` had computed is found, and so is everything by a second run, which draws no more eyes.
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "computed anew"
    metrics = json.loads((tmp_path / "quick" / "metrics.json").read_text())
    for name, measure in itertools.product(gaze_records.SETS, ("gaze_error_deg", "within_7_deg")):
        assert chosen(records, "cnn", name)[measure] == metrics[measure][name], "the same run, another number"
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
    (tmp_path / "notes.jsonl").write_text(json.dumps(record()) + "\nnotes\n")
    assert "line 2" in refused(capsys, "gaze-table", "--records", tmp_path / "notes.jsonl", "--results", tmp_path)
    (tmp_path / "older.jsonl").write_text('{"profile": "quick", "domain": "stand-in", "seed": 0}\n')
    assert "found no method" in refused(capsys, "gaze-table", "--records", tmp_path / "older.jsonl", "--results", tmp_path)


def test_the_larger_set_holds_the_smaller_one():
    def part(n, value):
        return ImageSet(torch.full((n, 1, 2, 2), value, dtype=torch.uint8), {"gaze": torch.full((n, 2), float(value)),
                                                                             "pupil": torch.zeros(n, 2)})
    both = gaze_study.together(part(2, 1), part(6, 2))
    assert len(both) == 8 and list(both.labels) == ["gaze"]
    assert both.images[:, 0, 0, 0].tolist() == both.labels["gaze"][:, 0].tolist() == [1] * 2 + [2] * 6


def test_a_record_is_of_all_seeds_and_resamples_days():
    """Its interval is that of the mean over the seeds, whole days drawn: not the mean of the seeds' intervals."""
    seeds = [torch.tensor([1.0, 9.0, 5.0, 12.0]).repeat_interleave(25), torch.tensor([12.0, 5.0, 9.0, 1.0]).repeat_interleave(25)]
    days, estimator = np.repeat(list("abcd"), 25), ("svr", "refined", 1, 5000)
    alone, by_day = record_of(estimator, [0, 1], seeds), record_of(estimator, [0, 1], seeds, days)
    assert (alone["method"], alone["images"], alone["seeds"]) == ("svr", 5000, [0, 1])
    assert alone["gaze_error_deg"]["mean"] == by_day["gaze_error_deg"]["mean"] == 6.75
    assert by_day["within_7_deg"]["mean"] == 50 and by_day["curve"][5] == 50 and by_day["curve"][4] == 25
    width = [np.diff(r["gaze_error_deg"]["interval"])[0] for r in (alone, by_day, record_of(estimator, [0], seeds[:1], days))]
    assert width[1] > 1.5 * width[0] and width[1] < 0.4 * width[2]
    assert record_of(estimator, [0, 1], seeds, ["a"] * 100)["gaze_error_deg"] == alone["gaze_error_deg"]


def test_seeds_come_together_in_records(tmp_path, capsys, monkeypatch, small):
    monkeypatch.setattr(gaze_study, "METHODS", {"mean": METHODS["mean"]})
    grown = list(gaze_study.gaze_study(seeds=2, results=tmp_path, bar=False))
    assert [{tuple(r["seeds"]) for r in records} for records in grown] == [{(0,)}, {(0, 1)}]
    first, both = (chosen(records, "cnn", "refined", 4) for records in grown)
    assert both["gaze_error_deg"]["values"][0] == first["gaze_error_deg"]["mean"] and both["gaze_error_deg"]["n"] == 2
    assert both["seconds"] >= first["seconds"] and len(grown[1]) == len(grown[0]) == 11


def test_seeds_of_two_runs_join_in_one_file(tmp_path, capsys, monkeypatch, small):
    """As one run over both seeds, but for intervals: those are the mean of the runs'."""
    monkeypatch.setattr(gaze_study, "METHODS", {"mean": METHODS["mean"]})
    path, words = tmp_path / "gaze.jsonl", ("gaze-table", "--results", tmp_path / "r", "--records")
    one_run = dict(enumerate(gaze_study.gaze_study(seeds=2, results=tmp_path / "r", bar=False)))[1]
    assert "holds nothing of quick, stand-in" in refused(capsys, *words, path, "--first-seed", "1")
    assert run(capsys, *words, path)[0] == 0
    status, out, error = run(capsys, *words, path, "--first-seed", "1")
    assert status == 0 and " ± " in out, error
    for joined, whole in zip(read_records(path), one_run, strict=True):
        for name in ("method", "training_set", "times", "images", "seeds", "command", "commit", "device", "data_digest"):
            assert joined[name] == whole[name], name
        for name in ("gaze_error_deg", "within_7_deg"):
            assert joined[name]["values"] == whole[name]["values"] and joined[name]["sd"] == whole[name]["sd"]
        assert joined["curve"] == pytest.approx(whole["curve"], abs=2e-3)
        assert joined["seconds"] == pytest.approx(whole["seconds"], abs=0.2)
    assert "which 1 would replace" in refused(capsys, *words, path)


@pytest.mark.parametrize("changed, words", [({"updates": 6}, "another job: updates is 5"), ({"method": "svr"}, "the same ones"),
                                            ({"data_digest": "other"}, "another job: data_digest is")])
def test_another_studys_seeds_are_not_joined_and_lose_nothing(tmp_path, capsys, monkeypatch, small, changed, words):
    monkeypatch.setattr(gaze_study, "METHODS", {"mean": METHODS["mean"]})
    path, command = tmp_path / "gaze.jsonl", ("gaze-table", "--results", tmp_path / "r", "--records", tmp_path / "gaze.jsonl")
    assert run(capsys, *command)[0] == 0
    path.write_text("".join(json.dumps(each | changed) + "\n" for each in read_records(path)))
    before = path.read_bytes()
    said = refused(capsys, *command, "--first-seed", "1")
    assert words in said and str(path) in said and path.read_bytes() == before


def test_records_of_another_domain_stay_and_old_ones_give_way(tmp_path):
    path = tmp_path / "new" / "gaze.jsonl"
    assert read_records(path) == []
    save_records(path, [record(errors=[5.0]), record(domain="MPIIGaze", errors=[9.0])])
    save_records(path, [record(errors=[4.0])])
    assert [r["gaze_error_deg"]["mean"] for r in read_records(path)] == [9.0, 4.0]
    assert [r["gaze_error_deg"]["mean"] for r in read_records(path, "quick", "stand-in")] == [4.0]
    path.write_text("[1]\n")
    with pytest.raises(UserError, match="line 1"):
        read_records(path)


def test_tables_hold_the_papers_numbers_and_ours_over_seeds():
    records = [record(errors=[5.0, 6.0]), record(times=4, within=75.0), record("svr", errors=[7.0], images=5000),
               record("svr", "oracle", errors=[7.0], images=4000)]
    sizes = size_table(records).splitlines()
    assert "62.3 reported (Table 2)" in sizes[2] and "5.50 ± 0.71 [5.00, 5.75]" in sizes[2] and "8,000" in sizes[2]
    assert "4 x as many" in sizes[3] and "64.9 (Table 2)" in sizes[3] and "75.0 ± — [73.0, 76.0]" in sizes[3]
    assert len(sizes) == 4 and len({len(line) for line in sizes}) == 1
    methods = {line.split("|")[1].strip(): line for line in method_table(records).splitlines()}
    assert "16.5 reported" in methods["support vectors"] and "7.00" in methods["support vectors"]
    assert "| 5,000 / 4,000 |" in methods["support vectors"]
    assert "7.8 (Table 3)" in methods["CNN (here: small)"] and "5.50 ± 0.71" in methods["CNN (here: small)"]
    assert list(methods)[2:-1] == list(gaze_records.METHOD_NAMES.values())[:-1]


def test_shares_are_those_of_the_table():
    found = gaze_records.shares([record(within=70.0), record(times=4, within=75.0), record("svr")])
    assert list(found) == ["synthetic", "synthetic_4x"] and found["synthetic"][0] == 70 and found["synthetic"][2] == 62.3
    assert found["synthetic_4x"][1] == [73, 76] and found["synthetic_4x"][2] == 64.9


def test_each_step_of_the_papers_order_is_judged():
    """Intervals here reach from 2 below to 1 above."""
    found = gaze_records.order_steps(table_2(70.0, 69.0, 80.0, 80.5))
    assert [step[:2] for step in found] == [("synthetic", "synthetic_4x"), ("synthetic_4x", "refined"), ("refined", "refined_4x")]
    assert [step[2] for step in found] == pytest.approx([2.6, 4.5, 17.8])
    assert [step[3] for step in found] == [-1.0, 11.0, 0.5] and [step[4] for step in found] == [True, False, True]
    assert not gaze_records.order_steps(table_2(70.0, 60.0, 80.0, 80.5))[0][4], "apart, in the other order"
    rows = gaze_records.order_table(table_2(70.0, 69.0, 80.0, 80.5)).splitlines()[2:]
    assert ["**no**" in row for row in rows] == [True, False, False] and ["apart" in row for row in rows] == [False, True, False]


@pytest.mark.parametrize("matched, refined, share", [(4.5, 4.0, 50), (4.0, 4.0, 100), (5.5, 4.0, -50), (4.0, 5.0, None)])
def test_how_much_of_the_gain_is_matchings(matched, refined, share):
    records = [record(training_set=name, errors=[error], within=100 - 10 * error)
               for name, error in (("synthetic", 5.0), ("synthetic_matched", matched), ("refined", refined))]
    assert gaze_records.matching_share(records) == share == gaze_records.matching_share(records, "within_7_deg")


def test_recorded_results_can_be_read_and_the_networks_are_whole():
    """simgan_lib/experiments/recorded/gaze.jsonl: what notebook 09 and the documents make their tables of."""
    records = read_records(gaze_records.RECORDED)
    rows = [(r["profile"], r["domain"], r["method"], r["training_set"], r["times"]) for r in records]
    assert len(set(rows)) == len(rows)
    for run_of in {row[:2] for row in rows}:
        assert sum(row[:2] == run_of for row in rows) == ROWS, run_of
    assert all(r["seeds"] == list(range(r["gaze_error_deg"]["n"])) for r in records)
    assert "/" not in "".join(r["command"] for r in records)


def test_recorded_networks_are_those_of_the_main_jobs_records():
    """One run, recorded twice: by `reproduce` and by `gaze-table`.  Every number and every interval is the same."""
    compared = 0
    for run_of in map(json.loads, (gaze_records.RECORDED.parent / "reproduce.jsonl").read_text().splitlines()):
        records = read_records(gaze_records.RECORDED, run_of["profile"], run_of["domain"])
        for record_of_one in (r for r in records if (r["method"], r["times"], r["commit"]) == ("cnn", 1, run_of["commit"])):
            for measure in ("gaze_error_deg", "within_7_deg"):
                ours, theirs = record_of_one[measure], run_of[measure][record_of_one["training_set"]]
                assert [ours["mean"], *ours["interval"]] == pytest.approx([theirs["mean"], *theirs["interval"]], abs=1e-9)
                compared += 1
    assert compared >= 2 * 4 * 2
