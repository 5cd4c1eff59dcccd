"""The graded parts of each assignment: `PARTS` of the module of its name."""

import importlib
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def parts_of(name):
    """The parts of an assignment."""
    return importlib.import_module(f"{__name__}.{name}").PARTS
