"""Long work that can be interrupted: a training run that takes itself up again, and stages whose results are kept."""

import hashlib
import json
import math
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import tqdm

from ..images import ImageSet
from ..parallel import ParallelTraining
from ..system.checkpoints import load_state, save_state
from ..system.device import resident
from ..system.errors import printable
from ..system.ranks import ALONE
from ..system.run_file import RunFile
from ..training import Training, refine

SNAPSHOTS = 8             # refined samples kept over a run, for the article's Figure 6
SAMPLES = 12              # images in each of them


@dataclass(frozen=True)
class TrainedRefiner:
    """What a training run leaves: the refiner, its history and its cost.

    records: plain dicts, one every few steps.  snapshots: {step: uint8 (12, C, H, W)}, the same images refined.
    seconds: of training, all parts of an interrupted run together.
    """

    refiner: torch.nn.Module
    records: list
    snapshots: dict
    seconds: float


def train_refiner(path, config, synthetic, real, seed=0, device="cpu", save_every=200, bar=True, features=None, watch=(),
                  ranks=ALONE):
    """Train, or go on training from `path`, until done  ->  TrainedRefiner.

    path: the run's file, replaced every `save_every` steps, at the end and on interruption, never half written; the state
    before is kept beside it and serves where the file is damaged, see `system.run_file`.
    features: a psi of one's own, as for `Training`.
    watch: functions that are called with the list of all records so far: at the start, and when there is another.
    ranks: those that train together, as `system.ranks.joined` gives them; all of them call this.  The first one alone looks
    for the file, writes it and shows the bar; what it finds, all go on from.
    Killed at any step and called again, it ends with the same weights, bit for bit, on the same machine.  A finished run that
    is asked for more `steps` goes on from where it ended, and ends like one that was asked for them at once.
    Raises UserError if the file belongs to another run (other settings, seed or images), cannot be written, or is another
    process's; TrainingFailed if the run is lost (the file then holds the last state that was saved before).
    """
    path = Path(path)
    with ranks.claimed(path):
        resident_sets = [replace(images, images=resident(images.images, device)) for images in (synthetic, real)]
        kind = partial(ParallelTraining, ranks=ranks) if ranks.size > 1 else Training
        run, log = kind(config, *resident_sets, seed, device, features), Log(config.total, watch)
        file = RunFile(path, ranks)
        if not file.take_up(lambda state: (run.restore(state["run"]), log.restore(state["log"]))) and ranks.first:
            _tell_of_earlier(path)
        log.tell()
        with (tqdm(total=config.total, initial=run.done, desc="training the refiner", unit="step",
                   disable=not (bar and ranks.first)) as progress, held_interrupt() as interrupted):
            for record in run.run():
                log.note(record, run, synthetic.images[:SAMPLES])
                progress.update()
                stop = ranks.any(interrupted())             # all of them, at the same step
                if record.step % save_every == 0 or record.step == record.total or stop:
                    file.save({"run": run.state(), "log": log.state()})
                if stop:
                    raise KeyboardInterrupt
    return TrainedRefiner(run.result, log.records, log.snapshots, log.seconds)


def _tell_of_earlier(path):
    """A line for each state that an earlier version kept for this run, under the name that it had then."""
    stem = Path(path.name.removesuffix(".run.state")).stem                 # they cut OUT's ending: eyes.safetensors -> eyes
    names = [path.with_suffix(".safetensors").name] + [f"{stem}.run.{ending}" for ending in ("state", "safetensors")]
    for earlier in (path.with_name(name) for name in names):
        if earlier.exists():
            print(printable(f"note: {earlier}: the state of a run of an earlier version, it seems, which cannot be taken up; "
                            "this run begins anew"), file=sys.stderr)


@contextmanager
def held_interrupt():
    """Ctrl-C, or SIGTERM as schedulers send it, waits for the end of the step: gives a function that says whether it came.

    A state saved in the middle of a step would make the rest of the run another one.
    Raises KeyboardInterrupt at the end, if one came that nobody has asked for.
    """
    pressed = []
    if threading.current_thread() is not threading.main_thread():      # signals reach the main thread alone
        yield lambda: False
        return
    before = {number: signal.signal(number, lambda *_: pressed.append(True)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(pressed)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if pressed:
        raise KeyboardInterrupt


def shown_progress(name, bar=True):
    """A bar with the time left, for the `progress(done, total)` of long functions: there from the first call to the last."""
    progress = None

    def show(done, total):
        nonlocal progress
        if progress is None:
            progress = tqdm(desc=name, total=total, disable=not bar)
        progress.update(done - progress.n)
        if done >= total:
            progress.close()
    return show


class Log:
    """Losses and refined samples of a run, at a spacing that keeps them small however long it is.

    watch: functions of the list of records, which is theirs to look at.
    """

    def __init__(self, total, watch=()):
        self.every, self.watch = max(1, total // 400), watch
        self.moments = {max(1, round(total * k / (SNAPSHOTS - 1))) for k in range(SNAPSHOTS)}
        self.records, self.snapshots, self.seconds, self.since = [], {}, 0.0, time.perf_counter()

    def note(self, record, run, shown):
        now = time.perf_counter()
        self.seconds, self.since = self.seconds + now - self.since, now
        if record.step % self.every == 0 or record.step in self.moments:
            self.records.append(record.numbers())
            self.tell()
        if record.step in self.moments:
            self.snapshots[record.step] = refine(run.result, ImageSet(shown)).images

    def tell(self):
        for each in self.watch:
            each(self.records)

    def state(self):
        return {"records": self.records, "snapshots": self.snapshots, "seconds": self.seconds}

    def restore(self, state):
        self.records = [dict(record) for record in state["records"]]
        self.snapshots, self.seconds = dict(state["snapshots"]), float(state["seconds"])


def check_numbers(value, rule=math.isfinite):
    """Raises ValueError if one of the numbers in a nested result is not finite, or breaks another rule for a number."""
    if torch.is_tensor(value):
        check_numbers(value.flatten().tolist() if value.is_floating_point() else [], rule)
    elif isinstance(value, (dict, list, tuple)):
        for each in value.values() if isinstance(value, dict) else value:
            check_numbers(each, rule)
    elif isinstance(value, float) and not rule(value):
        raise ValueError(f"found the number {value}")


class Stages:
    """Results of named stages in a folder, computed once: what a killed run has finished, the next one finds.

    key: all that the results depend on, as JSON values.  A kept result under another key is computed anew.
    """

    def __init__(self, folder, key):
        self.folder = Path(folder)
        self.key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]

    def __call__(self, name, compute, check):
        """The nested result (tensors, numbers, dicts) of `compute()`, kept in folder/name.state.

        check: called with a result that is found there, and raises whatever it likes if that cannot be one.  Then, and if the
        file is damaged, it is computed anew, which is said.
        """
        path = self.folder / f"{name}.state"
        if path.exists():
            try:
                kept = load_state(path)
                if isinstance(kept, dict) and kept.get("key") == self.key and "result" in kept:
                    check(kept["result"])
                    return kept["result"]
            except Exception as error:
                said = f"note: {path}: what is kept there cannot be right ({error}); it is made anew"
                print(printable(said), file=sys.stderr)
        result = compute()
        save_state(path, {"key": self.key, "result": result})
        return result

    def path(self, name):
        """Where a stage that keeps its own state (a training run) does so: another key has another file."""
        return self.folder / f"{name}-{self.key}.state"
