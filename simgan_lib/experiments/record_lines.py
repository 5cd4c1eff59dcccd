"""What a line of a file of records may hold.  What the names mean: `records`."""

import json
import math
from pathlib import Path

JOB = ("experiment", "profile", "domain", "subject")   # what a run is called; only the runs of a sweep have a subject
LARGEST = 1e100           # of a value: more is no measurement, and its square no number
COLUMNS = ("run", "seed", "subject", "measure", "value", "n", "sums", "sd", "curve", "seeds", "low", "high")


def plain(value):
    """`value` as JSON has it: numbers of NumPy and PyTorch become plain ones, not-a-number and infinity None.

    >>> plain({"mean": float("nan"), "of": (1, Path("a"))})
    {'mean': None, 'of': [1, 'a']}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):                                     # arrays, tensors and their scalars
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


def no_number(name):
    """JSON has neither NaN nor Infinity, Python's reader takes them."""
    raise ValueError(f"{name} is no number of JSON")


def take(line, runs, rows):
    """Put a line into runs {id: line} or rows, where it belongs.  Raises ValueError, KeyError or TypeError if it is none."""
    expect(isinstance(line, dict), "an object with names", line)
    if "measure" in line:
        _check_row(line, runs)
        rows.append(line)
    elif "run" not in line and "command" in line:
        raise ValueError("of an earlier version of the kit; name another file")
    else:
        expect(all(isinstance(line[name], str) for name in ("run", *JOB[:3])), "names as run, experiment, profile and domain", line)
        for name in SAID.keys() & line.keys():
            what, right = SAID[name]
            expect(line[name] is None or right(line[name]), f"{what} as {name}", line[name])
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
    expect((line.get("sd") or 0) >= 0, "a deviation of at least 0 as sd", line.get("sd"))
    expect(line.get("low") is None or line.get("high") is None or line["low"] <= line["high"], "low below high", line.get("low"))
    expect(line.get("n") is None or _whole(line["n"]) and line["n"] > 0, "a number of images as n", line.get("n"))
    for name in ("sums", "curve"):
        values = line.get(name)
        expect(values is None or isinstance(values, list) and all(map(_finite, values)), f"numbers as {name}", values)
    groups = len(runs[line["run"]].get("days") or {}) or line.get("n")
    expect(line.get("sums") is None or len(line["sums"]) == groups, f"{groups} sums, one a day or an image", line.get("sums"))


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST     # NaN is not


def _text(value):
    return isinstance(value, str)


def _dict_of(right):
    return lambda value: isinstance(value, dict) and all(map(right, value.values()))


# What a run may say of itself beside its names, where it says it: (in words, whether a value is that).
SAID = {"job": ("a dict", lambda value: isinstance(value, dict)),
        "scatter": ("lists", _dict_of(lambda each: isinstance(each, list))),
        "days": ("days with their numbers of images", _dict_of(lambda size: _whole(size) and size > 0)),
        "images": ("numbers of images", lambda value: _whole(value) or _dict_of(_whole)(value)),
        "versions": ("names with versions", _dict_of(_text)), "mean_answer_error_deg": ("a number", _finite),
        **dict.fromkeys(("test_days", "updates", "seed"), ("a whole number", _whole)),
        **dict.fromkeys(("command", "commit", "hardware", "network", "failed", "shown", "subject", "apart"), ("a text", _text))}


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
