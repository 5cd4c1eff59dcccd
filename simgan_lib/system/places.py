"""Places to write to: asked before the first step of any work, and kept from other processes until it ends."""

import errno
import os
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from .errors import UserError

try:
    import fcntl
except ImportError:               # Windows
    fcntl = None
    import msvcrt

KINDS = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder"}
LONGEST = ".{}.12345678.unfinished"       # the longest name that stands beside one while it is written


def target(path, folder=False):
    """Where a file, or a folder, of that name is to be written, as an absolute Path: what is a link stays one.

    Raises UserError for no name at all, and where something of another kind stands: a folder, a pipe, a device.
    """
    expected, text = "a folder" if folder else "a file", str(path)
    if not text.strip() or not folder and text.endswith(("/", os.sep)) or not Path(os.path.abspath(path)).name:
        raise UserError(f"{text!r}: could not be written: expected the name of {expected}")
    with writing(path):
        found = Path(os.path.realpath(path))
        with suppress(FileNotFoundError):
            kind = KINDS.get(stat.S_IFMT(os.stat(found).st_mode), "a pipe or a device")
            if kind != expected:
                raise UserError(f"{path}: could not be written: expected {expected} or nothing there, found {kind}")
    return found


def checked(path, folder=False):
    """The `target`, if it could be written.  Asked before work that takes long; nothing is left there, nor changed.

    Raises UserError for a name that is too long, and for what is read-only, as `target` does, too.
    """
    found = target(path, folder)
    with writing(path):
        if found.exists() and not os.access(found, os.W_OK):
            raise OSError(errno.EACCES, "it is read-only")
        beside = found.with_name(LONGEST.format(found.name))
        above = next(place for place in beside.parents if place.exists())
        for name in (*beside.relative_to(above).parts, beside):
            with suppress(FileNotFoundError):
                os.lstat(above / name)                      # says whether a name is too long
        for place in {above, found if found.is_dir() else above}:
            tempfile.TemporaryFile(dir=place).close()       # has no name: a kill leaves nothing
    return found


def apart(path, *read):
    """The path, if it lies in none of the places that are read.  Raises UserError: the same command again would read it, too."""
    for place in map(os.path.realpath, read):
        if Path(os.path.realpath(path)).is_relative_to(place):
            raise UserError(f"{path}: lies in {place}, which is read: the same command again would read it; name another place")
    return path


@contextmanager
def writing(path, then="name another place, or put that right; nothing was changed"):
    """A full disk, or a place that cannot be written, becomes a UserError.  then: what holds now, and what to do."""
    try:
        yield
    except (OSError, ValueError) as error:                  # ValueError: a name with a zero byte
        raise UserError(f"{path}: could not be written ({getattr(error, 'strerror', None) or error}); {then}") from error


# ---- one process at a time ----
@contextmanager
def claimed(path, folder=False, wait=0):
    """The place, `checked`, for this process alone, by the file `.NAME.lock` beside it  ->  its `target`.

    wait: seconds in which another process may come to its end.
    Raises UserError as `checked`, and if another process is still at work there.
    """
    found = checked(path, folder)
    lock, made = found.with_name(f".{found.name}.lock"), [place for place in found.parents if not place.exists()]
    with writing(path):
        found.parent.mkdir(parents=True, exist_ok=True)
        file = locked(lock, path, wait)
    try:
        yield found
    finally:
        for _ in range(2):                                  # first while it is held; Windows deletes no open file
            with suppress(OSError):
                lock.unlink(missing_ok=True)
            file.close()
        for place in made:
            with suppress(OSError):                         # something is in it: the work has come to something
                place.rmdir()


def locked(path, what=None, wait=0):
    """Open (and make) a file that no other process holds; closing it, or the end of the process, lets it go.

    Raises UserError if another process holds it for longer than `wait` seconds, OSError if it cannot be made.
    """
    until = time.monotonic() + wait
    while True:
        file = open(path, "ab")
        try:
            hold(file)
        except BlockingIOError as error:
            file.close()
            if time.monotonic() >= until:
                raise UserError(f"{what or Path(path).parent}: another process is at work there; wait for its end") from error
            time.sleep(0.05)
            continue
        except OSError:
            _say_once(Path(path).parent)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()                                        # the one before deleted it in between


def hold(file):
    """Keep other processes from holding the open file.  BlockingIOError if one does; another OSError: there are no locks here."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(*error.args) from error


@lru_cache(None)
def _say_once(folder):
    print(f"note: {folder}: no file can be locked there, so that a second process would not be kept away", file=sys.stderr)
