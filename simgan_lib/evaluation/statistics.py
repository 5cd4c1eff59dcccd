"""What a few seeds can say: intervals of a mean, and of a difference, over runs that differ by their seed alone.

Taught in: notebook 07.
"""

import numpy as np
import scipy.stats


def interval(values):
    """{"mean", "sd", "n", "low", "high"}: the 95 % interval of the mean by Student's t; sd and interval None for one value.

    values: one number a seed.  If seeds scatter like draws from a bell curve, 95 of 100 such intervals hold the mean that
    endlessly many seeds would have.

    >>> {key: round(value, 2) for key, value in interval([1.0, 2.0, 3.0]).items()}
    {'mean': 2.0, 'sd': 1.0, 'n': 3, 'low': -0.48, 'high': 4.48}
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return {"mean": float(values.mean()), "sd": None, "n": len(values), "low": None, "high": None}
    mean, sd = values.mean(), values.std(ddof=1)
    reach = scipy.stats.t.ppf(0.975, len(values) - 1) * sd / np.sqrt(len(values))
    return {"mean": float(mean), "sd": float(sd), "n": len(values), "low": float(mean - reach), "high": float(mean + reach)}


def beyond_seeds(values, base):
    """Which settings differ from the base by more than seeds do: int (K,), 1 where larger, -1 where smaller, 0 where neither.

    values: (K, n), a row a setting, a column a seed.  base: (n,), the same seeds in the same order.
    Differences are taken seed by seed, so what a seed does to both falls out.  A setting counts if the 95 % `interval` of
    its mean difference leaves out 0.  Raises ValueError for fewer than two seeds, or of unequal number.

    >>> beyond_seeds([[5.5, 6.5, 7.6], [4.0, 6.0, 9.0]], [5.0, 6.0, 7.0]).tolist()
    [1, 0]
    """
    values, base = np.asarray(values, dtype=float), np.asarray(base, dtype=float)
    if values.shape[1:] != base.shape or len(base) < 2:
        raise ValueError(f"expected (K, n) and (n,) with n of at least two, found {values.shape} and {base.shape}")
    found = [interval(difference) for difference in values - base]
    return np.array([(each["low"] > 0) - (each["high"] < 0) for each in found])


RESAMPLES = 1000          # bootstrap samples behind each interval
FEWEST_PEOPLE = 3         # from so many people on, people are drawn, not their days


def bootstrap_interval(values, seed=0, groups=None, resamples=RESAMPLES):
    """{"mean", "low", "high", "n"} of values (N,): percentile bootstrap, 95 %.  groups: resample these, not values.

    Groups that are days of several people are drawn as `drawn_as_one` says.
    low and high are None for a single group, as in `sums_interval`.  Raises ValueError if there are no values.
    """
    values = np.asarray(values, dtype=float)
    if not len(values):
        raise ValueError("an interval needs at least one value")
    group = np.arange(len(values)) if groups is None else np.unique(drawn_as_one(groups), return_inverse=True)[1]
    low, high = sums_interval(np.bincount(group, values), np.bincount(group), seed, resamples)
    return {"mean": float(values.mean()), "low": low, "high": high, "n": len(values)}


def drawn_as_one(groups):
    """Names (N,) of what is drawn as a whole: days named person/day are drawn by person, from FEWEST_PEOPLE people on.

    A person's days resemble each other more than days of other people do.  All other groups are drawn as they are.

    >>> drawn_as_one(["p00/day1", "p00/day2", "p01/day1", "p02/day1"]).tolist(), drawn_as_one(["p00/day1", "p01/day1"]).tolist()
    (['p00', 'p00', 'p01', 'p02'], ['p00/day1', 'p01/day1'])
    """
    groups = np.asarray(groups)
    if groups.dtype.kind != "U":
        return groups
    people, slash, _ = np.char.partition(groups, "/").T
    return people if all(slash) and len(np.unique(people)) >= FEWEST_PEOPLE else groups


def sums_interval(totals, sizes, seed=0, resamples=RESAMPLES):
    """(low, high): the 95 % interval of `bootstrap_interval` from what groups add up to, without the single values.

    totals, sizes: each group's sum of values and their number (G,).  Whole groups are drawn.  A single one says nothing of
    how groups differ: low and high are then None, for there is no interval.  Raises ValueError for unequal lengths, or none.

    >>> sums_interval([10.0, 12.0], [5, 4])
    (2.0, 3.0)
    """
    totals, sizes = np.asarray(totals, dtype=float), np.asarray(sizes)
    if len(totals) != len(sizes) or not len(totals):
        raise ValueError(f"expected as many sizes as totals, and at least one, found {len(totals)} and {len(sizes)}")
    if len(totals) == 1:
        return None, None
    # Some resamples at a time: all at once would be gigabytes for a large test set.
    found = scipy.stats.bootstrap((totals, sizes), _ratio, paired=True, vectorized=True, n_resamples=resamples,
                                  batch=max(1, 2_000_000 // len(totals)), method="percentile", rng=np.random.default_rng(seed))
    # Not scipy's own bounds: those take the quantile 0.025 + 2e-17, which now and then is another last digit.
    low, high = np.percentile(found.bootstrap_distribution, [2.5, 97.5])
    return float(low), float(high)


def _ratio(totals, sizes, axis=-1):
    return totals.sum(axis) / sizes.sum(axis)


def resampled_mean(values, group, drawn):
    """Mean of values (N,) after whole groups were drawn in place of single values.

    group: which of the groups 0 .. G-1 each value belongs to (N,).  drawn: numbers of groups (..., G), one as often as
    it was drawn.  Returns (...).

    >>> float(resampled_mean([1.0, 3.0, 8.0], [0, 0, 1], [1, 1]))
    8.0
    """
    values, group, drawn = np.asarray(values), np.asarray(group), np.asarray(drawn)
    total, size = np.bincount(group, values), np.bincount(group)
    return total[drawn].sum(-1) / size[drawn].sum(-1)


def cumulative_curve(errors, degrees):
    """Percentage of errors (N,) that are at most each of `degrees` (K,)  ->  (K,).  Paper: Figure 7.

    >>> cumulative_curve([1.0, 3.0, 5.0, 9.0], [0, 3, 7, 10]).tolist()
    [0.0, 50.0, 75.0, 100.0]
    """
    return 100.0 * np.searchsorted(np.sort(np.asarray(errors)), np.asarray(degrees), side="right") / len(errors)


def curve_interval(errors, degrees, groups=None, seed=0):
    """95 % intervals of `cumulative_curve`, each degree for itself: (low (K,), high (K,)).  groups: resample these.

    A single group has no interval: all are NaN, which a figure leaves out.
    """
    errors = np.asarray(errors)
    found = [bootstrap_interval(100.0 * (errors <= d), seed, groups) for d in degrees]
    return tuple(np.array([each[end] for each in found], dtype=float) for end in ("low", "high"))
