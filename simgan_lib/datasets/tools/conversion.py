"""From a release's files to an image set on disk: in parallel, in constant memory, and going on where it was killed."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter, deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import tqdm

from ...images import ImageSet
from ...system.errors import UserError
from ...system.files import in_bytes
from ...system.image_writer import ImageSetWriter
from ..base import source

AHEAD = 3                         # units for each worker that are read, or waiting, before the writer needs them
COMMIT_SECONDS = 1.0              # at most this much work is done twice after a kill
ALONE_SECONDS = 2.0               # work that is done before it is shared: starting a process takes as long


@dataclass(frozen=True)
class Converted:
    """n images written; skipped {reason: count}; resumed: units that an earlier, killed conversion had done;
    anew: why such work could not be used, if so; seconds, of this call."""

    n: int
    skipped: dict
    resumed: int
    anew: str
    seconds: float


def convert(module, units, out, options=None, workers=None, skip_damaged=False, bar=True):
    """Read `units` with `module.read_unit(unit, **options)` and write them, in order, as the image set `out`.

    module: of simgan_lib.datasets.  options: JSON values.  workers: processes (None: one a core; 1: none beside this).
    skip_damaged: count a unit whose file is damaged as skipped, instead of stopping there.
    Memory does not grow with the number of units.  Interrupted or killed, and called again with the same arguments and
    unchanged files, it goes on, and `out` gets the same bytes; with others it starts anew.  Only the finished set is
    ever seen at `out`.
    Raises UserError if a file is damaged, nothing is usable, the disk is too small, `out` cannot be written or a
    worker died: what was done until then is kept.
    """
    options, started = options or {}, time.perf_counter()
    key = {"data set": module.__name__.rsplit(".")[-1], "options": options, "skip damaged": skip_damaged}
    files = partial(module.files, **options)
    done = _already(out, key, units, files)
    if done:
        return done
    with ImageSetWriter(out, key) as writer:
        work = _Work(writer, units, files)
        resumed = work.done
        with (closing(in_parallel(read_counted(module, options, skip_damaged), units[resumed:], workers)) as results,
              tqdm(desc=f"converting to {Path(out).name}", total=len(units), initial=resumed, unit=" units",
                   disable=not bar) as shown):
            for images, skipped in results:
                work.take(images, skipped)
                shown.update()
        work.finish(module.TITLE)
    return Converted(len(writer), dict(work.skipped), resumed, work.anew, time.perf_counter() - started)


def _already(out, key, units, files):
    """What the same conversion of the same files found, if its result stands at `out`; else None."""
    try:
        about = json.loads((Path(out) / "set.json").read_text())
        same = about["key"] == json.loads(json.dumps(key)) and about["files"] == _Fingerprint(files, units).digest()
        return Converted(len(ImageSet.load(out)), about["skipped"], len(units), "", 0.0) if same else None
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None


class _Work:
    """How far a conversion is, and of which files: what its journal notes."""

    def __init__(self, writer, units, files):
        self.writer, self.units, self.anew = writer, units, writer.anew
        note = writer.note
        self.done, self.skipped, self.kept = note.get("units", 0), Counter(note.get("skipped")), time.monotonic()
        self.seen = _Fingerprint(files, units[:self.done])
        if self.done and self.seen.digest() != note["files"]:
            writer.start_anew("the files that were read have changed")
            self.done, self.skipped, self.seen, self.anew = 0, Counter(), _Fingerprint(files), writer.anew

    def take(self, images, skipped):
        if images is not None:
            self.writer.append(images)
        self.skipped.update(skipped)
        self.seen.add(self.units[self.done:self.done + 1])
        self.done += 1
        if time.monotonic() - self.kept > COMMIT_SECONDS:
            self.keep()
            self._room()

    def keep(self):
        self.writer.commit({"units": self.done, "skipped": dict(self.skipped), "files": self.seen.digest()})
        self.kept = time.monotonic()

    def _room(self):
        """Stop before the disk is full: the units to come take about as much as those before."""
        to_come = self.writer.bytes // self.done * (len(self.units) - self.done)
        free = shutil.disk_usage(self.writer.unfinished).free
        if to_come > free:
            raise UserError(f"{self.writer.folder}: about {in_bytes(to_come)} are to come, but {in_bytes(free)} are free "
                            "there; what is done is kept: make room and give the same command again")

    def finish(self, title):
        self.keep()
        self.writer.close(source(title, len(self.writer), self.skipped), skipped=dict(self.skipped),
                          files=self.seen.digest())


class _Fingerprint:
    """A digest of units and of the size and time of every file that they are read from, in order.  files: unit -> paths."""

    def __init__(self, files, units=()):
        self.hash, self.files = hashlib.sha256(), files
        self.add(units)

    def add(self, units):
        for unit in units:
            self.hash.update(json.dumps([unit, [_stamp(path) for path in self.files(unit)]], default=str).encode())

    def digest(self):
        return self.hash.hexdigest()


def _stamp(path):
    try:
        found = os.stat(path)
        return [found.st_size, found.st_mtime_ns]
    except OSError:
        return None


# ---- reading in parallel ----
def in_parallel(read, units, workers=None):
    """Yield read(unit) for each unit, in order; at most AHEAD a worker are under way or wait to be taken.

    workers: None: one a core; 1: none beside this process.  read: gives (ImageSet or None, anything), and is picklable,
    as units are.  Raises what `read` raises, UserError if a worker dies.
    """
    workers, begun, alone = workers or _cores(), time.monotonic(), 0
    while alone < len(units) and (workers == 1 or time.monotonic() - begun < ALONE_SECONDS):
        yield read(units[alone])
        alone += 1
    if alone < len(units):
        yield from _shared(read, units[alone:], min(workers, len(units) - alone))


def _shared(read, units, workers):
    """`in_parallel` by worker processes."""
    # Not forked from this process: torch's threads would not survive it.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)
    try:
        under_way = deque()
        for unit in units:
            if len(under_way) == AHEAD * workers:
                yield _unpacked(under_way.popleft().result())
            with _without_ctrl_c():
                under_way.append(pool.submit(_packed, read, unit))
        while under_way:
            yield _unpacked(under_way.popleft().result())
    except BrokenProcessPool as error:
        raise UserError("a worker process died, perhaps for want of memory; what is done is kept: give the same command "
                        "again with fewer workers") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_ctrl_c():
    """A process that starts in here never hears Ctrl-C, not even before its first line; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):               # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores():
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_counted(module, options, skip_damaged=True):
    """unit -> (ImageSet or None, skipped), picklable; a damaged file is counted and named, or raises UserError."""
    return partial(_read_counted, module.read_unit, options, skip_damaged)


def _read_counted(read_unit, options, skip_damaged, unit):
    try:
        return read_unit(unit, **options)
    except UserError as error:
        if not skip_damaged:
            raise
        tqdm.write(f"skipped: {error}", file=sys.stderr)
        return None, {"file damaged": 1}


def _packed(read, unit):
    """A result as plain arrays: tensors would travel as open files, of which there may be too many."""
    images, skipped = read(unit)
    if images is None:
        return None, skipped
    labels = {name: values.numpy() for name, values in images.labels.items()}
    return (images.images.numpy(), labels, images.groups, images.source), skipped


def _unpacked(result):
    parts, skipped = result
    if parts is None:
        return None, skipped
    images, labels, groups, line = parts
    return ImageSet(torch.from_numpy(images), {k: torch.from_numpy(v) for k, v in labels.items()}, groups, line), skipped


def _start_worker():
    """Ctrl-C is the parent's to answer; a worker computes on one core, and ends when its parent does, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
