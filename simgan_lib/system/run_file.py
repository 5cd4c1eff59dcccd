"""Where a run keeps its state: the newest in one file, and the one before it beside that, should the newest be damaged."""

import sys
from pathlib import Path

from .checkpoints import load_state, save_state
from .errors import UserError, printable
from .files import reading
from .places import target


class RunFile:
    """The file of a run's state, and NAME.previous beside it.

    At every moment a whole state stands under one of the two names, and no kill leaves the file itself half written.
    """

    def __init__(self, path):
        place = target(path)
        self.path, self.previous = Path(path), place.with_name(f"{place.name}.previous")
        self.whole = True                     # what stands there may become the previous one

    def save(self, state):
        """Put a nested state there; the one that stood there becomes the previous one, unless it is damaged.

        Raises TypeError and UserError as `save_state` does: what stood there before still stands.
        """
        save_state(self.path, state, previous=self.previous if self.whole else None)
        self.whole = True

    def take_up(self, restore):
        """Call `restore` with the newest state that is whole  ->  whether there is one.

        That a damaged file is passed over is said in one line; it stays until the next save.
        Raises UserError if no state there can be read, or if `restore` refuses it, as another run's: no other is tried then.
        """
        if not self.path.exists():
            if self.previous.exists():
                _say(f"{self.previous}: is not taken up, for {self.path.name} beside it is gone; this run begins anew")
            return False
        path = self.path
        try:
            path, state = self.newest()
            with reading(path, "state of a run", "it is another program's"):
                restore(state)
        except UserError as error:
            said = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise UserError(f"{said}; delete it to start anew") from error
        return True

    def newest(self):
        """(path, state) of the newest state that is whole.  UserError if there is none; says so if it is the one before."""
        try:
            return self.path, load_state(self.path)
        except UserError as damaged:
            if not self.previous.exists():
                raise
            try:
                state = load_state(self.previous)
            except UserError as error:
                raise UserError(f"{damaged}, and {self.previous.name} beside it is damaged, too") from error
            self.whole = False
            _say(f"{damaged}; the run goes on from the state before it, {self.previous}")
            return self.previous, state

    def remove(self):
        """Delete both, where there are any: the run is over."""
        for path in (self.path, self.previous):
            path.unlink(missing_ok=True)


def _say(text):
    print(printable(f"note: {text}"), file=sys.stderr)
