"""Training on an image set larger than the memory that the process may have: through memory mapping, really limited."""

import os
import subprocess
import sys

import pytest
import torch

from simgan_lib.images import ImageSet, save_parts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to RLIMIT_DATA")

OWN_MEMORY = """
def own_memory():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))
"""
MEASURE = f"import torch, simgan_lib.training\n{OWN_MEMORY}\nprint(own_memory())"
TRAIN = OWN_MEMORY + """
import resource, sys
import torch
from simgan_lib.images import ImageSet
from simgan_lib.training import Training, TrainingConfig
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
images = ImageSet.load(sys.argv[1])
print(images.images.nbytes, limit)
try:
    images.images.clone()
    print("fits into memory")
except RuntimeError:
    print("does not fit into memory")
config = TrainingConfig(steps=3, batch=32, refiner_warmup=2, discriminator_warmup=1, buffer=32, width=4, blocks=1)
run = Training(config, images, images)
for record in run.run():
    print("step", record.step, all(value == value for value in record.numbers().values()))
assert torch.equal(images.images[-4096:], images.images[:4096])       # the last page is there, as the first
"""


def program(text, *arguments):
    # One thread: the stacks of more would count as memory, as many as the machine has cores.
    return subprocess.run([sys.executable, "-c", text, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_a_training_run_on_more_images_than_memory(tmp_path):
    needed = int(program(MEASURE).stdout) + (240 << 20)               # libraries, networks, batches
    part = ImageSet(torch.randint(256, (4096, 1, 35, 55), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))
    save_parts(tmp_path / "set", [part] * ((needed + (64 << 20)) // part.images.nbytes + 1), "noise")
    ended = program(TRAIN, tmp_path / "set", needed)
    assert ended.returncode == 0, ended.stderr
    sizes, fits, *steps = ended.stdout.splitlines()
    size, limit = map(int, sizes.split())
    assert size > limit == needed and fits == "does not fit into memory"
    assert steps == [f"step {n} True" for n in range(1, 7)]
