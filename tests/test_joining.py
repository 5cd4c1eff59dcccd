"""Runs of the main job on several machines, seed by seed, joined in one record."""

import json
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simgan_lib import results_page, summary
from simgan_lib.__main__ import main
from simgan_lib.errors import UserError
from simgan_lib.images import ImageSet
from simgan_lib.joining import joined
from simgan_lib.records import read_records
from simgan_lib.reproduce import PROFILES, TRAINED_ON, Domain, reproduce

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
    """All but intervals, which must not be narrower than that of the mean, and the medians, which are left out."""
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
                                            ({"images": {"test": 3}}, "images is"), ({"seeds": [1, 2]}, "go on with seed 1"),
                                            ({"seeds": [0]}, "seeds 0 cannot join")])
def test_other_runs_are_refused(changed, words):
    new = record(1) | changed
    if changed == {"seeds": [1, 2]}:
        assert joined(record(0), new)["seeds"] == [0, 1, 2]
        new |= {"seeds": [2, 3]}
    with pytest.raises(UserError, match=words):
        joined(record(0), new)


def test_a_record_too_old_to_be_joined_is_told():
    old = {name: value for name, value in record(0).items() if name != "deviations"}
    with pytest.raises(UserError, match="without deviations: record its seeds again"):
        joined(old, record(1))


def test_a_later_machine_s_seeds_join_the_file(tmp_path):
    path = tmp_path / "r.jsonl"
    results_page.save_run(path, metrics([0]))
    results_page.save_run(path, metrics([1, 2]))
    held, = read_records(path, results_page.KEPT)
    assert held["seeds"] == [0, 1, 2] and held["command"] == "python -m simgan_lib reproduce --profile quick --seeds 3"
    assert held["gaze_error_deg"]["refined"]["n"] == 3 and json.loads(path.read_text()) == held
    before = path.read_bytes()
    for seeds, words in (([1], "over 3 seeds, which 2"), ([4], "holds seeds 0, 1, 2 of quick, stand-in, but a run from seed 4")):
        with pytest.raises(UserError, match=words):
            results_page.save_run(path, metrics(seeds))
    assert path.read_bytes() == before


def test_the_command_refuses_before_hours_of_work_what_could_not_be_joined(tmp_path, capsys):
    words = ["reproduce", "--first-seed", "1", "--record", str(tmp_path / "r.jsonl"), "--results", str(tmp_path / "results")]
    assert main(words) == 2
    assert "holds nothing of quick, stand-in" in capsys.readouterr().err and not (tmp_path / "results").exists()
    with pytest.raises(SystemExit):
        main(["reproduce", "--first-seed", "-1"])


def test_the_main_job_runs_the_seeds_that_were_asked_for(tmp_path, monkeypatch):
    from simgan_lib import report
    from simgan_lib import reproduce as module
    monkeypatch.setattr(module, "stand_in_domain", lambda profile, bar: DOMAIN)
    monkeypatch.setattr(module, "Seed", lambda profile, domain, seed, *rest: SimpleNamespace(measure=lambda: seed_measured(seed)))
    monkeypatch.setattr(report, "write_report", lambda *given: None)
    monkeypatch.setattr(summary, "pictures", lambda *given: None)
    _, found = reproduce("quick", 2, device="cpu", results=tmp_path, first_seed=3)
    assert found["seeds"] == [3, 4] and found["command"].endswith("reproduce --profile quick --seeds 2 --first-seed 3")
