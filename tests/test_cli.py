"""The command line: it does what it says, and bad input gets one clear line, exit status 2, and loses nothing."""

import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from simgan_lib.__main__ import main
from simgan_lib.gaze import gaze_vector
from simgan_lib.images import ImageSet
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.release import write_day
from simgan_lib.system.checkpoints import load_state
from simgan_lib.system.errors import UserError


def run(capsys, *words):
    status = main([str(word) for word in words])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def without_bars(error):
    return [line for line in error.splitlines() if line and "|" not in line]


def refused(capsys, *words):
    """The one line that a refused command prints."""
    status, _, error = run(capsys, *words)
    lines = without_bars(error)
    assert status == 2 and len(lines) == 1 and lines[0].startswith("error: "), (status, error)
    return lines[0]


@pytest.fixture
def sets(tmp_path, capsys):
    for name, extra in (("synthetic", []), ("real", ["--stand-in"])):
        assert run(capsys, "simulate", tmp_path / name, "--number", 24, *extra)[0] == 0
    return tmp_path


def shrunk(monkeypatch):
    """Make the quick profile take a second."""
    from dataclasses import replace

    from simgan_lib.experiments import domains, pipeline
    from simgan_lib.training import TrainingConfig
    quick = domains.PROFILES["quick"]
    tiny = TrainingConfig(steps=4, batch=4, refiner_warmup=2, discriminator_warmup=1, buffer=8, width=8, blocks=1)
    small = replace(quick, training=tiny, gaze=replace(quick.gaze, steps=5), synthetic=60, real=60, test=120, compared=20)
    monkeypatch.setitem(domains.PROFILES, "quick", small)
    for name in ("feature_network", "two_sample_accuracy"):       # networks of the measures: a few steps will do
        monkeypatch.setattr(pipeline, name, partial(getattr(pipeline, name), steps=5))


def test_simulate_train_refine_evaluate(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    assert run(capsys, "train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")[0] == 0
    assert run(capsys, "refine", sets / "refiner.safetensors", sets / "synthetic", sets / "refined")[0] == 0
    before, after = ImageSet.load(sets / "synthetic"), ImageSet.load(sets / "refined")
    assert torch.equal(before.labels["gaze"], after.labels["gaze"]) and not torch.equal(before.images, after.images)
    status, out, _ = run(capsys, "evaluate", sets / "refined", sets / "real")
    assert status == 0 and "mean gaze error" in out


def test_unknown_profile(capsys, tmp_path):
    assert "expected one of quick, full, paper" in refused(capsys, "reproduce", "--profile", "fast", "--results", tmp_path)


def test_unknown_profile_of_the_environment(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SIMGAN_PROFILE", "huge")
    assert "'huge'" in refused(capsys, "reproduce", "--results", tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU that the test wants to be absent")
def test_gpu_asked_for_and_absent(capsys, tmp_path):
    assert "use --device cpu" in refused(capsys, "reproduce", "--device", "cuda", "--results", tmp_path)


def test_missing_folder(capsys, tmp_path):
    assert "nowhere" in refused(capsys, "reproduce", "--real", tmp_path / "nowhere", "--results", tmp_path)
    assert "nowhere" in refused(capsys, "train", tmp_path / "nowhere", tmp_path / "nowhere", tmp_path / "r.safetensors")


def write_noise(folder, shape=(36, 60), n=4):
    """A day of MPIIGaze's layout whose crops are noise."""
    rng = np.random.default_rng(0)
    eye = {"image": rng.integers(1, 255, (n, *shape), dtype=np.uint8), "gaze": np.tile([0.0, 0.1, -0.99], (n, 1)),
           "pose": np.zeros((n, 3))}
    write_day(folder / "day01.mat", eye, eye)


def test_wrong_image_size(capsys, tmp_path):
    write_noise(tmp_path / "p00", shape=(30, 50))
    assert "day01.mat" in (line := refused(capsys, "reproduce", "--real", tmp_path, "--results", tmp_path / "r")), line


def test_truncated_data_file(capsys, tmp_path):
    write_noise(tmp_path / "p00")
    path = tmp_path / "p00" / "day01.mat"
    path.write_bytes(path.read_bytes()[:3000])
    assert "day01.mat" in refused(capsys, "reproduce", "--real", tmp_path, "--results", tmp_path / "r")


def test_unknown_test_day(capsys, tmp_path):
    write_noise(tmp_path / "p00")
    assert "day09" in refused(capsys, "reproduce", "--real", tmp_path, "--test-days", "day09", "--results", tmp_path / "r")


def test_test_days_without_real_data(capsys, tmp_path):
    assert "--real" in refused(capsys, "reproduce", "--test-days", "day01", "--results", tmp_path)


def test_truncated_checkpoint_is_named_and_kept(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    words = ("train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")
    assert run(capsys, *words)[0] == 0
    state = sets / "refiner.safetensors.run.state"
    damaged = state.read_bytes()[:5000]
    state.write_bytes(damaged)
    assert "refiner.safetensors.run.state" in refused(capsys, *words)
    assert state.read_bytes() == damaged


def test_truncated_refiner(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    refiner = sets / "refiner.safetensors"
    assert run(capsys, "train", sets / "synthetic", sets / "real", refiner)[0] == 0
    refiner.write_bytes(refiner.read_bytes()[:-10])
    assert "refiner.safetensors" in refused(capsys, "refine", refiner, sets / "synthetic", sets / "refined")
    assert not (sets / "refined").exists()


def test_images_of_two_sizes(sets, capsys):
    ImageSet(torch.zeros(4, 1, 20, 30, dtype=torch.uint8)).save(sets / "small")
    assert "equal channels and size" in refused(capsys, "train", sets / "synthetic", sets / "small", sets / "r.safetensors")
    assert not (sets / "r.safetensors").exists()


FULL_DISK = """
import resource, signal, sys
from simgan_lib.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


def test_no_space_left_keeps_what_was_there(sets):
    """Files larger than 20 KB fail to be written, by the system itself."""
    before = {p.name: p.read_bytes() for p in (sets / "synthetic").iterdir()}
    done = subprocess.run([sys.executable, "-c", FULL_DISK, "simulate", str(sets / "synthetic"), "--number", "40"],
                          capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    line, = without_bars(done.stderr)
    assert done.returncode == 2 and line.startswith("error: "), done.stderr
    assert {p.name: p.read_bytes() for p in (sets / "synthetic").iterdir()} == before


def test_ctrl_c_leaves_a_state_to_go_on_from(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    from simgan_lib.training import Training
    original = Training._round

    def interrupted(self):
        if self.done == 5:
            signal.raise_signal(signal.SIGINT)               # as Ctrl-C does
        return original(self)
    monkeypatch.setattr(Training, "_round", interrupted)
    words = ("train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")
    status, _, error = run(capsys, *words)
    assert status == 130 and "the same command goes on" in error
    monkeypatch.setattr(Training, "_round", original)
    assert run(capsys, *words)[0] == 0


def test_refiner_and_images_that_do_not_fit(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    assert run(capsys, "train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")[0] == 0
    ImageSet(torch.zeros(4, 3, 35, 55, dtype=torch.uint8)).save(sets / "colour")
    assert "expected 1 channels" in refused(capsys, "refine", sets / "refiner.safetensors", sets / "colour", sets / "out")
    assert not (sets / "out").exists()


def test_settings_of_a_training_can_be_named(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    words = ("train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")
    status, _, error = run(capsys, *words, "--set", "steps=2", "--set", "regularization=0.5", "--set", "local=false")
    assert status == 0, error
    config = load_state(sets / "refiner.safetensors.run.state")["run"]["config"]
    assert (config["steps"], config["regularization"], config["local"]) == (2, 0.5, False)
    for wrong, said in (("step=2", "one of steps, batch"), ("steps=two", "expected a whole number"),
                        ("local=no", "expected true or false"), ("steps=0", "from 1 to"), ("ema_decay=nan", "found 'nan'")):
        assert said in refused(capsys, *words, "--set", wrong)


def test_another_seed_does_not_take_the_old_refiner_for_its_own(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    words = ("train", sets / "synthetic", sets / "real", sets / "refiner.safetensors")
    assert run(capsys, *words)[0] == 0
    before = (sets / "refiner.safetensors").read_bytes()
    assert "seed is 0 there, 1 here" in refused(capsys, *words, "--seed", 1)
    assert (sets / "refiner.safetensors").read_bytes() == before


def write_eyes(folder, days, n=12, first_seed=0):
    """Days of MPIIGaze's layout, each of n left and n right eyes of the stand-in domain."""
    for day in range(1, days + 1):
        eyes = stand_in(2 * n, seed=first_seed + day, size=(36, 60))
        vectors = gaze_vector(eyes.labels["gaze"]).numpy()
        sides = [{"image": eyes.images[s, 0].numpy(), "gaze": vectors[s], "pose": np.zeros((n, 3))}
                 for s in (slice(0, n), slice(n, None))]
        write_day(folder / f"day{day:02d}.mat", *sides)


def test_reproduce_on_a_release_keeps_test_days_and_labels_apart(tmp_path, capsys, monkeypatch):
    import json

    from simgan_lib.experiments import pipeline
    shrunk(monkeypatch)
    write_eyes(tmp_path / "p00", days=4)
    seen, train = [], pipeline.train_refiner

    def watched(path, config, synthetic, real, *rest, **named):
        seen.append(real)
        return train(path, config, synthetic, real, *rest, **named)
    monkeypatch.setattr(pipeline, "train_refiner", watched)
    status, out, error = run(capsys, "reproduce", "--real", tmp_path / "p00", "--test-days", "day02,day04",
                             "--results", tmp_path / "r", "--record", tmp_path / "mine.jsonl")
    assert status == 0, error
    assert seen[0].labels == {} and set(seen[0].groups["day"]) == {"day01", "day03"} and len(seen[0]) == 48
    metrics = json.loads((tmp_path / "r" / "quick-real" / "metrics.json").read_text())
    assert metrics["days"] == {"day02": 24, "day04": 24} and metrics["domain"] == "MPIIGaze"
    assert metrics["images"]["test"] == 48 and metrics["images"]["unlabelled"] == 48
    assert "people: 51.7" in out and (tmp_path / "r" / "quick-real" / "report.html").exists()
    text = (tmp_path / "mine.jsonl").read_text()
    assert str(tmp_path) not in text and "--real DIR --test-days day02,day04" in text
    assert 'another test_days ({"day02": 24, "day04": 24}, {"day03": 24})' in refused(
        capsys, "reproduce", "--real", tmp_path / "p00", "--results", tmp_path / "r", "--record", tmp_path / "mine.jsonl")
    assert (tmp_path / "mine.jsonl").read_text() == text


def test_reproduce_on_three_people_keeps_one_person_apart(tmp_path, capsys, monkeypatch):
    import json

    from simgan_lib.experiments import pipeline
    from simgan_lib.experiments.records import read
    shrunk(monkeypatch)
    for place, person in enumerate(("p00", "p01", "p02")):
        write_eyes(tmp_path / person, days=2, first_seed=10 * place)
    seen, train = [], pipeline.train_refiner

    def watched(path, config, synthetic, real, *rest, **named):
        seen.append(real)
        return train(path, config, synthetic, real, *rest, **named)
    monkeypatch.setattr(pipeline, "train_refiner", watched)
    words = ("reproduce", "--real", tmp_path, "--results", tmp_path / "r", "--record", tmp_path / "mine.jsonl")
    assert "no images of subject p99; there are p00, p01, p02" in refused(capsys, *words, "--test-people", "p00,p99")
    assert "--test-people goes with --real" in refused(capsys, "reproduce", "--test-people", "p00", "--results", tmp_path / "r")
    assert "names of people" in refused(capsys, *words, "--test-people", "p00,,p01")
    assert not seen and not (tmp_path / "mine.jsonl").exists()
    status, out, error = run(capsys, *words, "--test-people", "p01")
    assert status == 0, error
    assert seen[0].labels == {} and set(seen[0].groups["subject"]) == {"p00", "p02"} and len(seen[0]) == 96
    metrics = json.loads((tmp_path / "r" / "quick-real" / "metrics.json").read_text())
    assert metrics["days"] == {"p01/day01": 24, "p01/day02": 24} and metrics["apart"] == "people"
    assert "of people that refinement" in " ".join(out.split())
    record, = read(tmp_path / "mine.jsonl").runs.values()
    assert record["job"]["test_days"] == metrics["days"] and record["command"].endswith("--real DIR --test-people p01")
    page = (tmp_path / "r" / "quick-real" / "report.html").read_text()
    assert "test people" in page and "p01/day01" not in page


@pytest.mark.parametrize("option, name", [("--test-people", "test_people"), ("--test-days", "test_days")])
def test_the_study_of_gaze_keeps_apart_who_is_named(capsys, monkeypatch, tmp_path, option, name):
    from simgan_lib.experiments import gaze_methods
    asked = []

    def watched(real, test_days, test_people):
        asked.append((real, {"test_days": test_days, "test_people": test_people}))
        raise UserError("enough")
    monkeypatch.setattr(gaze_methods, "real_domain", watched)
    assert "enough" in refused(capsys, "gaze-table", "--real", "DIR", option, "p01/day02, p03", "--results", tmp_path / "r")
    assert asked == [("DIR", {"test_days": None, "test_people": None} | {name: ["p01/day02", "p03"]})]


def test_reproduce_end_to_end_then_from_what_is_kept(tmp_path, capsys, monkeypatch):
    import json
    shrunk(monkeypatch)
    words = ("reproduce", "--seeds", 2, "--results", tmp_path)
    assert run(capsys, *words)[0] == 0
    metrics = json.loads((tmp_path / "quick" / "metrics.json").read_text())
    for name in ("gaze_error_deg", "within_7_deg"):
        for kind in ("synthetic", "synthetic_matched", "refined", "oracle"):
            assert metrics[name][kind]["n"] == 2 and {"mean", "sd"} <= set(metrics[name][kind])
    assert {"mean", "sd", "n"} <= set(metrics["pupil_shift_px"]["refined"]) and metrics["seconds"]["all"]["mean"] > 0
    assert {"synthetic", "refined"} <= set(metrics["two_sample_accuracy"])
    assert metrics["kernel_distance"]["refined"]["sd"] > 0                     # two seeds, two refiners
    assert (tmp_path / "quick" / "report.html").stat().st_size > 50_000
    files = {p: p.stat().st_mtime_ns for p in tmp_path.glob("quick/seed*/*.state")}
    assert files and run(capsys, *words)[0] == 0
    again = json.loads((tmp_path / "quick" / "metrics.json").read_text())
    assert again["gaze_error_deg"] == metrics["gaze_error_deg"]
    found = metrics["gaze_error_deg"]["refined"]
    assert found["low"] < found["mean"] < found["high"]
    for before, after in zip(metrics["stage_seconds"], again["stage_seconds"]):       # what was kept has cost its time too
        assert {k: v for k, v in before.items() if k not in ("simulation", "refining")} \
            == {k: v for k, v in after.items() if k not in ("simulation", "refining")}
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("quick/seed*/*.state")} == files, "computed anew"


def test_a_first_seed_is_a_number_from_zero_on(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["reproduce", "--first-seed", "-1", "--results", str(tmp_path / "r")])
    assert stopped.value.code == 2 and not (tmp_path / "r").exists()
    assert "whole number from 0 to 1,000,000,000, found '-1'" in capsys.readouterr().err


def test_what_a_measurement_needs_is_asked_before_the_hours_of_work(tmp_path, capsys, monkeypatch):
    """Each of these would have failed at the end, or printed an interval without width."""
    from simgan_lib.experiments import pipeline
    monkeypatch.setattr(pipeline, "SeedRun", pytest.fail)
    for day, n in ((1, 20), (2, 20), (3, 3)):                                # the third of three days is the test's: 6 eyes
        write_eyes(tmp_path / "p00" / f"{day}", days=1, n=n)
        os.rename(tmp_path / "p00" / f"{day}" / "day01.mat", tmp_path / "p00" / f"day{day:02d}.mat")
    words = ("reproduce", "--real", tmp_path / "p00", "--results", tmp_path / "r")
    assert "80 images to learn from and 6 to measure on; both need at least 8" in refused(capsys, *words)
    empty = stand_in(20, seed=3)[:0]
    empty.save(tmp_path / "empty")
    stand_in(20, seed=3).save(tmp_path / "some")
    assert "no images to measure on" in refused(capsys, "evaluate", tmp_path / "some", tmp_path / "empty")
    assert "needs images with gaze labels" in refused(capsys, "evaluate", tmp_path / "empty", tmp_path / "some")


def test_the_interval_of_evaluate_is_over_days_of_people(sets, capsys, monkeypatch):
    from dataclasses import replace

    from simgan_lib.evaluation import gaze
    shrunk(monkeypatch)
    people, days, seen, report = np.repeat(["p00", "p01"], 12), np.tile(["day01", "day02"], 12), [], gaze.gaze_report

    def watched(*given, groups, **named):
        seen.extend(sorted(set(groups)))
        return report(*given, groups=groups, **named)
    monkeypatch.setattr(gaze, "gaze_report", watched)
    replace(ImageSet.load(sets / "real"), groups={"subject": people, "day": days}).save(sets / "people")
    assert run(capsys, "evaluate", sets / "synthetic", sets / "people")[0] == 0
    assert seen == ["p00/day01", "p00/day02", "p01/day01", "p01/day02"]


def test_an_error_on_one_day_is_printed_without_an_interval_and_with_the_reason(sets, capsys, monkeypatch):
    shrunk(monkeypatch)
    assert set(ImageSet.load(sets / "real").groups["day"]) == {"day01"}
    status, out, _ = run(capsys, "evaluate", sets / "synthetic", sets / "real")
    assert status == 0 and "(no interval: all images are of one day)" in out and "95 %" not in out
    status, out, _ = run(capsys, "evaluate", sets / "real", sets / "synthetic")
    assert status == 0 and "95 % interval" in out
