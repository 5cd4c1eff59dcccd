"""Parts and criteria of an assignment, and the marks that a submission gets for them.

A mark needs positive evidence: a criterion is met if its trial has come to its end.  No answer, a wrong one, a crash and
a time-out get nothing for it, with a sentence that says why, and cost nothing else.
"""

import secrets
import time
from dataclasses import dataclass, field

from simgan_lib.teaching.checks import Check, Open, Wrong
from simgan_lib.teaching.checks.base import wrong_if

from .sandbox import TimeUp, deadline
from .wire import Lost, WireError

CELL_SECONDS = 60
FAILED = {"open": "no answer yet", "time": "not done after {seconds} seconds", "lost": "the process ended while this was tried",
          "memory": "more than can be handed over, or than there is memory for"}


@dataclass(frozen=True)
class Criterion:
    """One thing that is asked.  trial(answer, draw): as in `simgan_lib.teaching.checks`; raises Wrong, with a sentence.

    A trial may return (share, sentence): the share in [0, 1] of the points that was earned, the least of all rounds.
    gate: unless it is met, the criteria below it get nothing.
    told: "message" (what is wrong), "name" (which criterion), "nothing".
    """

    points: float
    name: str
    trial: callable
    rounds: int = 8
    gate: bool = False
    told: str = "message"

    def mark(self, mine, seed):
        """(share in [0, 1], sentence) for an answer.  Raises Wrong or Open."""
        shares = [(1.0, "")]

        def trial(answer, draw):
            given = self.trial(answer, draw)
            shares.append((1.0, "") if given is None else given)

        Check(trial, None, self.rounds).tried(mine, seed)
        if len(shares) <= self.rounds:                          # a trial that was left open
            raise Open("no answer yet")
        return min(shares, key=lambda share: share[0])


@dataclass(frozen=True)
class Part:
    """One graded cell.  name: its name in the notebook.  asks: the name that the student defines.

    seconds: of wall clock for each criterion.
    """

    name: str
    asks: str
    criteria: tuple
    seconds: float = 20

    @property
    def points(self):
        return sum(criterion.points for criterion in self.criteria)


def criterion(points, name, **more):
    """Decorator: a Criterion of a trial."""
    return lambda trial: Criterion(points, name, trial, **more)


def catching(points, right, broken, rounds=2):
    """A Criterion of the kind *write the test that catches this broken X*: the share of the broken ones that a test refuses.

    right, broken: {name: function or class}.  Nothing is earned by a test that refuses a right one, or stops at it.
    A test raises AssertionError, or returns nothing.  Right ones are shown twice, among the others, each time as another object.
    """
    def trial(answer, draw):
        wrong_if(not callable(answer.mine), "a function is asked")
        shown = [(*each, True) for each in right.items()] * 2 + [(*each, False) for each in broken.items()]
        missed = []
        for name, thing, is_right in (shown[place] for place in draw.order(len(shown)).tolist()):
            refused = _refused(answer.mine, _unnamed(thing), name, is_right)
            wrong_if(is_right and refused, f"the test refuses a right one ({name})")
            missed += [] if is_right or refused else [name]
        return 1 - len(missed) / len(broken), f"not caught: {', '.join(sorted(missed))}" if missed else ""
    return Criterion(points, "the test accepts right ones and catches broken ones", trial, rounds)


def _unnamed(thing):
    """The same as another object, so that none is known again."""
    return type(thing.__name__, (thing,), {}) if isinstance(thing, type) else lambda *given: thing(*given)


def _refused(test, thing, name, is_right):
    try:
        returned = test(thing)
    except AssertionError:
        return True
    except Exception as error:
        wrong_if(is_right, f"the test stops with {type(error).__name__} at a right one ({name}): {error}")
        return False
    wrong_if(returned is not None and returned is not True, "a test raises AssertionError, or returns nothing")
    return False


def from_check(points, name, check, **more):
    """A Criterion that runs a check of the kit as it is."""
    return Criterion(points, name, check.trial, rounds=check.rounds, **more)


@dataclass
class Session:
    """A submission's process: started when it is needed, again after it was killed.

    cells: [(name, source)].  failed: {name: what stopped it}; a cell that hung or killed the process is skipped from then on.
    """

    lane: object
    cells: list
    cell_seconds: float = CELL_SECONDS
    peer: object = None
    failed: dict = field(default_factory=dict)
    skipped: set = field(default_factory=set)
    starts: int = 0

    def ready(self):
        """A process in which the cells have run, and that keeps nothing of what the last criterion lent it."""
        if self.peer is not None:
            try:
                with deadline(5):
                    self.peer.ask("clear")
                self.peer.clear()
            except (TimeUp, Lost, Exception):
                self.kill()
        if self.peer is None or self.peer.broken:
            self._start()

    def find(self, name):
        """What the student's name stands for.  Raises Open, with the reason, if it stands for nothing."""
        known, value = self.peer.ask("find", name)
        if known and value is not None and value is not ...:
            return value
        if known:
            raise Open(f"{name} is {value}")
        reasons = "".join(f"; {cell} stopped with {reason}" for cell, reason in self.failed.items())
        raise Open(f"{name} is not defined{reasons[:600]}")

    def _start(self):
        for _ in range(len(self.cells) + 1):
            self.peer, self.starts = self.lane.start(), self.starts + 1
            if all(self._run(name, source) for name, source in self.cells if name not in self.skipped):
                return
        raise Lost

    def _run(self, name, source):
        """Whether the process is still there after this cell."""
        try:
            with deadline(self.cell_seconds):
                reason = self.peer.ask("cell", source)
        except (TimeUp, Lost, WireError) as error:
            hung = isinstance(error, TimeUp)
            self.failed[name] = f"no end within {self.cell_seconds:g} seconds" if hung else "the end of the process"
            self.skipped.add(name)
            self.kill()
            return False
        if reason is not None:
            self.failed[name] = str(reason)[:500]
        return True

    def kill(self):
        self.lane.end()
        self.peer = None


def mark(session, parts, seed=None):
    """Marks of all parts: [{"name", "points", "earned", "criteria": [{"name", "points", "earned", "message"}]}]."""
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    return [_part(session, part, seed) for part in parts]


def _part(session, part, seed):
    rows, shut = [], ""
    for place, each in enumerate(part.criteria):
        began = time.monotonic()
        share, said = (0.0, f"not tried: {shut}") if shut else _one(session, part, each, seed + place)
        shut = f"first this: {each.name}" if each.gate and share < 1 and not shut else shut
        said = {"message": said, "name": "not met" if share < 1 else "", "nothing": ""}[each.told]
        rows.append({"name": each.name, "points": each.points, "earned": round(each.points * share, 6), "message": said,
                     "seconds": round(time.monotonic() - began, 2)})
    return {"name": part.name, "points": part.points, "earned": round(sum(row["earned"] for row in rows), 6), "criteria": rows}


def _one(session, part, each, seed):
    """(share, sentence) of one criterion; whatever the student's process does."""
    try:
        session.ready()
        with deadline(part.seconds):
            return each.mark(session.find(part.asks), seed)
    except Open as reason:
        return 0.0, f"{FAILED['open']}: {reason}"
    except Wrong as reason:
        return 0.0, str(reason)
    except TimeUp:
        said = FAILED["time"].format(seconds=f"{part.seconds:g}")
    except Lost:
        said = FAILED["lost"]
    except (WireError, MemoryError):
        said = FAILED["memory"]
    except Exception as error:                                  # of an answer that a trial met without `answer.attempt`
        return 0.0, f"it stops with {type(error).__name__}: {error}"
    session.kill()
    return 0.0, said
