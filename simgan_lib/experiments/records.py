"""One table of measurements, of which every page is made.  A row is one number that one seed gave.

On disk it is a file of JSON lines of two kinds.  A *run* says once how its numbers came about; each *row* names its run:

    {"run": "3f2a9c01", "experiment": "reproduce", "profile": "quick", "domain": "stand-in", "job": {...}, "commit": ..., ...}
    {"run": "3f2a9c01", "seed": 0, "subject": "refined", "measure": "gaze_error_deg", "value": 4.53, "n": 1500, "sums": [...]}

subject  what the number is about: a training set, a kind of images, an ablation.
n        of how many images it is a mean.
sums     its sum over the images of each day, in the order of the run's `days` {name: images}; over each image, where there
         are no days.  From these the 95 % interval is exact, over any seeds.
sd       the deviation over the images, where that is of interest (shifts of the pupil).
curve    shares of the test images within 0, 1, 2 ... degrees, %.

A few numbers from before this table are known over their seeds alone.  They lie in `recorded/before.jsonl`: such a row has
`seeds`, their mean as `value`, their `sd` and the ends `low` and `high` of their interval.  It counts as long as its run has
other rows.
To join the seeds of two machines is to put their lines into one file, as `add` does.  Runs of one name must be one job: the
same settings, images and test days.  What is not, or stands twice, is refused.
"""

import hashlib
import json
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..evaluation.statistics import drawn_as_one, sums_interval
from ..system.errors import UserError
from ..system.files import plain_file, write_whole
from ..system.places import checked, claimed
from .record_lines import COLUMNS, JOB, no_number, plain, reason, short, take

RECORDED = Path(__file__).parent / "recorded"          # what the kit's own pages are made of
KEY = ("seed", "subject", "measure")                   # of a row within its job
WAIT = 60                                              # seconds for which another process may be adding to a file
SUMMARY = ("mean", "sd", "seeds", "values", "n", "low", "high", "curve")


def run_line(experiment, profile, domain, job, **more):
    """What is said of a run once.  job: all that another seed must share for both to be averaged, as JSON values.

    more: how it came about: command, commit, hardware, versions; days {name: test images}.
    """
    line = plain({"experiment": experiment, "profile": profile, "domain": domain, "job": job, **more})
    return {"run": hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()[:8], **line}


def row(seed, subject, measure, value, n=None, **more):
    """One measurement: a plain dict, without what is not known."""
    line = {"seed": seed, "subject": subject, "measure": measure, "value": value, "n": n, **more}
    return {name: plain(entry) for name, entry in line.items() if entry is not None}


def image_row(seed, subject, measure, values, groups=None):
    """The row of a measure that each test image has.  values: (N,).  groups: N names of days, or None."""
    values = torch.as_tensor(values).double()
    sums = values if groups is None else np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], values.numpy())
    return row(seed, subject, measure, values.mean(), len(values), sums=sums)


def days_of(groups):
    """{day: its number of images}, as a run has it; None where there are no days."""
    if groups is None:
        return None
    names, sizes = np.unique(np.asarray(groups), return_counts=True)
    return dict(zip(names.tolist(), sizes.tolist()))


# ---- in memory ----
@dataclass(frozen=True)
class Records:
    """Runs {id: what is said of it} and their rows, a table with the columns COLUMNS."""

    runs: dict
    rows: pd.DataFrame

    @classmethod
    def of(cls, runs, rows):
        """runs: lines of runs.  rows: dicts of rows, each naming its run.  What could not be measured (NaN) has no row."""
        table = pd.DataFrame([line for line in rows if known(line.get("value"))], columns=COLUMNS)
        return cls({run["run"]: run for run in runs}, table.astype({"seed": "Int64", "n": "Int64"}))

    @classmethod
    def of_run(cls, run, rows):
        """The rows of one run, which need not name it."""
        return cls.of([run], [{"run": run["run"], **line} for line in rows])

    def jobs(self, **which):
        """The jobs {name: value, of JOB} that are asked for, each a Job over all its runs and seeds, in the file's order.

        Raises UserError for runs that cannot be one job, and for a number that stands twice.
        """
        found = {}
        for key, run in self.runs.items():
            if all(run.get(name) == value for name, value in which.items()):
                found.setdefault(tuple(run[part] for part in JOB[:3]), []).append(key)
        return [self._job(names, {key: self.runs[key] for key in keys}) for names, keys in found.items()]

    def _job(self, names, runs):
        alike, rows = {}, self.rows[self.rows["run"].isin(runs)]
        for run in runs.values():
            first = alike.setdefault(run.get("subject"), run)
            if changed := difference(first, run):
                raise UserError(f"{' '.join(names)}: the runs {first['run']} and {run['run']} differ in {changed} and cannot be "
                                "averaged")
        exact = rows[rows["seeds"].isna()]
        if (twice := exact.duplicated(list(KEY))).any():
            seed, subject, measure = exact[twice].iloc[0][list(KEY)]
            raise UserError(f"{' '.join(names)}: {measure} of {subject}, seed {seed}, stands twice")
        return Job(*names, runs, rows)

    def lines(self):
        """The records as JSON values, each run before its rows."""
        rows = {key: [] for key in self.runs}
        for line in self.rows.to_dict("records"):
            rows[line["run"]].append({name: plain(value) for name, value in line.items() if known(value)})
        return [line for key, run in self.runs.items() for line in [run, *rows[key]]]


@dataclass(frozen=True)
class Job:
    """One experiment on one profile and domain: its runs {id: what is said of it}, and their rows over all seeds."""

    experiment: str
    profile: str
    domain: str
    runs: dict
    rows: pd.DataFrame

    def each_said(self, name, subjects=None):
        """All that the runs, or those of some subjects, say under a name, each once: ["28aa0dd", "c09d177"]."""
        return list(dict.fromkeys(str(run[name]) for run in self.runs.values()
                                  if run.get(name) and (subjects is None or run.get("subject") in subjects)))

    def said(self, name):
        """The same as one text: "28aa0dd; c09d177"."""
        return "; ".join(self.each_said(name))

    @property
    def first(self):
        """What the first run says of itself."""
        return next(iter(self.runs.values()))

    @cached_property
    def seeds(self):
        """The seeds that were measured, in order."""
        before = [seed for seeds in self.rows["seeds"] if isinstance(seeds, list) for seed in seeds]
        return sorted({*self.rows["seed"].dropna().astype(int).tolist(), *before})

    @cached_property
    def summary(self):
        """A row for each (subject, measure): mean and sd over seeds, their number and values, the ends of the 95 % interval.

        n: images of all seeds; curve: the mean of the seeds' curves.
        """
        groups = {}
        for line in self.rows.to_dict("records"):
            groups.setdefault((line["subject"], line["measure"]), []).append(line)
        return pd.DataFrame([self._summarised(lines) for lines in groups.values()], columns=SUMMARY,
                            index=pd.MultiIndex.from_tuples(groups, names=["subject", "measure"]))

    def _summarised(self, lines):
        """A line of `summary` from rows of one subject and measure."""
        lines, before = ([line for line in lines if known(line["seeds"]) == old] for old in (False, True))
        if not lines:
            last = before[-1]
            return {"mean": last["value"], "seeds": len(last["seeds"]), "values": _both(last),
                    **{name: last[name] for name in ("sd", "n", "low", "high", "curve")}}
        # An interval, or a curve, of before holds for just the seeds that it was of.
        same = [old for old in before if sorted(old["seeds"]) == sorted(line["seed"] for line in lines)]
        found = dict.fromkeys(("low", "high", "curve")) | {name: old[name] for old in same for name in ("low", "high", "curve")}
        if all(known(line["sums"]) for line in lines):
            found["low"], found["high"] = self.resampled(lines)
        if all(known(line["curve"]) for line in lines):
            if len({len(line["curve"]) for line in lines}) > 1:
                raise UserError(f"curves of one job have other lengths: {', '.join(self.runs)}")
            found["curve"] = np.mean([line["curve"] for line in lines], 0).tolist()
        return {**_over_seeds(lines), "seeds": len(lines), "values": [line["value"] for line in lines], **found}

    def resampled(self, lines, less=()):
        """Over test images, whole days or people being drawn, of the mean over seeds; (None, None) for images of one day.

        lines: "run" and "sums" of each seed.  less: the same of what is taken away, on the same drawn days.
        Raises UserError for seeds that were measured on other test images.
        """
        days = {tuple((self.runs[line["run"]].get("days") or {}).items()) for line in [*lines, *less]}
        if len(days) > 1 or len({len(line["sums"]) for line in [*lines, *less]}) > 1:
            raise UserError(f"runs of one job were measured on other test images: {', '.join(self.runs)}")
        totals = np.mean([line["sums"] for line in lines], 0) - (np.mean([line["sums"] for line in less], 0) if less else 0)
        sizes = dict(days.pop()) or dict.fromkeys(range(len(totals)), 1)
        group = np.unique(drawn_as_one(list(sizes)), return_inverse=True)[1]
        return sums_interval(np.bincount(group, totals), np.bincount(group, list(sizes.values())))

    def get(self, subject, measure):
        """The row of `summary`, or None."""
        return self.summary.loc[(subject, measure)] if (subject, measure) in self.summary.index else None

    def mean(self, subject, measure):
        """Its mean; None if it was not measured."""
        found = self.get(subject, measure)
        return None if found is None or not known(found["mean"]) else float(found["mean"])

    def by_seed(self, subject, measure):
        """{seed: value}: numbers of one seed each."""
        rows = self.rows[(self.rows["subject"] == subject) & (self.rows["measure"] == measure) & self.rows["seed"].notna()]
        return dict(zip(rows["seed"].astype(int), rows["value"]))


def _both(line):
    """The values of two seeds of which mean and deviation over seeds were kept, the smaller first; none of other rows."""
    over_images = line["measure"].endswith("_px") or not known(line["sd"])
    away = 0 if over_images else line["sd"] / math.sqrt(2)
    return [] if over_images or len(line["seeds"]) != 2 else [line["value"] - away, line["value"] + away]


def _over_seeds(lines):
    """Mean, deviation and number of images.  Over the images of all seeds where rows have their `sd`, else over seeds."""
    values, sizes = np.array([line["value"] for line in lines], float), [line["n"] for line in lines]
    n = int(sum(sizes)) if all(map(known, sizes)) else None
    if len(lines) == 1:
        return {"mean": values[0], "sd": lines[0]["sd"] if known(lines[0]["sd"]) else None, "n": n}
    if not all(known(line["sd"]) for line in lines):
        return {"mean": values.mean(), "sd": values.std(ddof=1), "n": n}
    mean, sd = np.average(values, weights=sizes), np.array([line["sd"] for line in lines])
    squares = ((np.array(sizes) - 1) * sd**2 + sizes * (values - mean) ** 2).sum()
    return {"mean": mean, "sd": math.sqrt(squares / (n - 1)), "n": n}


def known(value):
    """Whether a cell of a table holds something."""
    return isinstance(value, (list, dict, str)) or not (value is None or value is pd.NA or value != value)


# ---- on disk ----
def read(*paths):
    """The Records of some files together; a file that is not there has none.

    Raises UserError, with the line's number, for a line that is no record, for a row before its run, and for a run that is
    described in two ways.
    """
    runs, rows = {}, []
    for path in map(Path, paths):
        for number, text in enumerate(_text(path).splitlines(), 1):
            try:
                if text.strip():
                    take(json.loads(text, parse_constant=no_number), runs, rows)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
                raise UserError(f"{path}, line {number}: not a record of this kit ({reason(error)})") from error
    whole = {line["run"] for line in rows if "seeds" not in line}
    return Records.of([run for key, run in runs.items() if key in whole], [line for line in rows if line["run"] in whole])


def _text(path):
    try:
        return plain_file(path).read_text(encoding="utf-8") if os.path.lexists(path) else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no file of records can be read there ({error})") from error


def as_text(records):
    """What a file of these records holds."""
    return "".join(json.dumps(line, allow_nan=False) + "\n" for line in records.lines())


def difference(a, b):
    """The first name in which the jobs of two runs are not the same, with both values; None if they are one job."""
    ours, theirs = (plain(run.get("job") or {}) for run in (a, b))
    changed = next((name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)), None)
    return changed and f"{changed} ({short(ours.get(changed))}, {short(theirs.get(changed))})"


def check_addable(path, run, seeds):
    """Whether a file can take in these seeds of a run, asked before hours of work.  Returns the runs that must give way.

    A run of the same name, but of another job, gives way if all of its seeds are measured anew on the same test days.
    Raises UserError if some are not, if the file holds something else, or if it could not be written.
    """
    checked(path)
    records = read(path)
    others = {key: changed for key, other in records.runs.items()
              if all(other.get(name) == run.get(name) for name in JOB) and (changed := difference(other, run))}
    held = sorted(records.rows.loc[records.rows["run"].isin(others), "seed"].dropna().unique().tolist())
    days = [days for key in others if (days := (records.runs[key].get("job") or {}).get("test_days"))]
    if not set(held) <= set(seeds) or any(each != run["job"].get("test_days") for each in days):
        raise UserError(f"{path}: holds {' '.join(run[name] for name in JOB[:3])}, seeds {', '.join(map(str, held))}, with another "
                        f"{next(iter(others.values()))}; name another file" + ("" if days else ", or measure all of these seeds"))
    return list(others)


def add(path, run, rows, seeds=()):
    """Put a run and its rows into a file.  A number that was measured anew, of the same job and seed, takes the old one's place.

    seeds: those that the run is going to measure, if they are more than the rows'.
    Raises UserError as `check_addable`, if another process is adding for a minute, and if the file cannot be written; it then
    still holds what it held.
    """
    with claimed(path, wait=WAIT):
        gone = set(check_addable(path, run, {*seeds, *(line["seed"] for line in rows)}))
        old, new = read(path), {tuple(line.get(name) for name in KEY) for line in rows}
        same = {key for key, other in old.runs.items() if all(other.get(name) == run.get(name) for name in JOB)}
        kept = [line for line in old.rows.to_dict("records") if line["run"] not in gone
                and not (line["run"] in same and tuple(line[name] for name in KEY) in new)]
        left = {line["run"] for line in kept} - {run["run"]}
        records = Records.of([*(old.runs[key] for key in old.runs if key in left), run],
                             [*kept, *({"run": run["run"], **line} for line in rows)])
        write_whole(path, [as_text(records).encode()])
