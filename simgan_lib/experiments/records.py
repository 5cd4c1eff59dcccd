"""Records of measurements: one JSON line each, of which every table is made.  Those behind our own tables come along.

A record is appended by the run that measured it, with the command that gives it again; nobody types a number.
"""

import json
from pathlib import Path

from ..system.errors import UserError
from ..system.files import write_whole

RECORDED = Path(__file__).parent / "recorded"      # reproduce.jsonl, gaze.jsonl, ...: docs/results.md says what makes which


def read_records(path, names):
    """The records in a file, a list of dicts; none if there is no such file.

    names: keys that each must have.  Raises UserError, with the line's number, for a line that is no such record.
    """
    path, records = Path(path), []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        try:
            record = json.loads(line)
            missing = [name for name in names if name not in record]
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}, line {number}: not a record ({error})") from error
        if missing:
            raise UserError(f"{path}, line {number}: not such a record: expected {', '.join(names)}, found no {', '.join(missing)}")
        records.append(record)
    return records


def save_records(path, records, same):
    """Put records into a file.  Those there that agree with a new one in all of the keys `same` give way to it.

    Raises UserError if the file holds something else or cannot be written.
    """
    def run(record):
        return tuple(record[name] for name in same)
    new = {run(record) for record in records}
    kept = [record for record in read_records(path, same) if run(record) not in new]
    lines = sorted([*kept, *records], key=run)
    write_whole(path, [(json.dumps(line) + "\n").encode() for line in lines])


def check_replaceable(path, run, seeds, days=None):
    """Whether a new record of a run may take the place of what a file holds of it: it must not be the weaker one.

    run: what the run is called, {key: value}.  seeds: how many the new one is of.  days: the test days that were asked for,
    as a record keeps them in `days_apart`.
    Raises UserError if the file holds the run over more seeds or with other test days, or holds something else.
    """
    old = [record for record in read_records(path, run) if all(record[key] == value for key, value in run.items())]
    held, name = {seed for record in old for seed in record.get("seeds", [record.get("seed")])}, ", ".join(map(str, run.values()))
    if len(held) > seeds:
        raise UserError(f"{path}: holds {name} over {len(held)} seeds, which {seeds} would replace; ask for --seeds {len(held)} "
                        "or name another file")
    if other := [record.get("days_apart") for record in old if record.get("days_apart") != days]:
        raise UserError(f"{path}: holds {name} with {_test_days(other[0])}, which {_test_days(days)} would replace; name "
                        "another file")


def check_addable(path, run, first_seed, seeds, days=None, needed=()):
    """Whether a file can take in a run of `seeds` seeds from `first_seed` on, as far as can be known before it is run.

    run, days: as for `check_replaceable`.  needed: keys that a record must have for more seeds to join it.
    Returns the records that the run is to join, none for a run from seed 0 on.  Raises UserError if the file cannot.
    """
    before = _records_to_join(path, run, first_seed, needed) if first_seed else []
    check_replaceable(path, run, first_seed + seeds, days)
    return before


def _records_to_join(path, run, first_seed, needed):
    """The records of a run's seeds before `first_seed`.  UserError if the file holds none, others, or too old ones."""
    old = [record for record in read_records(path, run) if all(record[key] == value for key, value in run.items())]
    seeds, name = old[0].get("seeds", []) if old else [], ", ".join(map(str, run.values()))
    if seeds != list(range(first_seed)):
        held = f"seeds {', '.join(map(str, seeds))}" if seeds else "nothing"
        raise UserError(f"{path}: holds {held} of {name}, which --first-seed {first_seed} does not continue; "
                        + (f"go on with --first-seed {len(seeds)}" if seeds else "record the seeds before it first"))
    if missing := [key for key in needed if key not in old[0]]:
        raise UserError(f"{path}: holds {name} without {', '.join(missing)}, so that no seed can join; record its seeds again")
    return old


def _test_days(days):
    return f"the test days {', '.join(days)}" if days else "every third day for the test"


def markdown_table(head, rows):
    """Lines of a Markdown table, columns of one width, so that it can be read as text too.

    >>> print(markdown_table(["a", "b"], [["1", "22"]]))
    | a | b  |
    | - | -- |
    | 1 | 22 |
    """
    table = [head, ["-"] * len(head), *rows]
    wide = [max(len(row[i]) for row in table) for i in range(len(head))]
    table[1] = ["-" * width for width in wide]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, wide)) + " |" for row in table)
