"""The losses of a training while it runs, for other programs: a file of JSON lines, events for TensorBoard.

What `train_refiner(watch=...)` calls.  The run's own log, which is part of its state, is the one truth: a run that is taken
up again first writes anew all that it has, so that after a kill no step is doubled, and none is missing.
"""

import json
from contextlib import ExitStack, contextmanager

from ..system.errors import UserError
from ..system.files import plain_file, write_whole
from ..system.places import checked, claimed, writing
from .record_lines import plain

NOT_CURVES = ("step", "total", "phase")
KEPT = "the run is kept as it was last saved"


@contextmanager
def watching(lines=None, tensorboard=None):
    """What writes the losses, where it is asked for  ->  a list of functions for `train_refiner(watch=...)`.

    lines: a file, to have `Record.numbers()` of each step that is logged in a line.  tensorboard: a folder, of this run alone.
    Raises UserError if they cannot be written, if something else than such lines stands in the file, or without tensorboard.
    """
    with ExitStack() as stack:
        found = [stack.enter_context(opened(place)) for opened, place in ((json_lines, lines), (events, tensorboard)) if place]
        yield found


@contextmanager
def json_lines(path):
    """A function that brings the file up to the list of records: whole at first, then line by line, each on the disk at once."""
    with claimed(path) as place:
        if not _replaceable(place):
            raise UserError(f"{path}: expected the losses of a training, or nothing there, found another file; name another place")
        written = 0

        def watch(records):
            nonlocal written
            new = [json.dumps(plain(each)).encode() + b"\n" for each in records[written:]]
            if written:
                with writing(path, KEPT), open(place, "ab") as file:
                    file.writelines(new)
            else:
                write_whole(place, new)
            written = len(records)
        yield watch


def _replaceable(path):
    """Whether nothing stands there, or what `json_lines` wrote: to judge by its first line."""
    if not path.exists():
        return True
    with open(plain_file(path), "rb") as file:
        first = file.readline(10_000)
    try:
        return not first or {"step", "phase"} <= set(json.loads(first))
    except (ValueError, TypeError, RecursionError):
        return False


@contextmanager
def events(folder):
    """A function that brings the events in the folder up to the list of records.  Those of before are hidden from TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("--tensorboard: the package tensorboard is not there; pip install tensorboard") from error
    checked(folder, folder=True)
    written, writer = 0, None

    def watch(records):
        nonlocal written, writer
        with writing(folder, KEPT):
            writer = writer or SummaryWriter(str(folder), purge_step=0)
            for record in records[written:]:
                for name in sorted(record.keys() - set(NOT_CURVES)):
                    writer.add_scalar(name, record[name], record["step"])
            writer.flush()
        written = len(records)
    try:
        yield watch
    finally:
        if writer:
            writer.close()
