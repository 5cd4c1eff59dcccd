"""Killed at any moment and given again, a command ends as if nothing had happened: the same files, bit for bit.

A few kills run always.  Fifty, some minutes:  pytest -m long tests/test_kills.py
SIMGAN_KILLS_SEED chooses other moments; a failure names the one that it had.
"""

import importlib
import json
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import test_cli
import torch

from simgan_lib.images import ImageSet
from simgan_lib.networks import Refiner
from simgan_lib.system.checkpoints import load_state, save_module

TESTS = Path(__file__).parent
SEED = int(os.environ.get("SIMGAN_KILLS_SEED", time.time_ns() % 100_000))
TINY = "steps=420 batch=2 refiner_warmup=20 discriminator_warmup=20 buffer=4 width=2 blocks=0 features=identity".split()
JOBS = {                          # what is typed, in a folder that `prepared` has made
    "refine": ["refine", "refiner.safetensors", "synthetic", "out"],
    "convert": ["convert", "release", "out", "--workers", "1", "--size", "12", "16"],
    "train": ["train", "synthetic", "real", "out", *(word for value in TINY for word in ("--set", value)), "--device", "cpu"],
    "reproduce": ["reproduce", "--results", "results", "--record", "mine.jsonl", "--device", "cpu"]}
CHANGING = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "shutil.rmtree"}      # what changes files
LONGEST_CHAIN = 5                 # kills of one command, which then comes to its end


def prepared(folder):
    """A folder with all that the commands of JOBS read."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for name in ("synthetic", "real"):
        images = torch.randint(0, 256, (1500, 1, 14, 14), generator=generator, dtype=torch.uint8)
        ImageSet(images, {"gaze": torch.rand(1500, 2, generator=generator)}).save(folder / name)
    torch.manual_seed(0)
    save_module(folder / "refiner.safetensors", Refiner(1, 4, 1), {"channels": 1, "width": 4, "blocks": 1})
    test_cli.write_eyes(folder / "release" / "p00", days=12, n=2)
    return folder


# ---- the process that is killed ----
def child(at, words):
    """Give the command, and die before the `at`-th change of a file, or say how many there were."""
    for name in ("experiments.reproduce", "experiments.report", "pretrained", "datasets.tools.conversion"):
        importlib.import_module(f"simgan_lib.{name}")      # takes longer than the work, and is not to be killed
    torch.set_num_threads(2 if "reproduce" in words else 1)      # 2: estimators side by side
    test_cli.shrunk(pytest.MonkeyPatch())
    sys.path.insert(0, str(TESTS.parent / "data_scripts"))
    mpiigaze = runpy.run_path(str(TESTS.parent / "data_scripts" / "mpiigaze.py"), run_name="imported")["RELEASE"]
    command = partial(sys.modules["_program"].run, mpiigaze) if words[0] == "convert" else test_cli.main
    changes, here = 0, os.getcwd()

    def watched(event, given):
        nonlocal changes
        if event not in CHANGING or event == "open" and not given[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if str(os.path.abspath(os.fsdecode(given[0]))).startswith(here):
            changes += 1
            if changes == at:
                os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    sys.addaudithook(watched)
    status = command(words)
    print(f"changes {changes}", flush=True)
    os._exit(status)


def ended(folder, words, at=0, seconds=None):
    """(status, changes of files, seconds) of a command that is killed at a change of a file, after a time, or not at all."""
    program = "import sys; sys.path[:0] = sys.argv[1:3]; import test_kills; test_kills.child(int(sys.argv[3]), sys.argv[4:])"
    with subprocess.Popen([sys.executable, "-c", program, str(TESTS), str(TESTS.parent), str(at), *words], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        begun = time.monotonic()
        if seconds is not None:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        said, errors = process.communicate(timeout=600)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode, int(said.split()[-1]) if process.returncode == 0 else 0, time.monotonic() - begun


# ---- what must be the same ----
def timeless(value):
    """A nested value in plain types, without the seconds that it took."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in ("seconds", "stage_seconds")
                and value.get("measure") != "seconds"}
    if isinstance(value, (list, tuple)):
        return [timeless(item) for item in value]
    return (str(value.dtype), tuple(value.shape), value.numpy().tobytes()) if torch.is_tensor(value) else value


READ = {".state": load_state, ".previous": load_state, ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
        ".jsonl": lambda path: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()],
        ".html": lambda path: "with the time that each stage took"}


def everything(folder):
    """{path: content} of all files below, but for the times that they tell."""
    return {str(path.relative_to(folder)): timeless(READ.get(path.suffix, Path.read_bytes)(path))
            for path in sorted(folder.rglob("*")) if path.is_file()}


def killed_again_and_again(job, number, folder, share_of_changes=0.5):
    """Kill the command so often, at random moments; each time it has come to its end, compare."""
    rng, words, done, ends = random.Random(f"{SEED} {job}"), JOBS[job], 0, 0
    given, place = prepared(folder / "given"), folder / "work"
    shutil.copytree(given, place)
    status, changes, seconds = ended(place, words)
    expected = everything(place)
    assert status == 0 and changes > 4
    while done < number:
        shutil.rmtree(place)
        shutil.copytree(given, place)                     # with the times of files, by which a conversion knows them
        moments = []
        while True:
            at = {"at": rng.randint(1, changes)} if rng.random() < share_of_changes else {"seconds": rng.uniform(0, seconds)}
            at = at if done < number and len(moments) < LONGEST_CHAIN else {}
            if ended(place, words, **at)[0] == 0:
                break
            done, moments = done + 1, [*moments, at]
        found, ends = everything(place), ends + 1
        other = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        assert not other, f"seed {SEED}, {job} killed at {moments}: not as without a kill: {other}"
    print(f"seed {SEED}: {job} killed {done} times; all of its {ends} ends as without a kill")


@pytest.mark.parametrize("job, number", [("refine", 2), ("convert", 1), ("train", 1)])
def test_a_few_kills_change_nothing(job, number, tmp_path):
    killed_again_and_again(job, number, tmp_path, share_of_changes=1)


@pytest.mark.long
@pytest.mark.parametrize("job, number", [("refine", 15), ("convert", 15), ("train", 12), ("reproduce", 8)])
def test_fifty_kills_change_nothing(job, number, tmp_path):
    killed_again_and_again(job, number, tmp_path)
