"""Files: one way to write one, whole or not at all, and to say what is wrong with one."""

import errno
import glob
import os
import re
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress

from .errors import UserError
from .places import hold, locked, target, writing

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


def write_whole(path, pieces, durable=True, previous=None):
    """Put the pieces of bytes where `path` is, in one step that cannot be seen half done.  Folders are made, links followed.

    durable: a power cut leaves the old file or the new one.  Without, it may leave a damaged one, and writing is faster.
    previous: where the file that stood there before is kept.
    Raises UserError if it cannot be written, or no file stands there: what stood there before still stands.
    """
    place = target(path)
    unfinished = place.with_name(f".{place.name}.{secrets.token_hex(4)}.unfinished")
    try:
        with writing(path, "what stood there is unchanged"):
            place.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(place)
            with locked(unfinished) as file:
                file.writelines(pieces)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())  # on the disk before the name points at it
                if os.name == "nt":          # renames no open file
                    file.close()
                if previous:
                    _second_name(place, previous)
                os.replace(unfinished, place)
    finally:  # also on Ctrl-C
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _second_name(path, name):
    """Let the file stand at `name`, too; where the file system has no links, as a copy.  It never leaves its own place.

    Where there is no file nothing stands at `name` either: what stood there was of another one.
    """
    name.unlink(missing_ok=True)
    if not path.exists():
        return
    try:
        os.link(path, name)
    except OSError:
        shutil.copyfile(path, name)


def _remove_leftovers(path):
    """Delete what killed processes left beside `path`, lest each kill cost the disk another checkpoint."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.unfinished"):
        with suppress(OSError):              # whoever still writes it holds it; where nothing can be held, it stays
            with open(leftover, "ab") as file:
                hold(file)
            leftover.unlink()


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
