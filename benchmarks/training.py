"""How fast is a training step, against the same step in plain PyTorch?

    python benchmarks/training.py [--quick] [--json] [--batch 32] [--threads 2]

Ours is what `Training.update_refiner` and `Training.update_discriminator` do with the published networks.  The reference
is the same step written plainly: float32, contiguous tensors, eager, the usual allocator.  Both run in processes of
their own, in turns, so that a busy machine slows both and one's allocator settings do not help the other; of all turns
the median counts.  The refiner is measured as published, and with the mirrored margin that the kit adds to it.
"""

import json
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.images import ImageSet, to_float
from simgan_lib.networks import Refiner
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import PROCESSES, Parser, Whole
from simgan_lib.training import Training, TrainingConfig

SIZE = (35, 55)
STEPS = ("refiner_step", "refiner_step_with_margin", "discriminator_step")


def eyes(n=256, seed=0):
    """Anything of the right size: the time of a step does not depend on what is in the pictures."""
    generator = torch.Generator().manual_seed(seed)
    return ImageSet(torch.randint(0, 256, (n, 1, *SIZE), dtype=torch.uint8, generator=generator))


class Ours:
    """The kit's own steps, with the history buffer in use."""

    def __init__(self, batch):
        self.training = Training(TrainingConfig(steps=1, batch=batch, buffer=8 * batch), eyes(seed=0), eyes(seed=1))
        self.margin = self.training.refiner.margin

    def refiner_step(self):
        self.training.refiner.margin = 0
        self.training.update_refiner()

    def refiner_step_with_margin(self):
        self.training.refiner.margin = self.margin
        self.training.update_refiner()

    def discriminator_step(self):
        self.training.refiner.margin = 0
        self.training.update_discriminator()


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class Reference:
    """The same steps in plain PyTorch, after the paper: Algorithm 1, both losses, half of a batch from the history."""

    def __init__(self, batch):
        self.batch, self.synthetic, self.real = batch, to_float(eyes(seed=0).images), to_float(eyes(seed=1).images)
        self.refiner = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), *[Block() for _ in range(4)],
                                     nn.Conv2d(64, 1, 1), nn.Tanh())
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, 96, 3, 2, 1), nn.ReLU(), nn.Conv2d(96, 64, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 1, 1),
            nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 1), nn.ReLU(), nn.Conv2d(32, 2, 1))
        self.optimizers = [torch.optim.Adam(network.parameters(), lr=3e-4, betas=(0.5, 0.999))
                           for network in (self.refiner, self.discriminator)]
        self.history = to_float(eyes(8 * batch, seed=2).images)

    def draw(self, images):
        return images[torch.randint(len(images), (self.batch,))]

    def adversarial(self, images, label):
        logits = self.discriminator(images)
        labels = torch.full((len(images), *logits.shape[2:]), label)
        return F.cross_entropy(logits, labels, reduction="sum") / len(images)

    def step(self, which, loss):
        self.optimizers[which].zero_grad()
        loss.backward()
        self.optimizers[which].step()

    def refiner_step(self, margin=0):
        synthetic = self.draw(self.synthetic)
        self.discriminator.requires_grad_(False)
        padded = F.pad(synthetic, (margin,) * 4, mode="reflect") if margin else synthetic
        refined = self.refiner(padded)[..., margin:margin + SIZE[0], margin:margin + SIZE[1]]
        kept = (refined - synthetic).abs().sum() / self.batch
        self.step(0, self.adversarial(refined, 0) + 0.5 * kept)

    def refiner_step_with_margin(self):
        self.refiner_step(Refiner().margin)

    def discriminator_step(self):
        half = self.batch // 2
        with torch.no_grad():
            fresh = self.refiner(self.draw(self.synthetic))
        places = torch.randperm(len(self.history))
        refined = torch.cat([fresh[half:], self.history[places[:half]]])
        self.history[places[-half:]] = fresh[:half]
        self.discriminator.requires_grad_(True)
        self.step(1, self.adversarial(refined, 1) + self.adversarial(self.draw(self.real), 0))


def worker(kind, batch, threads, pipe):
    """Answers each (name of a step, seconds) with the times of its steps, until it gets None."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    steps = {"ours": Ours, "reference": Reference}[kind](batch)
    pipe.send("ready")
    while (job := pipe.recv()) is not None:
        pipe.send(timed(getattr(steps, job[0]), job[1]))


def timed(step, seconds):
    """Seconds of each of as many calls as fit, at least two; the first, which fills caches, is not counted."""
    step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def compare(batch, threads, rounds, seconds, limit):
    """{step: {images_per_second, reference_images_per_second, ratio_to_reference}}.

    rounds of `seconds` for each step and kind; no new round is begun after `limit` seconds.
    """
    end = time.perf_counter() + limit
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for kind in ("ours", "reference"):
        pipes[kind], theirs = spawn.Pipe()
        processes.append(spawn.Process(target=worker, args=(kind, batch, threads, theirs), daemon=True))
        processes[-1].start()
    for pipe in pipes.values():
        pipe.recv()
    times = {(name, kind): [] for name in STEPS for kind in pipes}
    for done in range(rounds):
        if done and time.perf_counter() > end:              # a busy machine: fewer rounds rather than no end
            break
        for name, kind in times:
            pipes[kind].send((name, seconds))
            times[name, kind] += pipes[kind].recv()
    for pipe in pipes.values():
        pipe.send(None)
    speed = {key: batch / statistics.median(values) for key, values in times.items()}
    return {name: {"images_per_second": round(speed[name, "ours"], 1),
                   "reference_images_per_second": round(speed[name, "reference"], 1),
                   "ratio_to_reference": round(speed[name, "ours"] / speed[name, "reference"], 2)} for name in STEPS}


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="half a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--batch", type=Whole(2, 65_536), default=32)
    parser.add_argument("--threads", type=PROCESSES, default=min(2, torch.get_num_threads()))
    asked = parser.parse_args()
    rounds, seconds, limit = (3, 0.6, 20) if asked.quick else (8, 3.0, 600)
    result = compare(asked.batch, asked.threads, rounds, seconds, limit)
    about = {"batch": asked.batch, "threads": asked.threads, "size": list(SIZE), "torch": torch.__version__,
             "reference": "the same step in float32, contiguous, eager PyTorch"}
    if asked.json:
        print(json.dumps({**result, **about}))
        return
    print(f"{asked.threads} threads, batch {asked.batch}, {SIZE[0]}x{SIZE[1]}, torch {torch.__version__}")
    print(f"{'step':<28}{'images/s':>10}{'plain':>10}{'ratio':>8}")
    for name, row in result.items():
        print(f"{name:<28}" + "{:>10}{:>10}{:>8}".format(*row.values()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
