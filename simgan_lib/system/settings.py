"""What a setting may be, said once: for a field of a configuration, and for an option of a program.

    class Config(Settings):                      # a frozen dataclass
        steps: Whole(1, 1000)

    parser.add_argument("--steps", type=Whole(1, 1000))

Both are looked at before any work begins, and what does not fit is one line: who, what was expected, what was found.
"""

import argparse
import math
import reprlib
from dataclasses import dataclass, fields
from numbers import Integral, Real

from .errors import UserError, printable

MANY = 10_000_000                 # steps, images: more is a slip


class Rule:
    """What a value may be.  Called with a text, as argparse does, it gives the value that the text stands for."""

    def __call__(self, text):
        """Raises argparse.ArgumentTypeError for a text that stands for no such value."""
        try:
            value = self.read(text)
        except (KeyError, ValueError):
            value = None
        if not self.holds(value):
            raise argparse.ArgumentTypeError(f"expected {self}, found {short(text)}")
        return value

    def check(self, name, value):
        """Raises UserError for a value that is none."""
        if not self.holds(value):
            raise UserError(f"{name}: expected {self}, found {short(value)}")


@dataclass(frozen=True)
class Whole(Rule):
    """A whole number from `least` to `most`."""

    least: int
    most: int
    read = staticmethod(int)

    def holds(self, value):
        return isinstance(value, Integral) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self):
        return f"a whole number from {self.least:,} to {self.most:,}"


@dataclass(frozen=True)
class Odd(Whole):
    """An odd whole number, as a kernel with a middle pixel needs."""

    def holds(self, value):
        return super().holds(value) and value % 2 == 1

    def __str__(self):
        return f"an odd number from {self.least:,} to {self.most:,}"


@dataclass(frozen=True)
class Number(Rule):
    """A finite number from `least` to `most`; `above`: more than `least`; `below`: less than `most`."""

    least: float
    most: float
    above: bool = False
    below: bool = False
    read = staticmethod(float)

    def holds(self, value):
        if not isinstance(value, Real) or isinstance(value, bool) or not self.least <= value <= self.most:
            return False
        return not (self.above and value == self.least or self.below and value == self.most) and math.isfinite(value)

    def __str__(self):
        return (f"a number {'above' if self.above else 'of at least'} {self.least:,g} and {'below' if self.below else 'at most'} "
                f"{self.most:,g}")


class OneOf(Rule):
    """One of some words.  words: may grow later."""

    read = staticmethod(str)

    def __init__(self, words):
        self.words = words

    def holds(self, value):
        return isinstance(value, str) and value in self.words

    def __str__(self):
        return f"one of {', '.join(self.words)}"


class Flag(Rule):
    """True or False; as a text: true, false."""

    def read(self, text):
        return {"true": True, "false": False}[text.lower()]

    def holds(self, value):
        return isinstance(value, bool)

    def __str__(self):
        return "true or false"


def text(value):
    """For argparse: a text that says something.  What an unset variable of a shell leaves would choose another job in silence."""
    if not value.strip():
        raise argparse.ArgumentTypeError("expected a name, found a blank text")
    return value


class Settings:
    """Base of configurations, which are frozen dataclasses: a field's type is a Rule, or a class that the value must be of.

    Raises UserError, when one is made, for a value that does not fit.
    LATER: names of fields that came when work was already kept: see `described` and `completed`.
    """

    LATER = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.type, Rule):
                field.type.check(field.name, value)
            elif not isinstance(value, field.type):
                raise UserError(f"{field.name}: expected a {field.type.__name__}, found {short(value)}")

    def described(self):
        """{field: value}, nested, as records and keys of kept work hold it.

        Without the fields of LATER that have their default: what was kept before there were any is still the same job.
        """
        values = {field: getattr(self, field.name) for field in fields(self)}
        return {field.name: value.described() if isinstance(value, Settings) else value for field, value in values.items()
                if field.name not in self.LATER or value != field.default}

    def completed(self, values):
        """{field: value} that was kept, with the default of each field of LATER that is not there."""
        return {field.name: field.default for field in fields(self) if field.name in self.LATER} | values


def short(value):
    """A value in a few letters, whatever it is."""
    return printable(reprlib.repr(value))


SEED = Whole(0, 1_000_000_000)
COUNT = Whole(1, MANY)            # of images
SEEDS = Whole(1, 1000)            # how many
PROCESSES = Whole(1, 256)


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, as that of every other error: status 2.

    An option that is given twice is refused, for nobody can tell which was meant; those that collect values (`append`) may be.
    """

    def parse_known_args(self, args=None, namespace=None):
        self.given = set()
        return super().parse_known_args(args, namespace)

    def _get_values(self, action, texts):
        if action.option_strings and not isinstance(action, argparse._AppendAction):
            if action in self.given:
                raise argparse.ArgumentError(action, "given twice, expected once")
            self.given.add(action)
        return super()._get_values(action, texts)

    def error(self, message):
        self.exit(2, f"error: {printable(message)}; {self.prog} --help tells more\n")
