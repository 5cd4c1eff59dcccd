"""The sweep of ablations: it is resumed, knows results of other settings or code, and its table says what the records say."""

import json
from dataclasses import replace

import pytest
import torch

from simgan_lib.__main__ import main
from simgan_lib.evaluation.gaze import GazeTrainingConfig
from simgan_lib.experiments import ablations, domains, reproduce, trial
from simgan_lib.experiments.ablations import BASE, SWEEP, sweep
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingConfig, TrainingFailed

TINY = domains.Profile(
    TrainingConfig(steps=2, batch=4, refiner_warmup=1, discriminator_warmup=1, buffer=8, width=4, blocks=1),
    GazeTrainingConfig(steps=3, batch=8), synthetic=40, real=60, test=20, compared=24)


@pytest.fixture
def tiny(monkeypatch):
    """The quick profile takes a second; returns what was computed, a list of (config, seed)."""
    real_trial, computed = trial.trial, []

    def counted(profile, config, seed, folder, device):
        computed.append((config, seed))
        return real_trial(profile, config, seed, folder, device)

    real_network = trial.feature_network
    monkeypatch.setitem(ablations.PROFILES, "quick", TINY)
    monkeypatch.setattr(ablations, "trial", counted)
    monkeypatch.setattr(trial, "feature_network", lambda *given, **how: real_network(*given, **how, steps=3))
    trial.materials.cache_clear()
    return computed


def run(tmp_path, *only, **how):
    return sweep(**{"seeds": 1, "only": only, "results": tmp_path, "bar": False, "device": "cpu"} | how)[0]


def by_hand(name, values, measure="gaze_error"):
    return [{"name": name, "title": SWEEP[name].title, "seed": seed, "failed": None, "measured": {measure: value}}
            for seed, value in enumerate(values)]


# ---- running ----
def test_a_stopped_sweep_keeps_what_is_finished_and_goes_on(tiny, tmp_path, monkeypatch):
    whole = ablations.trial

    def stops_at_the_third(*given):
        if len(tiny) == 2:
            raise KeyboardInterrupt
        return whole(*given)

    monkeypatch.setattr(ablations, "trial", stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, BASE, "no-history", "global", "residual")
    assert len(list(tmp_path.rglob("*-seed0.json"))) == 2
    monkeypatch.setattr(ablations, "trial", whole)
    first = (tmp_path / "ablations/quick/base-seed0.json").read_bytes()
    records = run(tmp_path, BASE, "no-history", "global", "residual")
    assert len(tiny) == 4 and [r["name"] for r in records] == [BASE, "no-history", "global", "residual"]
    assert (tmp_path / "ablations/quick/base-seed0.json").read_bytes() == first
    assert not list(tmp_path.rglob("run-*"))                               # no state of finished runs is left


def test_other_settings_other_code_or_a_damaged_record_are_computed_anew(tiny, tmp_path, monkeypatch):
    run(tmp_path, BASE)
    run(tmp_path, BASE)
    assert len(tiny) == 1
    monkeypatch.setitem(ablations.PROFILES, "quick", replace(TINY, gaze=GazeTrainingConfig(steps=4, batch=8)))
    run(tmp_path, BASE)
    assert len(tiny) == 2
    for module in (reproduce, ablations):
        monkeypatch.setattr(module, "code_digest", lambda: "of other code")
    run(tmp_path, BASE)
    assert len(tiny) == 3
    (tmp_path / "ablations/quick/base-seed0.json").write_text('{"name": "ba')
    run(tmp_path, BASE)
    assert len(tiny) == 4


def test_a_record_says_what_was_measured_and_how_it_came_about(tiny, tmp_path):
    record, unrefined = run(tmp_path, "no-history", "not-refined")
    assert set(ablations.MEASURES) <= set(record["measured"]) and record["config"]["buffer"] == 0
    assert {"key", "commit", "versions", "hardware", "command", "seconds", "seed", "profile"} <= set(record)
    assert unrefined["config"] is None and unrefined["measured"]["change"] == unrefined["measured"]["foreign"] == 0
    pictures = ablations.pictures([record])
    assert pictures["no-history"].shape == (5, 1, 35, 55) and pictures["no-history"].dtype == torch.uint8


def test_pictures_come_back_as_they_were():
    images = torch.randint(256, (5, 1, 35, 55), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert torch.equal(trial.from_png(trial.as_png(images)), images)


def test_the_same_run_gives_the_same_numbers_in_another_process(tiny, tmp_path):
    alone = run(tmp_path, BASE, "residual")
    for path in tmp_path.rglob("*-seed0.json"):
        path.unlink()
    together = run(tmp_path, BASE, "residual", jobs=2)                      # the features' network is kept: the same judge
    assert len(tiny) == 2                                                   # the others were computed elsewhere
    for a, b in zip(alone, together):
        assert a["key"] == b["key"] and a["shown"] == b["shown"]
        assert a["measured"] == pytest.approx(b["measured"], rel=1e-3, nan_ok=True)


def test_a_run_that_the_monitor_stops_is_a_result(tiny, tmp_path, monkeypatch):
    def lost(*given, **how):
        raise TrainingFailed("step 3: the discriminator has won")

    monkeypatch.setattr(trial, "train_refiner", lost)
    record, = run(tmp_path, "kd-4")
    assert record["failed"] == "step 3: the discriminator has won" and record["measured"] == {}
    assert "the discriminator has won" in ablations.format_table([record])


def test_parts_are_all_and_share_nothing(tiny, tmp_path):
    runs = [(name, seed) for seed in range(3) for name in SWEEP]
    parts = [ablations._part(runs, f"{k}/4") for k in range(1, 5)]
    assert sorted(run for part in parts for run in part) == sorted(runs)
    assert len(run(tmp_path, BASE, "kg-1", "kd-4", part="1/2")) == 2
    assert len(run(tmp_path, BASE, "kg-1", "kd-4", part="2/2")) == 3        # sees what the other one did
    assert len(tiny) == 3


def test_runs_of_one_seed_are_pairs(tiny, tmp_path):
    """Whatever is changed, the same synthetic images enter: those of the unrefined run of this seed."""
    seen = []
    keep = trial.measured
    trial_measured = lambda profile, shared, simulated, entering, *rest: (  # noqa: E731
        seen.append(entering.images), keep(profile, shared, simulated, entering, *rest))[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "measured", trial_measured)
        run(tmp_path, "not-refined", "global", seeds=2)
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[2], seen[3]) and not torch.equal(seen[0], seen[2])


# ---- settings ----
def test_each_ablation_changes_what_its_name_says():
    base = ablations.PROFILES["quick"].training
    changed = {name: {field: value for field, value in vars(ablation.config(base)).items() if value != vars(base)[field]}
               for name, ablation in SWEEP.items()}
    assert changed[BASE] == changed["not-refined"] == {} and changed["no-history"] == {"buffer": 0}
    assert changed["lambda-0"] == {"regularization": 0} and changed["residual"] == {"residual": True}
    assert changed["global-rescaled"] == {"local": False, "regularization": pytest.approx(base.regularization / 126)}
    assert changed["rates-3"] == {"refiner_lr": 3e-3, "discriminator_lr": 3e-3}
    assert {ablation.refine_from for name, ablation in SWEEP.items() if name != "raw-input"} == {"synthetic_matched"}
    assert SWEEP["raw-input"].profile(ablations.PROFILES["quick"]).refine_from == "synthetic"
    alike = {"not-refined", "raw-input"}                       # the same training of other images, or none
    assert len({str(sorted(each.items())) for name, each in changed.items() if name not in alike}) == len(SWEEP) - 2


@pytest.mark.parametrize("words, said", [
    (["--only", "no-buffer"], "no ablation no-buffer"), (["--part", "3/2"], "K from 1 to N"), (["--part", "x"], "such as 1/3"),
    (["--profile", "paper"], "expected one of quick, full"), (["--device", "tpu9"], "unknown device")])
def test_bad_input_gets_one_line(words, said, tmp_path, capsys):
    assert main(["ablate", "--results", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and error[0].startswith("error: ") and said in error[0]


def test_the_command_prints_the_table_and_writes_the_records(tiny, tmp_path, capsys):
    assert main(["ablate", "--results", str(tmp_path), "--seeds", "2", "--only", "base", "lambda-0"]) == 0
    assert "lambda 0" in capsys.readouterr().out
    records = ablations.load_records(tmp_path / "ablations/quick/records.jsonl")
    assert [(r["name"], r["seed"]) for r in records] == [(BASE, 0), ("lambda-0", 0), (BASE, 1), ("lambda-0", 1)]


def test_a_group_stands_for_all_of_its_ablations():
    assert ablations.checked_names(["choices", "base", "no-history"]) == [*ablations.CHOICES, "no-history"]
    assert ablations.checked_names([]) == list(SWEEP) == ablations.checked_names(["ideas", "choices"])


def test_records_are_added_to_a_file_in_the_sweeps_order_and_replace_their_like(tiny, tmp_path, capsys):
    path = tmp_path / "mine.jsonl"
    words = ["ablate", "--results", str(tmp_path), "--records", str(path), "--only"]
    assert main([*words, "lambda-0", "base", "--seeds", "1"]) == main([*words, "no-history", "--seeds", "2"]) == 0
    assert f"The records: {path}" in capsys.readouterr().out
    records = ablations.load_records(path)
    assert [(r["name"], r["seed"]) for r in records] == [(BASE, 0), ("no-history", 0), ("lambda-0", 0), ("no-history", 1)]
    ablations.add_records(path, [records[1] | {"seconds": -1.0}])
    assert [r["seconds"] == -1 for r in ablations.load_records(path)] == [False, True, False, False]
    path.write_text('{"a": 1}\n')
    assert main([*words, "base", "--seeds", "1"]) == 2 and "mine.jsonl, line 1" in capsys.readouterr().err


# ---- the table ----
def test_differences_are_taken_seed_by_seed():
    records = by_hand(BASE, [5.0, 6.0, 7.0]) + by_hand("no-history", [5.5, 6.5, 7.5]) + by_hand("global", [float("nan"), 8.0])
    table = ablations.summarised(records, "gaze_error")
    assert table[BASE]["difference"] is None and table[BASE]["found"]["mean"] == 6
    assert table["no-history"]["difference"] == {"mean": 0.5, "sd": 0.0, "n": 3, "low": 0.5, "high": 0.5,
                                                   "values": [0.5, 0.5, 0.5]}
    assert table["global"]["found"]["n"] == 1 and table["global"]["difference"]["mean"] == 2.0
    text = ablations.format_table(records, ["gaze_error"])
    assert "no history" in text and "+0.50 [+0.50, +0.50]" in text and "6.00 ± 1.00" in text


CORE = (BASE, "not-refined", "no-history", "global-rescaled", "lambda-0", "lambda-100", "no-warm-up", "residual")


def test_the_records_of_the_kit_are_of_one_sweep():
    """Three seeds of what notebook 07 concludes from, all of one code, with every measure."""
    records = ablations.load_records()
    runs = [(r["name"], r["seed"]) for r in records]
    assert len(set(runs)) == len(runs) and {(name, seed) for name in CORE for seed in range(3)} <= set(runs)
    assert all(r["failed"] or set(ablations.MEASURES) - {"last_discriminator"} <= set(r["measured"]) for r in records)
    assert len({(r["profile"], r["commit"], json.dumps(r["versions"])) for r in records}) == 1
    assert all(r["config"] is None or TrainingConfig(**r["config"]) == SWEEP[r["name"]].config(ablations.PROFILES["quick"].training)
               for r in records)                                # the sweep as it is described is the one that was run


def test_records_that_are_none(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    for name in ("other.jsonl", "missing.jsonl"):
        with pytest.raises(UserError, match=name):
            ablations.load_records(tmp_path / name)


def test_the_records_of_choices_are_of_the_settings_as_they_are():
    """Three seeds of each choice; their base is, up to rounding, that of the other sweep: code between them changed neither."""
    records, ideas = ablations.load_records(ablations.RECORDS_OF_CHOICES), ablations.load_records()
    assert {(r["name"], r["seed"]) for r in records} == {(name, seed) for name in ablations.CHOICES for seed in range(3)}
    base = ablations.PROFILES["quick"].training
    assert all(TrainingConfig(**r["config"]) == ablations.CHOICES[r["name"]].config(base) for r in records)
    for seed in range(3):
        mine, theirs = (next(r["measured"] for r in each if (r["name"], r["seed"]) == (BASE, seed)) for each in (records, ideas))
        assert mine == pytest.approx(theirs, rel=1e-9)
