"""How a part is measured: the kit's and a plain one in turns, beside what the same machine does at most.

Each runs in a process of its own, so that one's allocator and caches do not help the other.  They take turns, so that a
busy machine slows both; of all turns the median counts.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from simgan_lib.system.device import autocast_for, resolve_device
from simgan_lib.system.errors import UserError
from simgan_lib.system.settings import PROCESSES, Parser, Whole

SIZE = (35, 55)


@dataclass(frozen=True)
class Sizes:
    """How much one call of a part does, and where."""

    batch: int = 32
    images: int = 256          # that steps draw from
    stored: int = 8192         # in the set on the disk that is fed
    buffer: int = 1024         # images in the history
    drawn: int = 512           # eyes drawn by a simulator
    single: int = 16           # drawn one by one
    pupils: int = 64           # found
    judged: int = 256          # a side, in measures of realism
    steps: int = 20            # of the two-sample classifier
    side: int = 2048           # of the matrices whose product is the ceiling
    device: str = "cpu"
    folder: str = ""           # for files


@dataclass(frozen=True)
class Effort:
    """Turns of each process: so many, of so many seconds, but none begins later than `limit` seconds after the first."""

    rounds: int
    seconds: float
    limit: float


@dataclass(frozen=True)
class Work:
    """What one process does: `call()` does `units` images, say.  counted: whose arithmetic is counted, if not that of `call`."""

    call: Callable
    units: float
    counted: Callable | None = None


@dataclass(frozen=True)
class Part:
    """ours, plain: functions Sizes -> Work.  arithmetic: of convolutions and matrix products.  batched: depends on the batch."""

    ours: Callable
    plain: Callable
    unit: str = "images"
    arithmetic: bool = False
    batched: bool = False


BATCH = Whole(2, 65_536)
QUICK = Sizes(), Effort(3, 0.5, 6)
FULL = Sizes(drawn=4096, single=64, pupils=256, judged=1000, steps=100), Effort(8, 3.0, 600)


def options(description):
    """A parser with what all these programs take; `sizes_asked` reads it."""
    parser = Parser(description=description.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller and fewer, for a first look")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=PROCESSES, default=min(2, torch.get_num_threads()))
    return parser


def sizes_asked(asked):
    """(Sizes, Effort) for the options.  A GPU does more at a time.  Raises UserError for a device that is not there."""
    sizes, effort = QUICK if asked.quick else FULL
    device = resolve_device(asked.device)
    more = {"drawn": 64 * sizes.drawn, "side": 4 * sizes.side} if device.type == "cuda" else {}
    return replace(sizes, device=str(device), **more), effort


def of_batch(sizes, batch):
    """The Sizes with another batch, and a history that holds one."""
    return replace(sizes, batch=batch, buffer=max(sizes.buffer, batch))


# ---- a part ----
def compared(name, part, sizes, threads, effort, flops=None, most=None):
    """What was measured of one part, as a flat dict.  Raises UserError, naming the part, if it fails.

    flops: `flops_of` the part, most: the `ceilings`; without them there are no GFLOP/s.
    """
    ours, plain = measured(name, {"ours": part.ours, "plain": part.plain}, sizes, threads, effort)
    row = {f"{part.unit}_per_second": digits(ours["speed"]), f"reference_{part.unit}_per_second": digits(plain["speed"]),
           "ratio_to_reference": digits(ours["speed"] / plain["speed"], 3),
           "memory_mb": ours["memory_mb"], "reference_memory_mb": plain["memory_mb"]}
    if flops:
        done = flops * ours["speed"] / 1e9
        row |= {"mflop_each": flops / 1e6, "gflops": digits(done),
                **{f"share_of_{kind}": digits(done / highest(most, kind), 3) for kind in ("convolution", "product")}}
    return row


def flops_of(part, sizes):
    """Floating-point operations of convolutions and matrix products for one image, say; a multiplication and an addition are two.

    Counted on the plain work, whatever the kit computes beyond it; in a small batch on the CPU, as they depend on neither.
    """
    work = part.plain(replace(sizes, batch=2, device="cpu"))
    with FlopCounterMode(display=False) as counter:
        (work.counted or work.call)()
    return counter.get_total_flops() / work.units


def digits(value, n=4):
    """A number with so many digits that mean something."""
    return float(f"{value:.{n}g}")


# ---- ceilings ----
def ceilings(sizes, threads, effort):
    """{what in which format and layout: GFLOP/s}: the most that this machine does with so many threads: the fastest call counts."""
    device = torch.device(sizes.device)
    with autocast_for(device):
        formats = ("float32", "bfloat16") if torch.is_autocast_enabled(device.type) else ("float32",)
    makers = {f"product_{kind}": partial(product, kind) for kind in formats}
    makers |= {f"convolution_{kind}_{layout}": partial(convolution, kind, layout)
               for kind in formats for layout in ("channels_last", "contiguous_format")}
    found = measured("ceilings", makers, sizes, threads, effort)
    return {name: digits(each["fastest"] / 1e9) for name, each in zip(makers, found)}


def highest(most, kind):
    """The highest of the ceilings of one kind."""
    return max(value for name, value in most.items() if name.startswith(kind))


def product(kind, sizes):
    """The product of two large square matrices."""
    a, b = torch.rand(2, sizes.side, sizes.side, device=sizes.device, dtype=getattr(torch, kind))
    return Work(lambda: a @ b, 2 * sizes.side ** 3)


def convolution(kind, layout, sizes):
    """The convolution that the refiner is made of: 3x3, 64 maps to 64, forward."""
    how = {"device": sizes.device, "dtype": getattr(torch, kind)}
    x, w = (torch.rand(shape, **how).to(memory_format=getattr(torch, layout))
            for shape in ((sizes.batch, 64, *SIZE), (64, 64, 3, 3)))
    return Work(torch.no_grad()(lambda: F.conv2d(x, w, padding=1)), 2 * sizes.batch * SIZE[0] * SIZE[1] * 9 * 64 * 64)


# ---- processes that take turns ----
def processes():
    """A context of multiprocessing that starts clean processes, on Linux with what is slow to import at hand."""
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    context.set_forkserver_preload(["torch", "scipy.stats", "sklearn.isotonic", "skimage.measure", "benchmarks.parts"])
    return context


def measured(name, makers, sizes, threads, effort):
    """[{"speed", "fastest" (units a second), "memory_mb"}] of {kind: Sizes -> Work}.  Raises UserError if one fails."""
    context, jobs = processes(), []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for kind, make in makers.items():
                pipe, theirs = context.Pipe()
                process = context.Process(target=worker, args=(make, replace(sizes, folder=folder), threads, theirs), daemon=True)
                process.start()
                theirs.close()                    # else a process that dies is waited for without end
                jobs.append((f"{name}, {kind}", pipe, process))
            units = [answer(*job) for job in jobs]
            turns = list(taken_in_turns(jobs, effort))
        finally:
            for _, pipe, process in jobs:
                pipe.close()
                process.kill()
                process.join()
    times = [sum((turn[at][0] for turn in turns), []) for at in range(len(jobs))]
    return [{"speed": each / statistics.median(taken), "fastest": each / min(taken), "memory_mb": memory}
            for each, taken, (_, memory) in zip(units, times, turns[-1])]


def taken_in_turns(jobs, effort):
    """Yield, a round, [(seconds of each call, memory)] of all jobs, one working at a time."""
    end = time.perf_counter() + effort.limit
    for done in range(effort.rounds):
        if done and time.perf_counter() > end:    # a slow machine: fewer rounds rather than no end
            return
        found = []
        for job in jobs:
            job[1].send(effort.seconds)
            found.append(answer(*job))
        yield found


def answer(name, pipe, process):
    """What a process sends next.  Raises UserError, naming the part, if that is an error, or if it has died."""
    try:
        found = pipe.recv()
    except (EOFError, OSError) as error:
        process.join(10)
        raise UserError(f"{name}: its process ended with status {process.exitcode}, expected an answer") from error
    if isinstance(found, str):
        raise UserError(f"{name}: {found}")
    return found


def worker(make, sizes, threads, pipe):
    """One process: does the work once, which fills caches, and then for as long as it is asked to."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    try:
        before = peak_bytes(sizes.device)
        work = make(sizes)
        work.call()
        pipe.send(work.units)
        while True:
            times = timed(work.call, pipe.recv(), sizes.device)
            peak = peak_bytes(sizes.device)
            pipe.send((times, None if peak is None else digits((peak - before) / 1e6)))
    except (EOFError, BrokenPipeError):           # nobody asks any more
        return
    except Exception as error:
        pipe.send(f"{'' if isinstance(error, UserError) else type(error).__name__ + ': '}{error}")


def timed(call, seconds, device):
    """Seconds of each of as many calls as fit, at least one, with all that they started on the device."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        if (kind := torch.device(device).type) != "cpu":
            getattr(torch, kind).synchronize()
        times.append(time.perf_counter() - start)
    return times


def peak_bytes(device):
    """Most bytes held at a time: by torch on a GPU, else by this process.  None where the system does not say (it is not Linux)."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
