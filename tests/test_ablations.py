"""The sweep of ablations: it is resumed, knows results of other settings or code, and its table says what the records say."""

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from simgan_lib.__main__ import main
from simgan_lib.evaluation.gaze import GazeTrainingConfig
from simgan_lib.evaluation.judges import FeatureNetwork
from simgan_lib.experiments import ablations, domains, trial
from simgan_lib.experiments.ablations import BASE, SWEEP, sweep
from simgan_lib.experiments.records import Records, plain, row, run_line
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingConfig, TrainingFailed

TINY = domains.Profile(
    TrainingConfig(steps=2, batch=4, refiner_warmup=1, discriminator_warmup=1, buffer=8, width=4, blocks=1),
    GazeTrainingConfig(steps=3, batch=8), synthetic=40, real=60, test=20, compared=24)

JUDGE = FeatureNetwork(1, 2).state_dict()


@pytest.fixture
def tiny(monkeypatch):
    """The quick profile takes a second; returns what was computed, a list of (config, seed)."""
    real_trial, computed = trial.trial, []

    def counted(profile, config, seed, *more):
        computed.append((config, seed))
        return real_trial(profile, config, seed, *more)

    real_network = trial.feature_network
    monkeypatch.setitem(ablations.SWEEP_PROFILES, "quick", TINY)
    monkeypatch.setattr(ablations, "trial", counted)
    monkeypatch.setattr(trial, "feature_network", lambda *given, **how: real_network(*given, **how, steps=3))
    trial.materials.cache_clear()
    return computed


@pytest.fixture
def one_thread():
    """As the workers of a cluster have: sums then have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(tmp_path, *only, **how):
    return sweep(**{"seeds": 1, "only": only, "results": tmp_path, "bar": False, "device": "cpu"} | how)[0]


def runs_of(job):
    """[(ablation, seed)] in the order of the runs."""
    return [(about["subject"], about["seed"]) for about in job.runs.values()]


def by_hand(measure="gaze_error", **values):
    """A Job of these values, {ablation, _ for -: one a seed}."""
    about = run_line("ablations", "quick", "stand-in", {})
    return Records.of([about], [{"run": about["run"], **row(seed, name.replace("_", "-"), measure, value)}
                                for name, seeds in values.items() for seed, value in enumerate(seeds)]).jobs()[0]


def test_a_kept_run_whose_content_is_none_is_computed_anew(tmp_path):
    """Whatever the file holds: no traceback, and no number that nobody measured."""
    line = run_line("ablations", "quick", "stand-in", {}, subject=BASE)
    good, path = {"key": "k", "run": line, "rows": [row(0, BASE, "change", 1.0)]}, tmp_path / f"{BASE}-seed0.json"
    path.write_text(json.dumps(good))
    assert ablations.kept(tmp_path, BASE, 0, "k") == good
    odd = [None, [], 3, "k", {}, {"key": "k"}, good | {"run": None}, good | {"run": {}}, good | {"rows": {}}, good | {"rows": [3]},
           good | {"rows": [row(0, BASE, "change", "many")]}, good | {"run": line | {"images": "many"}}]
    for content in [*map(json.dumps, odd), "[" * 100_000, "\udcff"]:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert ablations.kept(tmp_path, BASE, 0, "k") is None, content[:60]


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
    job = run(tmp_path, BASE, "no-history", "global", "residual")
    assert len(tiny) == 4 and runs_of(job) == [(name, 0) for name in (BASE, "no-history", "global", "residual")]
    assert (tmp_path / "ablations/quick/base-seed0.json").read_bytes() == first
    assert not list(tmp_path.rglob("run-*"))                               # no state of finished runs is left


def test_other_settings_other_code_or_a_damaged_record_are_computed_anew(tiny, tmp_path, monkeypatch):
    run(tmp_path, BASE)
    run(tmp_path, BASE)
    assert len(tiny) == 1
    monkeypatch.setitem(ablations.SWEEP_PROFILES, "quick", replace(TINY, gaze=GazeTrainingConfig(steps=4, batch=8)))
    run(tmp_path, BASE, records=tmp_path / "other.jsonl")
    assert len(tiny) == 2
    monkeypatch.setattr(ablations, "code_digest", lambda: "of other code")
    run(tmp_path, BASE, records=tmp_path / "other.jsonl")
    assert len(tiny) == 3
    (tmp_path / "ablations/quick/base-seed0.json").write_text('{"name": "ba')
    run(tmp_path, BASE, records=tmp_path / "other.jsonl")
    assert len(tiny) == 4


def test_runs_of_other_settings_are_not_put_into_one_file_and_not_computed(tiny, tmp_path, monkeypatch):
    run(tmp_path, BASE, seeds=2)
    monkeypatch.setitem(ablations.SWEEP_PROFILES, "quick", replace(TINY, gaze=GazeTrainingConfig(steps=4, batch=8)))
    with pytest.raises(UserError, match="holds ablations quick stand-in, seeds 0, 1, with another config"):
        run(tmp_path, BASE, seeds=1)
    assert len(tiny) == 2
    job = run(tmp_path, BASE, seeds=2)                                      # of all seeds: these take their place
    assert len(tiny) == 4 and ablations.recorded(tmp_path / "ablations/quick/records.jsonl").rows.equals(job.rows)


def test_a_record_says_what_was_measured_and_how_it_came_about(tiny, tmp_path):
    job = run(tmp_path, "no-history", "not-refined")
    first, unrefined = job.runs.values()
    assert {*ablations.SWEEP_MEASURES, "seconds"} <= set(job.rows.loc[job.rows["subject"] == "no-history", "measure"])
    assert {"commit", "versions", "hardware", "command", "seed", "profile"} <= set(first)
    assert first["job"]["config"]["training"]["buffer"] == 0 and not unrefined["job"]["refined"]
    assert job.mean("not-refined", "change") == job.mean("not-refined", "foreign") == 0
    pictures = ablations.pictures(job)
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
    for a, b in zip(alone.runs.values(), together.runs.values(), strict=True):
        assert (a["subject"], a["job"], a["shown"]) == (b["subject"], b["job"], b["shown"])
    measured = [job.rows[job.rows["measure"] != "seconds"]["value"].tolist() for job in (alone, together)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-3)


def test_a_cluster_of_which_a_worker_is_killed_gives_the_same_records(tiny, one_thread, tmp_path, cluster, monkeypatch):
    """Bit for bit, each once, and kept by the process that asked; but `fixed_pattern` differs in its last bit from call to call."""
    alone = run(tmp_path / "alone", BASE, "residual", records=tmp_path / "alone.jsonl")
    shutil.copytree(tmp_path / "alone", tmp_path / "cluster", ignore=shutil.ignore_patterns("*-seed0.json"))     # the same judge
    whole = ablations._run

    def killed_once(*given):
        if given[2] == "residual" and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), 9)
        return whole(*given)

    monkeypatch.setattr(ablations, "_run", killed_once)
    together = run(tmp_path / "cluster", BASE, "residual", records=tmp_path / "cluster.jsonl", cluster=cluster.scheduler_address)
    assert (tmp_path / "killed").exists() and len(tiny) == 2                # none of the cluster's runs was computed here
    assert runs_of(together) == runs_of(alone) == [(BASE, 0), ("residual", 0)] and len(together.rows) == len(alone.rows)
    ours, theirs = (job.rows.set_index(["subject", "measure"])["value"].drop("seconds", level=1) for job in (alone, together))
    exact = [name for name in ours.index if name[1] != "fixed_pattern"]
    assert ours[exact].to_dict() == theirs[exact].to_dict() and ours.to_dict() == pytest.approx(theirs.to_dict(), rel=1e-12)
    assert [about["shown"] for about in together.runs.values()] == [about["shown"] for about in alone.runs.values()]
    assert together.rows.equals(ablations.recorded(tmp_path / "cluster.jsonl").rows)


def test_the_device_is_one_of_the_cluster_and_so_is_the_judge(tmp_path, monkeypatch):
    """Whoever asks may have no GPU, and a judge takes minutes."""
    asked = []

    @contextmanager
    def spreading(jobs, cluster):
        def spread(function, calls):
            asked.append((cluster, function.__name__, calls[0][-1]))
            return {"_device": ["cuda"], "_trained_judge": [JUDGE]}.get(function.__name__) or iter(())
        yield spread

    monkeypatch.setattr(ablations, "spreading", spreading)
    with pytest.raises(TypeError):                                          # no run came back
        run(tmp_path, BASE, cluster="tcp://there:1", device="auto")
    assert asked == [("tcp://there:1", "_device", "auto"), ("tcp://there:1", "_trained_judge", "cuda"),
                     ("tcp://there:1", "_run", "cuda")]


def test_where_the_disk_is_not_shared_nothing_is_left_by_a_run(tiny, tmp_path):
    weights = trial.judge(TINY, tmp_path / "asker")
    name, seed, found = ablations._run("quick", TINY, BASE, 0, "key", tmp_path / "not here", weights, "cpu")
    assert (name, seed) == (BASE, 0) and json.loads(found[0])["rows"] and os.listdir(tmp_path) == ["asker"]


def test_on_a_shared_disk_a_run_is_kept_by_whoever_does_it_and_done_once(tiny, tmp_path, monkeypatch):
    """A worker that was given up ends its run all the same: the next one, which waits for it, finds what it kept."""
    again, weights = ("quick", TINY, BASE, 0, "key", tmp_path), trial.judge(TINY, tmp_path)
    first = ablations._run(*again, weights, "cpu")
    assert ablations.kept(tmp_path, BASE, 0, "key") == json.loads(first[2][0])
    monkeypatch.setattr(ablations, "trial", None)
    assert ablations._run(*again, weights, "cpu") == first
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_the_monitor_stops_is_a_result(tiny, tmp_path, monkeypatch):
    def lost(*given, **how):
        raise TrainingFailed("step 3: the discriminator has won")

    monkeypatch.setattr(trial, "train_refiner", lost)
    job = run(tmp_path, "kd-4")
    assert job.first["failed"] == "step 3: the discriminator has won" and set(job.rows["measure"]) == {"seconds"}
    assert "K_g : K_d = 2 : 4, seed 0: step 3: the discriminator has won" in ablations.format_table(job)


def test_runs_of_one_seed_are_pairs(tiny, tmp_path):
    """Whatever is changed, the same synthetic images enter: those of the unrefined run of this seed."""
    seen = []
    keep = trial.measured
    trial_measured = lambda profile, shared, network, simulated, entering, *rest: (  # noqa: E731
        seen.append(entering.images), keep(profile, shared, network, simulated, entering, *rest))[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "measured", trial_measured)
        run(tmp_path, "not-refined", "global", seeds=2)
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[2], seen[3]) and not torch.equal(seen[0], seen[2])


# ---- settings ----
def test_each_ablation_changes_what_its_name_says():
    base = ablations.SWEEP_PROFILES["quick"].training
    changed = {name: {field: value for field, value in vars(ablation.config(base)).items() if value != vars(base)[field]}
               for name, ablation in SWEEP.items()}
    assert changed[BASE] == changed["not-refined"] == {} and changed["no-history"] == {"buffer": 0}
    assert changed["lambda-0"] == {"regularization": 0} and changed["residual"] == {"residual": True}
    assert changed["global-rescaled"] == {"local": False, "regularization": pytest.approx(base.regularization / 126)}
    assert changed["rates-3"] == {"refiner_lr": 3e-3, "discriminator_lr": 3e-3}
    profile = ablations.SWEEP_PROFILES["quick"]
    raw = {name for name, ablation in SWEEP.items() if ablation.profile(profile).refine_from == "synthetic"}
    assert raw == {"raw-input", *ablations.PUBLISHED} - {"published-matched"}
    assert {name for name, ablation in SWEEP.items() if not ablation.refined} == {"not-refined", "raw-not-refined"}
    alike = {"not-refined", "raw-input", "raw-not-refined", "published-matched"}   # the same training of other images, or none
    assert len({str(sorted(each.items())) for name, each in changed.items() if name not in alike}) == len(SWEEP) - len(alike)


@pytest.mark.parametrize("profile, batch, rounds", [("quick", 16, 1500), ("full", 32, 20_000)])
def test_the_rows_as_published_have_the_published_numbers_in_each_profile(profile, batch, rounds):
    rows = {name: SWEEP[name].config(ablations.SWEEP_PROFILES[profile].training) for name in ablations.PUBLISHED
            if SWEEP[name].refined}
    for name, config in rows.items():
        assert (config.features, config.regularization, config.ema_decay, config.noise) == ("identity", 0.01, 0, 0), name
        assert (config.refiner_updates, config.discriminator_updates, config.batch) == (2, 1, batch), name
        assert (config.optimizer, config.warmup_weight) == (("sgd", 0.01) if name == "published-sgd" else ("adam", 1)), name
        assert config.batch_norm == (name == "batch-norm")
        assert config.refiner_updates_most == (50 if name == "article-kg" else 0)
        rate = {"published-sgd": {16: 16e-3, 32: 32e-3}[batch], "article": 1e-4}.get(name, 1e-3)
        assert config.refiner_lr == config.discriminator_lr == rate, name
    assert rows["article"].steps == rounds and {each.steps for name, each in rows.items() if name != "article"} == {rounds // 10}
    assert (rows["article"].refiner_warmup, rows["article"].discriminator_warmup) == (500, 200)


@pytest.mark.parametrize("words, said", [
    (["--only", "no-buffer"], "no ablation no-buffer"), (["--cluster", "here"], "expected a Dask scheduler there"),
    (["--cluster", "tcp://127.0.0.1:1", "--jobs", "2"], "expected --jobs or --cluster"),
    (["--profile", "paper"], "expected one of quick, full"), (["--device", "tpu9"], "unknown device")])
def test_bad_input_gets_one_line(words, said, tmp_path, capsys):
    assert main(["ablate", "--results", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and error[0].startswith("error: ") and said in error[0]


def test_the_command_prints_the_table_and_writes_the_records(tiny, tmp_path, capsys):
    assert main(["ablate", "--results", str(tmp_path), "--seeds", "2", "--only", "base", "lambda-0"]) == 0
    assert "lambda 0" in capsys.readouterr().out
    job = ablations.recorded(tmp_path / "ablations/quick/records.jsonl")
    assert runs_of(job) == [(BASE, 0), ("lambda-0", 0), (BASE, 1), ("lambda-0", 1)]


def test_a_group_stands_for_all_of_its_ablations():
    assert ablations.checked_names(["choices", "base", "no-history"]) == [*ablations.CHOICES, "no-history"]
    assert ablations.checked_names([]) == list(SWEEP) == ablations.checked_names(["ideas", "choices", "as-published"])
    assert not set(ablations.GROUPS) & set(SWEEP), "one name, two meanings"
    assert ablations.checked_names(["published"]) == ["published"]


def test_runs_are_added_to_a_file_and_replace_their_like(tiny, tmp_path, capsys):
    path = tmp_path / "mine.jsonl"
    words = ["ablate", "--results", str(tmp_path), "--records", str(path), "--only"]
    assert main([*words, "lambda-0", "base", "--seeds", "1"]) == main([*words, "no-history", "base", "--seeds", "2"]) == 0
    assert f"The records: {path}" in capsys.readouterr().out
    found = sorted(runs_of(ablations.recorded(path)))
    assert found == [(BASE, 0), (BASE, 1), ("lambda-0", 0), ("no-history", 0), ("no-history", 1)]
    path.write_text('{"a": 1}\n')
    assert main([*words, "base", "--seeds", "1"]) == 2 and "mine.jsonl, line 1" in capsys.readouterr().err


# ---- the table ----
def test_differences_are_taken_seed_by_seed():
    job = by_hand(base=[5.0, 6.0, 7.0], no_history=[5.5, 6.5, 7.5], **{"global": [float("nan"), 8.0]})
    table = ablations.summarised(job, "gaze_error")
    assert table[BASE]["difference"] is None and table[BASE]["found"]["mean"] == 6
    assert table["no-history"]["difference"] == {"mean": 0.5, "sd": 0.0, "n": 3, "low": 0.5, "high": 0.5,
                                                   "values": [0.5, 0.5, 0.5]}
    assert table["global"]["found"]["n"] == 1 and table["global"]["difference"]["mean"] == 2.0
    assert list(ablations.summarised(job, "gaze_error", ablations.CHOICES)) == [BASE]
    text = ablations.format_table(job, ["gaze_error"])
    assert "no history" in text and "+0.50 [+0.50, +0.50]" in text and "6.00 ± 1.00" in text and "—" not in text


CORE = (BASE, "not-refined", "no-history", "global-rescaled", "lambda-0", "lambda-100", "no-warm-up", "residual")


def test_the_records_of_the_kit_are_the_sweep_as_it_is_described():
    """Three seeds of what notebook 07 concludes from, and of each choice, with every measure and today's settings."""
    job = ablations.recorded()
    runs = runs_of(job)
    assert len(set(runs)) == len(runs) and {(name, seed) for name in (*CORE, *ablations.CHOICES) for seed in range(3)} <= set(runs)
    for about in job.runs.values():
        measured = set(job.rows.loc[job.rows["run"] == about["run"], "measure"])
        # In all white images no pupil is found, and in few gray levels some measure may not exist.
        assert about.get("failed") or set(ablations.SWEEP_MEASURES) - {"last_discriminator", "pupil"} <= measured, about["subject"]
        ablation = SWEEP[about["subject"]]
        today = ablation.profile(ablations.SWEEP_PROFILES["quick"]).described()
        assert about["job"] == {"config": plain(today), "refined": ablation.refined}
    ideas = [about for about in job.runs.values() if about["subject"] in ablations.IDEAS]
    assert len({(about["commit"], json.dumps(about["versions"])) for about in ideas}) == 1


def test_records_that_are_none(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    for name in ("other.jsonl", "missing.jsonl"):
        with pytest.raises(UserError, match=name):
            ablations.recorded(tmp_path / name)
