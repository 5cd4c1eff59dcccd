"""A folder of one's own pictures, of any size and format, with a table of labels if there is one.

The table is a CSV file with a column `file` (the picture's name below the folder).  `pitch_deg` and `yaw_deg`, or `gaze_x`,
`gaze_y` and `gaze_z`, become the label gaze; every other column a group, such as subject or day.  A group becomes a file of
the image set, group_NAME.npy, so that its name has to be one that files can have.  A column that is nearly called as a label
is (`Gaze`, `yaw`, `pupil x`) is refused: as a group it would be forgotten.
"""

import csv
import math
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import torch

from ..gaze import gaze_angles
from ..system.errors import UserError
from ..system.files import plain_name, reading
from . import base

TITLE = "pictures of a folder"
EXPECTED = "a folder of pictures"
ANGLES, VECTOR = ("pitch_deg", "yaw_deg"), ("gaze_x", "gaze_y", "gaze_z")
LIKE_LABELS = ("gaze", "pitch", "yaw", "pupil", "iris")     # such letters in a name, or nearly a label's column
LIMITS = (90, 180)                # degrees of pitch and yaw
LONGEST = 1000                    # letters of what a picture's group is called: all take as much memory as the longest


def units(folder, labels=None):
    """Blocks (folder, records, names of groups, whether there are gazes); a record is (name, (gaze, groups) or None).

    labels: a CSV file, or its name within the folder.  Raises UserError for a missing folder, no pictures, and a table
    that cannot be read, names no column `file`, half of a gaze, a picture or a column twice, a group that no file can be
    named after or that is nearly called as a label, a number that is none, or an angle beyond 90 degrees of pitch and 180 of
    yaw.
    """
    folder = base.existing_folder(folder, EXPECTED)
    names, others = base.listings(folder, EXPECTED)
    if labels is None:
        return _units(folder, dict.fromkeys(names, ((), ())), others)
    path = Path(labels) if Path(labels).is_file() else folder / labels
    table, groups, gazes = read_table(path)
    missing = sorted(set(table) - {Path(name).as_posix() for name in names})
    if missing:
        raise UserError(f"{path}: names {len(missing)} pictures that are not in {folder}, such as {missing[0]}")
    others = [name for name in others if folder / name != path.absolute()]
    return _units(folder, {name: table.get(Path(name).as_posix()) for name in names}, others, groups, gazes)


def _units(folder, records, others, groups=(), gazes=False):
    records = [*records.items()], [(name, ((), ())) for name in others]
    return [(*block, groups, gazes) for each in records for block in base.blocks(folder, each)]


def files(unit, **_):
    """The pictures of a block; what its table says of them is in the unit itself."""
    folder, records = unit[:2]
    return [Path(folder, name) for name, _ in records]


def read_unit(unit, size=(35, 55), colour=False):
    """(ImageSet, skipped) of one block: uint8 (n, 1 or 3, *size), label gaze and groups as the table has them.

    The largest middle part of each picture that has the shape of `size` is taken.  Pictures that the table does not name
    are skipped.
    """
    folder, records, names, gazes = unit

    def read(record):
        name, row = record
        if row is None:
            raise base.Unusable("not in the table")
        pixels = base.read_picture(Path(folder, name), "RGB" if colour else "L", upright=True)
        return base.middle(pixels, size), {"gaze": row[0]}, dict(zip(names, row[1]))
    return base.read_records(TITLE, records, read, (3 if colour else 1, *size), {"gaze": (2,)} if gazes else {}, names)


def read_folder(folder, size=(35, 55), colour=False, labels=None):
    """All pictures as one ImageSet; `source` says how many were left out, and why, and what was taken for labels and groups.

    Raises UserError as `units` does, and if none can be used.
    """
    images = base.together(TITLE, folder, (read_unit(unit, size, colour) for unit in units(folder, labels)))
    return replace(images, source=f"{images.source}; {base.columns(images.labels, images.groups)}")


# ---- the table ----
def read_table(path):
    """({file: (gaze (pitch, yaw) radians, or () without one, names of its groups)}, groups, whether there are gazes)."""
    with (reading(path, "CSV file", "save it as CSV in UTF-8"),
          open(base.plain_file(path), newline="", encoding="utf-8-sig") as file):
        table = csv.DictReader(file)
        rows = [(table.line_num, row) for row in table]
    columns = list(table.fieldnames) if rows else []
    if "file" not in columns:
        raise UserError(f"{path}: expected a column `file` and a row a picture, found {', '.join(map(str, columns)) or 'no rows'}")
    kinds = [kind for kind in (ANGLES, VECTOR) if set(kind) & set(columns)]
    if len(kinds) > 1 or kinds and not set(kinds[0]) <= set(columns):
        raise UserError(f"{path}: expected {', '.join(ANGLES)} or {', '.join(VECTOR)}, found {', '.join(map(str, columns))}")
    groups = tuple(name for name in columns if name not in ("file", *ANGLES, *VECTOR))
    _check_names(path, columns, groups)
    table = {}
    for line, row in rows:
        if None in row or None in row.values():
            raise UserError(f"{path}, line {line}: expected {len(columns)} values, found more or fewer")
        name = Path(row["file"].replace("\\", "/")).as_posix()
        if name in table:
            raise UserError(f"{path}, line {line}: {name} occurs twice")
        if max(map(len, row.values())) > LONGEST or "\0" in "".join(row.values()):       # which ends a name for numpy
            raise UserError(f"{path}, line {line}: expected values of at most {LONGEST} letters, found more, or one that is none")
        gaze = _gaze(path, line, row, kinds[0]) if kinds else ()
        table[name] = gaze, tuple(row[group] for group in groups)
    return table, groups, bool(kinds)


def _check_names(path, columns, groups):
    for name in groups:
        try:
            plain_name(name)
        except ValueError as error:
            raise UserError(f"{path}, line 1: a column would be a group, and a file named after it: {error}") from error
        if _like_a_label(name):
            raise UserError(f"{path}, line 1: the column {name!r} would be a group, though it is called like a label; expected "
                            f"{', '.join(ANGLES)} or {', '.join(VECTOR)} for the gaze, and another name for a group")
    counted = Counter(name.lower() for name in columns)           # some file systems do not tell Day from day
    twice = [name for name in columns if counted[name.lower()] > 1]
    if twice:
        raise UserError(f"{path}, line 1: the column {twice[0]} occurs twice")


def _like_a_label(name):
    letters, *known = ("".join(filter(str.isalpha, each.lower())) for each in (name, *ANGLES, *VECTOR))
    return any(word in letters for word in LIKE_LABELS) or bool(get_close_matches(letters, known, cutoff=0.8))


def _gaze(path, line, row, kind):
    try:
        numbers = [base.number(row[name].strip()) for name in kind]
    except ValueError as error:
        raise UserError(f"{path}, line {line}: {error}") from error
    if kind == VECTOR and math.hypot(*numbers) < 1e-6:
        raise UserError(f"{path}, line {line}: expected a gaze, found {', '.join(row[name] for name in kind)}")
    if kind == ANGLES and any(abs(number) > limit for number, limit in zip(numbers, LIMITS)):
        raise UserError(f"{path}, line {line}: expected degrees, pitch -90 to 90 and yaw -180 to 180, found "
                        f"{numbers[0]:g} and {numbers[1]:g}")
    if kind == ANGLES:
        return tuple(map(math.radians, numbers))
    longest = max(map(abs, numbers))                        # 1e308 times itself is no number any more
    return tuple(gaze_angles(torch.tensor(numbers, dtype=torch.float64) / longest).tolist())


def common_size(*folders):
    """(height, width) of all pictures in the folders that can be read.  Raises UserError if there is more than one size."""
    sizes = set()
    for path in (Path(folder, name) for folder in folders for name in base.listing(folder, "pictures")):
        with suppress(base.Unusable):
            sizes.add(tuple(base.read_picture(path, "L", upright=True).shape[1:]))
    if len(sizes) > 1:
        raise UserError(f"{' and '.join(map(str, folders))}: expected pictures of one size, or a size to scale them to; found "
                        f"height, width {sorted(sizes)[:4]}")
    return min(sizes, default=(8, 8))                               # where none can be read, `read_folder` says why
