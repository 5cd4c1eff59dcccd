"""Right and wrong answers to each part, as a student would write them: `BANK` of the module of an assignment's name.

BANK: {part: (right, wrong)}.  right: [source].  wrong: [(source, marks that it must get, words of a message that it must get)].
"""

import importlib
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem != "cheats")


def bank_of(name):
    """The bank of an assignment."""
    return importlib.import_module(f"{__name__}.{name}").BANK


def changed(source, *pairs):
    """The source with some words changed.  Raises ValueError if they are not there."""
    for old, new in pairs:
        if old not in source:
            raise ValueError(f"not in the source: {old}")
        source = source.replace(old, new)
    return source
