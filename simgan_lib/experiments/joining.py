"""Records of two runs that differ in their seeds, made into one: what several machines measured, in one table.

`joined` is for the main job's records, `joined_estimators` for those of the study on gaze.  A record holds no image's error
any more, so two things are not what one run over all seeds would give: an interval is the mean of the runs' intervals,
mostly a little wider than that of their mean; and no median is kept.
"""

import json
import math

from ..system.errors import UserError
from .summary import against_synthetic, spread

MEASURED = ("gaze_error_deg", "within_7_deg", "calibrated_error_deg")   # {kind: {"values", "interval", ...}}
REALISM = ("two_sample_accuracy", "kernel_distance", "collapse")        # nested means; their deviations stand elsewhere
SAME = ("profile", "domain", "images", "mean_answer_error_deg", "config", "data_digest")   # the last two since later
SAID = ("hardware", "versions", "commit")
ESTIMATOR = ("method", "training_set", "times")                         # what a record of `gaze_study` is of
SAME_STUDY = ("profile", "domain", "images", "updates", "network", "test_images", "test_days", "mean_answer_error_deg",
              "data_digest")


def joined(old, new):
    """The record of the seeds of both.  Those of `new` must be the next ones.

    Raises UserError for other seeds, and if the runs were not of one job: other profile, settings, images or test days.  A
    record from before settings and images were kept is believed; both commits are named.
    """
    _check(old, new, SAME)
    weights = [len(old["seeds"]), len(new["seeds"])]
    record = {**new, "seeds": old["seeds"] + new["seeds"], "seconds": old["seconds"] + new["seconds"]}
    record |= {name: {kind: _measured(old[name][kind], new[name][kind]) for kind in new[name]}
               for name in MEASURED if name in old and name in new}
    record |= against_synthetic(record["gaze_error_deg"])
    record |= {"pupil_shift_px": _pupil(old["pupil_shift_px"], new["pupil_shift_px"], weights)}
    both = [_pooled(old[name], new[name], old["deviations"][name], new["deviations"][name], weights) for name in REALISM]
    record |= {name: mean for name, (mean, _) in zip(REALISM, both)}
    record |= {"deviations": {name: sd for name, (_, sd) in zip(REALISM, both)}}
    record |= {name: _both(old[name], new[name]) for name in SAID}
    dropped = [name for name in MEASURED if name not in old]           # not known of all seeds
    return {name: value for name, value in record.items() if name not in dropped} | {"pupil_scatter": old["pupil_scatter"]}


def joined_estimators(old, new):
    """Records of `gaze_study`, one an estimator, of the seeds of both: as many as there are in each, in the order of `new`.

    Raises UserError as `joined`, and if the two are not of the same estimators.
    """
    before = {_estimator(record): record for record in old}
    if before.keys() != {_estimator(record) for record in new}:
        raise UserError(f"a study of {len(new)} estimators cannot join one of {len(before)}: expected the same ones")
    return [_joined_estimator(before[_estimator(record)], record) for record in new]


def _estimator(record):
    return tuple(record[name] for name in ESTIMATOR)


def _joined_estimator(old, new):
    _check(old, new, SAME_STUDY)
    n, m = len(old["seeds"]), len(new["seeds"])
    curve = [round((n * a + m * b) / (n + m), 3) for a, b in zip(old["curve"], new["curve"])]
    return {**new, "seeds": old["seeds"] + new["seeds"], "seconds": round(old["seconds"] + new["seconds"], 1), "curve": curve,
            **{name: _measured(old[name], new[name]) for name in ("gaze_error_deg", "within_7_deg")},
            **{name: _both(old[name], new[name]) for name in ("device", "commit")}}


def _check(old, new, same):
    """UserError unless `new` goes on with the seeds of `old`, and both are alike in the entries `same` that `old` has."""
    if new["seeds"][0] != len(old["seeds"]) or old["seeds"][0]:
        raise UserError(f"seeds {_listed(new)} cannot join a record of seeds {_listed(old)}: expected to go on with seed "
                        f"{len(old['seeds'])}")
    for name in same:
        if name in old and not _alike(old[name], new[name]):
            raise UserError(f"a run cannot join a record of another job: {name} is {new[name]}, in the record {old[name]}")


def _listed(record):
    return ", ".join(map(str, record["seeds"]))


def _alike(a, b):
    return math.isclose(a, b, rel_tol=1e-6) if isinstance(a, float) else json.dumps(a) == json.dumps(b)


def _both(old, new):
    """What either says, once; nested dicts alike.

    >>> _both("abc", "def"), _both("abc; def", "def"), _both({"torch": "2.13"}, {"torch": "2.14"})
    ('abc; def', 'abc; def', {'torch': '2.13; 2.14'})
    """
    if isinstance(old, dict):
        return {key: _both(old.get(key), new.get(key)) for key in {**old, **new}}
    if old == new:
        return old
    return "; ".join(dict.fromkeys([*str(old).split("; "), str(new)]))


def _measured(old, new):
    """Entries as `summary.measure` gives them."""
    ends = [(old["n"] * a + new["n"] * b) / (old["n"] + new["n"]) for a, b in zip(old["interval"], new["interval"])]
    return spread(old["values"] + new["values"]) | {"interval": ends}


def _pooled(a, b, sd_a, sd_b, weights):
    """(mean, standard deviation) of what two groups of these sizes have these of; nested dicts alike.

    >>> _pooled(2.0, 5.0, 1.4142135623730951, None, [2, 1])
    (3.0, 2.0)
    """
    if isinstance(a, dict):
        parts = {key: _pooled(a[key], b[key], sd_a[key], sd_b[key], weights) for key in a}
        return tuple({key: part[i] for key, part in parts.items()} for i in range(2))
    n, m = weights
    mean = (n * a + m * b) / (n + m)
    within = (n - 1) * (sd_a or 0.0) ** 2 + (m - 1) * (sd_b or 0.0) ** 2
    return mean, math.sqrt((within + n * (a - mean) ** 2 + m * (b - mean) ** 2) / (n + m - 1))


def _pupil(old, new, seeds):
    """Over the images of both, as `summary.pupil_summary`; the finder's own error by the same numbers of images.

    seeds: how many each is of; in each as many images were tried.
    """
    found = [old["n"], new["n"]]

    def of(a, b):
        return dict(zip(("mean", "sd"), _pooled(a["mean"], b["mean"], a["sd"], b["sd"], found)))
    failed = (seeds[0] * old["failed"] + seeds[1] * new["failed"]) / sum(seeds)
    return of(old, new) | {"n": sum(found), "failed": failed,
                           "estimator_error": of(old["estimator_error"], new["estimator_error"])}
