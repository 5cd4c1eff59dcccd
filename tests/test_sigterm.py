"""SIGTERM, as schedulers send it before they kill: within seconds a command ends with a state to go on from."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_cli import run
from test_kills import JOBS, TESTS, timeless

from simgan_lib.experiments.runs import held_interrupt
from simgan_lib.images import ImageSet
from simgan_lib.system.checkpoints import load_state
from simgan_lib.system.errors import GOES_ON, exit_status

SOON = 20                         # seconds, on a busy machine; Slurm's grace is 30
REPRODUCE = """
import os, sys, time
sys.path[:0] = sys.argv[1:3]
import pytest, test_cli, torch
from pathlib import Path
from simgan_lib.experiments import pipeline
test_cli.shrunk(pytest.MonkeyPatch())

def endless(images, config, seed, device, progress):
    while True:
        Path("in a later stage").touch()
        progress(1, 1_000_000)
        time.sleep(0.05)

torch.set_num_threads(int(sys.argv[4]))
if sys.argv[3] == "endless":
    pipeline.train_gaze_estimator = endless
sys.exit(test_cli.main(["reproduce", "--results", "results", "--device", "cpu"]))
"""


def started(folder, *words):
    return subprocess.Popen([sys.executable, *map(str, words)], cwd=folder, text=True, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})


def terminated(process, when):
    """Send SIGTERM as soon as `when()`  ->  (exit status, what it said last, seconds that it took)."""
    until = time.monotonic() + 120
    while not when():
        assert process.poll() is None and time.monotonic() < until, "it never came so far"
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    said = process.communicate(timeout=120)[1]
    assert "Traceback" not in said, said
    last = [line for line in said.splitlines() if "it/s]" not in line and line.strip()][-1]         # bars that were cut short
    return process.returncode, last, time.monotonic() - sent


def sets(folder):
    for seed, name in enumerate(("synthetic", "real")):
        generator = torch.Generator().manual_seed(seed)
        ImageSet(torch.randint(256, (300, 1, 14, 14), generator=generator, dtype=torch.uint8)).save(folder / name)


def test_a_training_that_is_terminated_ends_at_a_step_and_goes_on_to_the_same_end(tmp_path, capsys, monkeypatch):
    sets(tmp_path)
    words = [*(word.replace("steps=420", "steps=160") for word in JOBS["train"]), "--metrics", "m.jsonl"]
    metrics = tmp_path / "m.jsonl"
    status, said, seconds = terminated(started(tmp_path, "-m", "simgan_lib", *words),
                                       lambda: metrics.exists() and metrics.read_text().count("\n") > 10)
    assert (status, said) == (130, f"stopped; {GOES_ON}") and seconds < SOON
    kept = load_state(tmp_path / "out.run.state")["run"]
    assert 10 < kept["done"] < kept["config"]["steps"] and not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*")), "neither locks nor half files"
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    status, _, error = run(capsys, *words)
    assert status == 0, error
    for name in ("out.run.state", "out.run.state.previous", "out"):
        os.rename(name, f"resumed-{name}")
    status, _, error = run(capsys, *words)
    assert status == 0, error
    assert Path("out").read_bytes() == Path("resumed-out").read_bytes()
    assert timeless(load_state("out.run.state")) == timeless(load_state("resumed-out.run.state"))


@pytest.mark.parametrize("threads", [1, 2])              # 2: the estimators are trained side by side
def test_the_main_job_that_is_terminated_keeps_its_stages_and_goes_on_after_them(threads, tmp_path):
    words = ("-c", REPRODUCE, TESTS, TESTS.parent)
    status, said, seconds = terminated(started(tmp_path, *words, "endless", threads), (tmp_path / "in a later stage").exists)
    assert (status, said) == (130, f"stopped; {GOES_ON}") and seconds < SOON
    refiner = tmp_path / "results" / "quick" / "seed0" / "refiner.state"
    before = refiner.stat().st_mtime_ns
    process = started(tmp_path, *words, "to the end", threads)
    assert process.wait(300) == 0, process.communicate()[1]
    assert refiner.stat().st_mtime_ns == before and (refiner.parents[1] / "report.html").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_nobody_asked_for_is_not_lost(sent):
    """During the last save, say."""
    with pytest.raises(KeyboardInterrupt), held_interrupt() as interrupted:
        assert not interrupted()
        signal.raise_signal(sent)
    with held_interrupt():
        pass


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_each_program_ends_by_sigterm_as_by_ctrl_c(sent, capsys):
    """Studies and data scripts, too: `exit_status` is how they all end."""
    put_away = []

    def work():
        try:
            signal.raise_signal(sent)
            time.sleep(60)
        finally:
            put_away.append(True)
    assert exit_status(work, "it begins anew") == 130 and put_away
    assert capsys.readouterr().err == "\nstopped; it begins anew\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_who_has_chosen_what_sigterm_does_keeps_it():
    heard, before = [], signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
    try:
        assert exit_status(lambda: signal.raise_signal(signal.SIGTERM)) == 0 and heard
    finally:
        signal.signal(signal.SIGTERM, before)
