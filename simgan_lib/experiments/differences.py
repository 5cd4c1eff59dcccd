"""Refined eyes against others: by how much they are better, seed by seed, and how much of that is matching's alone."""

import numpy as np

from ..evaluation.statistics import interval


def seed_by_seed(job, subject, base, measure):
    """What `interval` says of the differences subject - base, taken seed by seed, and their "values"; None without any."""
    ours, theirs = job.by_seed(subject, measure), job.by_seed(base, measure)
    pairs = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
    return interval(pairs) | {"values": pairs} if pairs else None


def against_synthetic(job):
    """By how much refined eyes are better than synthetic ones, %: {"lower", "closed": {"mean", "sd" and "values" over seeds}}.

    lower: the mean error.  closed: the gap to the oracle, where there is one.  Means are those of the mean errors.
    """
    subjects = ("synthetic", "refined", "oracle")
    means = [job.mean(subject, "gaze_error_deg") for subject in subjects]
    if None in means:
        return {}
    by_seed = [job.by_seed(subject, "gaze_error_deg") for subject in subjects]
    seeds = [_ratios(*(values[seed] for values in by_seed)) for seed in by_seed[0]]
    values = {name: [each[name] for each in seeds if name in each] for name in ("lower", "closed")}
    return {name: {"mean": mean, "sd": np.std(values[name], ddof=1) if len(seeds) > 1 else None, "values": values[name]}
            for name, mean in _ratios(*means).items()}


def _ratios(raw, refined, oracle):
    return {"lower": 100 * (raw - refined) / raw} | ({"closed": 100 * (raw - refined) / (raw - oracle)} if raw > oracle else {})


def matching_share(job, measure="gaze_error_deg", kinds=("synthetic", "synthetic_matched", "refined")):
    """How much of the gain from synthetic to refined eyes histogram matching alone has, %.

    kinds: the three to compare, in this order.  Negative: matching alone makes it worse.  None: refined eyes gain nothing,
    or one of the three was not measured.
    """
    raw, matched, refined = (job.mean(kind, measure) for kind in kinds)
    if None in (raw, matched, refined):
        return None
    gains = refined > raw if measure == "within_7_deg" else refined < raw
    return 100 * (matched - raw) / (refined - raw) if gains else None
