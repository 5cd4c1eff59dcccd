"""Readers of the published releases, each in its own layout, and of a folder of one's own.

Every module has the same four functions, so that a program can walk through any release piece by piece:

    units(folder)                    a sorted list of independent pieces of work: small, picklable tuples
    files(unit, **options)           paths of all files that `read_unit` would look at, be they there or not
    read_unit(unit, **options)       (ImageSet, skipped): the usable records of one piece, and {reason: how many not};
                                     the first of each reason by name, as {"reason: name": 1} (`base.told`)
    read_NAME(folder, **options)     all pieces together as one ImageSet, whose `source` counts what was left out

A unit holds some thousand images at most.  A record that cannot be used (an empty image, a gaze of NaN, a missing key,
an unreadable picture that is a file of its own) is skipped and counted.  A file of many records that is damaged as a
whole, and a folder without any usable record, raise UserError.
"""

import importlib

from ..system.errors import UserError

NAMES = ("cifar10", "folder", "kaggle", "mpiigaze", "nyu", "syntheseyes", "unityeyes")


def reader(name):
    """The module that reads the data set `name`.  Raises UserError for an unknown one."""
    if name not in NAMES:
        raise UserError(f"data set: expected one of {', '.join(NAMES)}, found {name!r}")
    return importlib.import_module(f".{name}", __name__)
