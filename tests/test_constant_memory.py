"""However long a run is, the memory that it takes stays what it was after its first steps.

Ten thousand steps, some minutes:  pytest -m long tests/test_constant_memory.py
"""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="the peak of a process's memory is not told here")
PROGRAM = """
import gc, json, re, resource, sys, tracemalloc
import torch
from simgan_lib.experiments.metrics import watching
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.training import Training, TrainingConfig

early, last, leak = map(int, sys.argv[1:4])
images = [ImageSet(torch.randint(256, (200, 1, 14, 14), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8))
          for seed in (0, 1)]
config = TrainingConfig(steps=last - 20, batch=4, refiner_warmup=10, discriminator_warmup=10, buffer=16, width=2, blocks=0,
                        features="identity", refiner_updates=1, regularization=0.0, discriminator_lr=1e-5)
one_round, kept, seen = Training._round, [], {}

def peak():
    if sys.platform == "linux":              # ru_maxrss begins there with what the parent process held
        return 1024 * int(re.search("VmHWM:(.*)kB", open("/proc/self/status").read())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def now():
    gc.collect()
    return [peak(), tracemalloc.get_traced_memory()[0]]

def watched(run):
    if leak:
        kept.append((torch.ones(leak), [run.done] * leak))
    if run.done == early // 2:
        tracemalloc.start()                  # slow; and what stood before is not counted
    if run.done in (early, last - 1):
        seen[run.done] = [*now(), len(run.buffer)]
    return one_round(run)

Training._round = watched
with watching("metrics.jsonl") as watch:
    done = train_refiner("run.state", config, *images, save_every=early // 4, bar=False, watch=watch)
(first_peak, objects, _), (later_peak, later_objects, history) = seen.values()
print(json.dumps({"grown": [later_peak - first_peak, later_objects - objects], "history": history, "records": len(done.records)}))
"""
MB = 1 << 20
# The log of a run of 10,000 steps has 400 records of a kilobyte: Python's objects may grow by that, and not by the steps.
OBJECTS, PEAK = 1 * MB, 8 * MB


def measured(folder, early, last, leak=0):
    """What grew between two steps of `train_refiner`: {"grown": [bytes at the peak, bytes of Python's objects], ...}."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM, *map(str, (early, last, leak))], cwd=folder, capture_output=True,
                           text=True, timeout=1800, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def check(folder, early, last):
    found = measured(folder, early, last)
    print(f"from step {early:,} to {last:,}: the peak grew by {found['grown'][0] / MB:.2f} MB, Python's objects by "
          f"{found['grown'][1] / MB:.2f} MB")
    assert found["history"] == 16 and 400 <= found["records"] <= 808
    assert found["grown"][0] < PEAK and found["grown"][1] < OBJECTS, found


def test_some_hundred_steps_take_no_more_memory_than_the_first(tmp_path):
    check(tmp_path, 100, 500)


def test_what_grows_with_each_step_is_seen(tmp_path):
    """80 kB of a tensor and 160 kB of a list a step, over 400 steps: more than the start of a process takes for a while."""
    peak, objects = measured(tmp_path, 100, 500, leak=20_000)["grown"]
    assert objects > 5 * MB > OBJECTS and peak > PEAK


@pytest.mark.long
def test_ten_thousand_steps_take_no_more_memory_than_the_first_thousand(tmp_path):
    check(tmp_path, 1000, 10_000)
