"""One way to write a file: whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from .errors import UserError


def write_whole(path, pieces):
    """Put the pieces of bytes where `path` is, in one step that cannot be seen half done.  Folders are made.

    Raises UserError if it cannot be written: what stood there before still stands.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        with open(unfinished, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name points at it: a power cut leaves old or new
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(f"{path}: could not be written ({error.strerror}); what stood there is unchanged") from error
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
