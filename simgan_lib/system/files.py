"""Files: one way to write one, whole or not at all, to say what is wrong with one, and to keep a second process away."""

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError

try:
    import fcntl
except ImportError:               # Windows: no second process is kept away there
    fcntl = None


NO_NAME = re.compile(r"""[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|] | ^[\s.] | [\s.]$
                         | ^(con|prn|aux|nul|com\d|lpt\d)(\.|$)""", re.IGNORECASE | re.VERBOSE)     # devices of Windows
LONGEST = 200                     # bytes of a name in UTF-8: a file's takes 255


def plain_name(name):
    """The name, if a file may be called so on every system, and lies where it was put.  Raises ValueError.

    For names that a file's content gives: what one says of a path above it, or of a device, is not believed.
    """
    if not isinstance(name, str) or NO_NAME.search(name) or not 0 < len(name.encode()) <= LONGEST:
        raise ValueError(f"found {str(name)[:60]!r}, expected a name of letters, digits, - and _, at most {LONGEST} bytes long")
    return name


def plain_file(path):
    """The path, if a plain file stands there: who opens a pipe or a device may wait for ever.

    Raises FileNotFoundError if there is nothing, another OSError for a folder, a pipe, a socket or a device.
    """
    kind = stat.S_IFMT(os.stat(path).st_mode)
    if kind != stat.S_IFREG:
        found = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}.get(kind, "a device")
        raise OSError(errno.EINVAL, f"found {found}, expected a plain file", str(path))
    return path


@contextmanager
def writing(path, then):
    """A full disk, or a place that cannot be written, becomes a UserError.  then: what holds now, and what to do."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: could not be written ({error.strerror or error}); {then}") from error


@contextmanager
def reading(path, kind, then="fetch it again"):
    """Whatever a damaged file makes a library raise becomes a UserError, which says what `kind` of file it should be."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{path}: could not be read ({error.strerror})") from error
        said = " ".join(f"{type(error).__name__}: {error}"[:120].split())
        raise UserError(f"{path}: not a readable {kind}, perhaps cut short ({said}); {then}") from error


def write_whole(path, pieces, durable=True):
    """Put the pieces of bytes where `path` is, in one step that cannot be seen half done.  Folders are made.

    durable: a power cut leaves the old file or the new one.  Without, it may leave a damaged one, and writing is faster.
    Raises UserError if it cannot be written: what stood there before still stands.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with writing(path, "what stood there is unchanged"):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(path)
            with open(unfinished, "wb") as file:
                file.writelines(pieces)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())  # on the disk before the name points at it
            os.replace(unfinished, path)
    finally:  # also on Ctrl-C
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _remove_leftovers(path):
    """Delete what killed processes left beside `path`, lest each kill cost the disk another checkpoint."""
    for leftover in path.parent.glob(f".{path.name}.*.unfinished"):
        try:
            os.kill(int(leftover.name.split(".")[-2]), 0)  # signal 0 only asks whether the process lives
        except ProcessLookupError:
            leftover.unlink(missing_ok=True)
        except (ValueError, PermissionError):
            continue  # not ours to judge


def locked(path):
    """Open (and make) a file that no other process holds; closing it, or the end of the process, lets it go.

    Raises UserError if another process holds it, OSError if it cannot be made.
    """
    file = open(path, "a")
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UserError(f"{Path(path).parent}: another process is at work there; wait for its end") from error
    return file


def write_all(file, content):
    """All bytes into an unbuffered file, which may take a part at a time."""
    content = memoryview(content)
    while content:
        content = content[file.write(content):]


def stamp(path):
    """(bytes, time in ns) of a file, or None: what tells whether it has changed."""
    try:
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns
    except OSError:
        return None


def in_bytes(n):
    """A number of bytes for people.

    >>> in_bytes(170_498_071), in_bytes(999)
    ('170.5 MB', '999 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.4g} {unit}"
        n /= 1000
    return f"{n:.4g} TB"
