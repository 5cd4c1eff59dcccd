"""What a line of a file of records may hold.  What the names mean: `records`."""

import json
import math

JOB = ("experiment", "profile", "domain", "subject")   # what a run is called; only the runs of a sweep have a subject
COLUMNS = ("run", "seed", "subject", "measure", "value", "n", "sums", "sd", "curve", "seeds", "low", "high")


def no_number(name):
    """JSON has neither NaN nor Infinity, Python's reader takes them."""
    raise ValueError(f"{name} is no number of JSON")


def take(line, runs, rows):
    """Put a line into runs {id: line} or rows, where it belongs.  Raises ValueError, KeyError or TypeError if it is none."""
    if "measure" in line:
        _check_row(line, runs)
        rows.append(line)
    elif "run" not in line and "command" in line:
        raise ValueError("of an earlier version of the kit; name another file")
    else:
        expect(all(isinstance(line[name], str) for name in ("run", *JOB[:3])), "names as run, experiment, profile and domain", line)
        expect(isinstance(line.get("job", {}), dict), "a dict as job", line)
        days = line.get("days") or {}
        expect(isinstance(days, dict) and all(_whole(size) for size in days.values()), "days with their numbers of images", days)
        expect(runs.setdefault(line["run"], line) == line, "one description of a run", line["run"])


def _check_row(line, runs):
    expect(line["run"] in runs, "a run that is described before its rows", line["run"])
    expect(not line.keys() - set(COLUMNS), f"some of {', '.join(COLUMNS)}", sorted(line))
    expect(isinstance(line["subject"], str) and isinstance(line["measure"], str), "names as subject and measure", line["subject"])
    expect(("seed" in line) != ("seeds" in line), "a seed, or seeds", line.get("seed"))
    seeds = line["seeds"] if "seeds" in line else [line["seed"]]
    expect(isinstance(seeds, list) and seeds and all(map(_whole, seeds)), "whole numbers from 0 on as seeds", seeds)
    expect(_finite(line["value"]), "a number as value", line["value"])
    for name in ("sd", "low", "high"):
        expect(line.get(name) is None or _finite(line[name]), f"a number as {name}", line.get(name))
    expect(line.get("n") is None or _whole(line["n"]) and line["n"] > 0, "a number of images as n", line.get("n"))
    for name in ("sums", "curve"):
        values = line.get(name)
        expect(values is None or isinstance(values, list) and all(map(_finite, values)), f"numbers as {name}", values)
    groups = len(runs[line["run"]].get("days") or {}) or line.get("n")
    expect(line.get("sums") is None or len(line["sums"]) == groups, f"{groups} sums, one a day or an image", line.get("sums"))


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def expect(right, what, found):
    """ValueError with what was expected and what was found, unless it is right."""
    if not right:
        raise ValueError(f"expected {what}, found {short(found)}")


def reason(error):
    """What an error of `take` says."""
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def short(value):
    """A value in at most 60 letters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
