"""Where a run keeps its state: the newest in one file, and the one before it beside that, should the newest be damaged."""

import sys
from pathlib import Path

from .checkpoints import save_state, state_bytes, state_in
from .errors import UserError, printable
from .files import reading
from .places import target
from .ranks import ALONE


class RunFile:
    """The file of a run's state, and NAME.previous beside it.

    At every moment a whole state stands under one of the two names, and no kill leaves the file itself half written.
    ranks: those that hold the run, all of which call `save` and `take_up`.  The first alone reads and writes.
    """

    def __init__(self, path, ranks=ALONE):
        place = target(path)
        self.path, self.previous, self.ranks = Path(path), place.with_name(f"{place.name}.previous"), ranks
        self.whole = True                     # what stands there may become the previous one

    def save(self, state):
        """Put a nested state there; the one that stood there becomes the previous one, unless it is damaged.

        Raises TypeError and UserError as `save_state` does: what stood there before still stands.
        """
        if self.ranks.first:
            save_state(self.path, state, previous=self.previous if self.whole else None)
            self.whole = True

    def take_up(self, restore):
        """Call `restore` with the newest state that is whole  ->  whether there is one.

        That a damaged file is passed over is said in one line; it stays until the next save.
        Its bytes are sent to the other ranks, so that these need not see the first one's disk.
        Raises UserError if no state there can be read, or if `restore` refuses it, as another run's: no other is tried then;
        and if another rank than the first sees one.
        """
        if not self._there():
            return False
        path, content, state = self.path, b"", None
        try:
            if self.ranks.first:
                path, content, state = self._newest()
            content = self.ranks.bytes_from_first(content)
            with reading(path, "state of a run", "it is another program's"):
                restore(state if self.ranks.first else state_in(content, path))
        except UserError as error:
            said = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise UserError(f"{said}; delete it to start anew") from error
        return True

    def _there(self):
        """Whether the first rank has a state."""
        here = self.path.exists()
        if self.ranks.any(self.ranks.first and here):
            return True
        if self.ranks.any(here):
            raise UserError(f"{self.path}: the state of a run is seen by another rank, expected where rank 0 sees it: put it "
                            "there, or delete it to start anew")
        if self.ranks.first and self.previous.exists():
            _say(f"{self.previous}: is not taken up, for {self.path.name} beside it is gone; this run begins anew")
        return False

    def _newest(self):
        """(path, bytes, state) of the newest state that is whole."""
        try:
            return _read(self.path)
        except UserError as damaged:
            if not self.previous.exists():
                raise
            try:
                found = _read(self.previous)
            except UserError as error:
                raise UserError(f"{damaged}, and {self.previous.name} beside it is damaged, too") from error
            self.whole = False
            _say(f"{damaged}; the run goes on from the state before it, {self.previous}")
            return found

    def remove(self):
        """Delete both, where there are any: the run is over."""
        for path in (self.path, self.previous):
            path.unlink(missing_ok=True)


def _read(path):
    content = state_bytes(path)
    return path, content, state_in(content, path)


def _say(text):
    print(printable(f"note: {text}"), file=sys.stderr)
