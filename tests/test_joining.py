"""Runs of the main job on several machines, seed by seed, joined in one record."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simgan_lib.__main__ import main
from simgan_lib.experiments import report, reproduce, results_page, summary
from simgan_lib.experiments.domains import PROFILES, Domain
from simgan_lib.experiments.joining import joined
from simgan_lib.experiments.pipeline import TRAINED_ON
from simgan_lib.experiments.records import read_records
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

N, DAYS = 60, [f"day{i // 10}" for i in range(60)]
GAZE = torch.linspace(-0.2, 0.2, 2 * N).reshape(N, 2)
TEST = ImageSet(torch.zeros(N, 1, 35, 55, dtype=torch.uint8), {"gaze": GAZE}, {"day": DAYS})
DOMAIN = Domain("stand-in", TEST, TEST, TEST)


def seed_measured(seed):
    """What `Seed.measure` would give, drawn at random: errors with a level of the seed and of each day."""
    g = torch.Generator().manual_seed(seed)

    def number():
        return torch.rand((), generator=g).item()

    def errors(level):
        by_day = torch.randn(6, generator=g).repeat_interleave(10)
        return (level + number() + 0.5 * by_day + torch.randn(N, generator=g)).abs()
    shifts = torch.randn(40, 2, generator=g)
    shifts[torch.rand(40, generator=g) < 0.1] = float("nan")
    realism = {"two_sample_accuracy": {kind: number() for kind in TRAINED_ON[:3]},
               "kernel_distance": {kind: number() for kind in TRAINED_ON[:3]},
               "collapse": {kind: {"change": number(), "beyond_tone": number()} for kind in ("synthetic", "refined")}}
    gaze = {kind: {name: errors(8 - i) for name in ("errors", "calibrated")} for i, kind in enumerate(TRAINED_ON)}
    return {"seed": seed, "gaze": gaze, "pupil": {"shifts": shifts, "own": shifts / 2}, "realism": realism,
            "seconds": {"refiner": number()}}


def metrics(seeds):
    return summary.summarise("quick", PROFILES["quick"], DOMAIN, [seed_measured(seed) for seed in seeds], torch.device("cpu"), "")


def record(*seeds):
    return results_page.record_of(metrics(seeds))


def wide(interval):
    return interval[1] - interval[0]


@given(st.integers(2, 4), st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_joined_runs_have_the_numbers_of_one_run_over_all_seeds(n, first):
    """All but intervals, which may be a little wider or narrower than that of the mean, and the medians, which are left out."""
    first = min(first, n - 1)
    parts, whole = joined(record(*range(first)), record(*range(first, n))), record(*range(n))
    assert set(parts) == set(whole) and parts["seeds"] == whole["seeds"]
    assert all(parts[name] == whole[name] for name in ("hardware", "versions", "commit", "images"))
    for name in ("gaze_error_deg", "within_7_deg", "calibrated_error_deg"):
        for kind, entry in whole[name].items():
            assert parts[name][kind].keys() == entry.keys() and parts[name][kind]["values"] == entry["values"]
            assert parts[name][kind]["sd"] == pytest.approx(entry["sd"])
            assert wide(parts[name][kind]["interval"]) >= 0.9 * wide(entry["interval"])
    for name in ("relative_reduction_percent", "gap_closed_percent", "seconds", "mean_answer_error_deg"):
        assert parts[name] == pytest.approx(whole[name])
    for a, b in zip(numbers({k: parts[k] for k in REALISM}), numbers({k: whole[k] for k in REALISM}), strict=True):
        assert a == pytest.approx(b)
    pupil, theirs = parts["pupil_shift_px"], whole["pupil_shift_px"]
    assert [pupil[k] for k in ("mean", "sd", "n", "failed")] == pytest.approx([theirs[k] for k in ("mean", "sd", "n", "failed")],
                                                                                rel=1e-5)
    assert "median" not in pupil and parts["pupil_scatter"] == whole["pupil_scatter"]


REALISM = ("two_sample_accuracy", "kernel_distance", "collapse", "deviations")


def numbers(tree):
    return [leaf for key in sorted(tree) for leaf in numbers(tree[key])] if isinstance(tree, dict) else [tree]


def test_a_measure_that_the_older_record_lacks_is_not_known_of_all_seeds():
    old = {name: value for name, value in record(0).items() if name != "calibrated_error_deg"}
    assert "calibrated_error_deg" not in joined(old, record(1)) and "within_7_deg" in joined(old, record(1))


@pytest.mark.parametrize("changed, words", [({"mean_answer_error_deg": 8.5}, "mean_answer_error_deg is 8.5"),
                                            ({"profile": "full"}, "profile is full, in the record quick"),
                                            ({"images": {"test": 3}}, "images is"), ({"seeds": [2, 3]}, "go on with seed 1"),
                                            ({"seeds": [0]}, "seeds 0 cannot join")])
def test_other_runs_are_refused(changed, words):
    with pytest.raises(UserError, match=words):
        joined(record(0), record(1) | changed)


def test_other_settings_or_images_are_refused_where_the_record_has_them():
    """Records from before these were kept are believed; both commits stand beside each other."""
    old = record(0)
    for name, other in (("config", {**old["config"], "real": 7}), ("data_digest", "other pixels")):
        with pytest.raises(UserError, match=f"another job: {name} is"):
            joined(old | {name: other}, record(1))
        kept = {key: value for key, value in old.items() if key != name} | {"commit": "abc"}
        assert joined(kept, record(1) | {"commit": "def"})["commit"] == "abc; def"


def test_a_finder_that_found_no_pupil_does_not_lose_the_run():
    blind = record(1)
    blind["pupil_shift_px"] |= {"n": 0, "failed": 1.0}
    assert joined(record(0), blind)["pupil_shift_px"]["failed"] == pytest.approx((record(0)["pupil_shift_px"]["failed"] + 1) / 2)


# ---- the command, with measurements drawn at random ----
@pytest.fixture
def command(monkeypatch, tmp_path):
    """Runs `reproduce --record FILE` with more words  ->  (status, seeds that were measured)."""
    measured = []

    def seed_of(profile, domain, seed, *rest):
        return SimpleNamespace(measure=lambda: measured.append(seed) or seed_measured(seed))
    monkeypatch.setattr(reproduce, "stand_in_domain", lambda profile, bar: DOMAIN)
    monkeypatch.setattr(reproduce, "real_domain", lambda folder, days: replace(DOMAIN, name="MPIIGaze"))
    monkeypatch.setattr(reproduce, "Seed", seed_of)
    monkeypatch.setattr(report, "write_report", lambda *given: None)
    monkeypatch.setattr(summary, "pictures", lambda *given: None)

    def run(*words):
        measured.clear()
        words = ["reproduce", "--device", "cpu", "--results", str(tmp_path), "--record", str(tmp_path / "r.jsonl"), *words]
        return main(words), list(measured)
    run.path = tmp_path / "r.jsonl"
    return run


def test_seed_after_seed_joins_and_domains_stay_apart(command):
    real = ("--real", "DIR", "--test-days", "day03")
    for words in ((), ("--first-seed", "1"), ("--first-seed", "2", "--seeds", "2"), real, (*real, "--first-seed", "1")):
        status, measured = command(*words)
        first = int(words[words.index("--first-seed") + 1]) if "--first-seed" in words else 0
        assert status == 0 and measured[0] == first and len(measured) == (2 if "--seeds" in words else 1)
    held = {record["domain"]: record for record in read_records(command.path, results_page.KEPT)}
    assert held["stand-in"]["seeds"] == [0, 1, 2, 3] and held["MPIIGaze"]["seeds"] == [0, 1]
    assert held["stand-in"]["command"].endswith("reproduce --profile quick --seeds 4")
    assert held["MPIIGaze"]["command"].endswith("--seeds 2 --real DIR --test-days day03")
    theirs = record(0, 1, 2, 3)["pupil_shift_px"]["estimator_error"]
    assert held["stand-in"]["pupil_shift_px"]["estimator_error"] == pytest.approx({k: theirs[k] for k in ("mean", "sd")}, rel=0.02)


@pytest.mark.parametrize("words, said", [
    (("--first-seed", "2"), "r.jsonl: holds seeds 0 of quick, stand-in, which --first-seed 2 does not continue; go on with "
                            "--first-seed 1"),
    (("--first-seed", "1", "--real", "DIR"), "holds nothing of quick, MPIIGaze, .*record the seeds before it first"),
    (("--first-seed", "1", "--profile", "tiny"), "unknown profile 'tiny'")])
def test_what_cannot_be_joined_is_refused_before_hours_of_work(command, capsys, words, said):
    assert command()[0] == 0
    before = command.path.read_bytes()
    assert command(*words) == (2, []) and command.path.read_bytes() == before
    assert re.search(said, capsys.readouterr().err)


def test_other_test_days_and_old_records_are_refused_before_hours_of_work(command, capsys):
    assert command("--real", "DIR")[0] == 0
    assert command("--real", "DIR", "--first-seed", "1", "--test-days", "day03") == (2, [])
    held = json.loads(command.path.read_text())
    command.path.write_text(json.dumps({key: value for key, value in held.items() if key != "deviations"}) + "\n")
    assert command("--real", "DIR", "--first-seed", "1") == (2, [])
    assert "without deviations, so that no seed can join" in capsys.readouterr().err


def test_another_jobs_images_are_told_with_the_files_name_and_lose_nothing(command, capsys, monkeypatch):
    assert command()[0] == 0
    before = command.path.read_bytes()
    monkeypatch.setattr(summary, "fingerprint", lambda domain: ["stand-in", "other"])
    assert command("--first-seed", "1") == (2, [1]) and command.path.read_bytes() == before
    assert "r.jsonl: a run cannot join a record of another job: data_digest" in capsys.readouterr().err


def test_a_seed_is_a_number_from_zero_on(capsys):
    for wrong in ("-1", "x"):
        with pytest.raises(SystemExit):
            main(["reproduce", "--first-seed", wrong])
    assert "expected at least 0, found -1" in capsys.readouterr().err
