"""From a release's files to an image set on disk: in parallel, in constant memory, and going on where it was killed."""

import hashlib
import json
import shutil
import signal
import sys
import time
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

import joblib
from tqdm.auto import tqdm

from ...images import ImageSet, as_arrays
from ...system import image_sets
from ...system.digests import code_digest
from ...system.errors import UserError, printable
from ...system.files import in_bytes, stamp
from ..base import source, told

LOT = 16                          # units for each worker that are given out at a time: so many results wait at most
ALONE_SECONDS = 2.0               # work that is done before it is shared: starting a process takes as long
KIT = Path(__file__).parents[2]
READERS = (*sorted(KIT.glob("datasets/*.py")), KIT / "gaze.py", KIT / "images.py")     # what a reader may use
IDLE_SECONDS = 10                 # until a worker without work ends; if its parent was killed, half a minute more


@dataclass(frozen=True)
class Converted:
    """n images written; skipped {reason: count}; resumed: units that an earlier, killed conversion had done;
    anew: why some of its work could not be used, if so; seconds, of this call."""

    n: int
    skipped: dict
    resumed: int
    anew: str
    seconds: float


def convert(module, units, out, options=None, workers=None, skip_damaged=False, bar=True):
    """Read `units` with `module.read_unit(unit, **options)` and write them, in order, as the image set `out`.

    module: of simgan_lib.datasets.  options: JSON values.  workers: processes (None: one a core; 1: none beside this).
    skip_damaged: count a unit whose file is damaged as skipped, instead of stopping there.
    Each unit becomes a piece on the disk, and at the end all are joined; so the disk holds the images twice for a while,
    and the memory does not grow with their number.  Interrupted or killed, and called again, it reads only units that
    have no piece, or whose files, options or reader have changed since; `out` gets the same bytes.  Only the finished set is ever
    seen at `out`.
    Raises UserError if a file is damaged, nothing is usable, the disk is too small, `out` cannot be written or is an image
    set of something else than a conversion of this data set, or a worker died: what was done until then is kept.
    """
    options, started = options or {}, time.perf_counter()
    data_set = module.__name__.rsplit(".")[-1]
    writer = f"{data_set} convert"
    recipe = {"data set": data_set, "options": options, "skip damaged": skip_damaged,
              "code": code_digest([Path(module.__file__), *READERS])}
    names = [_digest([recipe, unit, [stamp(path) for path in module.files(unit, **options)]]) for unit in units]
    image_sets.check_place(out, writer)
    made = _already(out, names)
    if made and not image_sets.left_over(out).exists():
        return made
    with image_sets.work_place(out, writer) as place:
        if made:                                            # killed before it could clear up
            return made
        pieces = [place / f"{name}.npz" for name in names]
        anew = _forget_others(place, pieces)
        missing = [(piece, unit) for piece, unit in zip(pieces, units) if not piece.exists()]
        make = partial(_make_piece, partial(read_counted, module.read_unit, options, skip_damaged))
        with (closing(in_parallel(make, missing, workers)) as sizes,
              tqdm(desc=f"converting to {Path(out).name}", total=len(units), initial=len(units) - len(missing),
                   unit=" units", disable=not bar) as shown):
            written = 0
            for done, size in enumerate(sizes, 1):
                written += size
                shown.update()
                _check_room(out, place, written // done * (len(missing) - done + len(units)))
        n, skipped = _join(pieces, place, out, module.TITLE, made_of=_digest(names), writer=writer)
    return Converted(n, skipped, len(units) - len(missing), anew, time.perf_counter() - started)


def _digest(what):
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


def _already(out, names):
    """What the same conversion of the same files found, if its result stands at `out`; else None."""
    try:
        about = image_sets.read_about(out)
        same = about["made_of"] == _digest(names)
        return Converted(len(ImageSet.load(out)), about["skipped"], len(names), "", 0.0) if same else None
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None


def _forget_others(place, pieces):
    """Delete what no unit has any more, files of earlier versions of the kit among it  ->  a line that says so, or ""."""
    others = set(place.glob("*.np[yz]")) - set(pieces)
    for path in others:
        path.unlink()
    return f"pieces of other options or code, or of files that have changed: {len(others)}" if others else ""


def _make_piece(read, work):
    """Read one unit and write its piece  ->  bytes.  work: (path of the piece, unit)."""
    path, unit = work
    images, skipped = read(unit)
    arrays, groups = ({}, {}) if images is None or not len(images) else as_arrays(images)
    image_sets.save_piece(path, arrays, groups, {"n": 0 if images is None else len(images), "skipped": skipped})
    return path.stat().st_size


def _check_room(out, place, to_come):
    """Stop before the disk is full.  to_come: bytes of the pieces that are missing, and of the finished set."""
    free = shutil.disk_usage(place).free
    if to_come > free:
        raise UserError(f"{out}: about {in_bytes(to_come)} are to come, but {in_bytes(free)} are free there; what is done is "
                        "kept: make room and give the same command again")


def _join(pieces, place, out, title, **more):
    """Put the set at `out`  ->  (number of images, {reason: count} of the others)."""
    notes = image_sets.read_notes(pieces)
    skipped = dict(sum((Counter(note["skipped"]) for note in notes), Counter()))
    n = sum(note["n"] for note in notes)
    if not n:
        raise UserError(f"{out}: not written: none of the {sum(skipped.values())} records can be used ({'; '.join(told(skipped))})")
    parts = (image_sets.read_piece(piece) for piece, note in zip(pieces, notes) if note["n"])
    return image_sets.put_together(place, out, parts, source(title, n, skipped), skipped=skipped, **more), skipped


# ---- reading in parallel ----
def in_parallel(read, units, workers=None):
    """Yield read(unit) for each unit, in order; at most LOT results a worker wait to be taken.

    workers: None: one a core; 1: none beside this process.  read: picklable, as units and results are.
    Raises what `read` raises, UserError if a worker dies.
    """
    workers, begun, alone = workers or joblib.cpu_count(), time.monotonic(), 0
    while alone < len(units) and (workers == 1 or time.monotonic() - begun < ALONE_SECONDS):
        yield read(units[alone])
        alone += 1
    workers = max(1, min(workers, len(units) - alone))
    with joblib.parallel_config("loky", inner_max_num_threads=1, idle_worker_timeout=IDLE_SECONDS):
        pool = joblib.Parallel(workers, return_as="generator")
    try:
        for at in range(alone, len(units), LOT * workers):
            with _undisturbed():
                results = pool(joblib.delayed(read)(unit) for unit in units[at:at + LOT * workers])
            yield from results
    except BrokenProcessPool as error:
        raise UserError("a worker process died, perhaps for want of memory; what is done is kept: give the same command "
                        "again with fewer workers") from error


@contextmanager
def _undisturbed():
    """A process that starts in here never hears Ctrl-C or SIGTERM, not even before its first line; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):               # Windows
        yield
        return
    resource_tracker.ensure_running()                        # which, if it started in here, would end the silence
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def read_counted(read_unit, options, skip_damaged, unit):
    """(ImageSet or None, skipped) of one unit; a damaged file is counted and named, or raises UserError."""
    try:
        return read_unit(unit, **options)
    except UserError as error:
        if not skip_damaged:
            raise
        tqdm.write(f"skipped: {printable(error)}", file=sys.stderr)
        return None, {"file damaged": 1}
