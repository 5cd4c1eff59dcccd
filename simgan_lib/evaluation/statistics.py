"""What a few seeds can say: intervals of a mean, and of a difference, over runs that differ by their seed alone.

Taught in: notebook 07.
"""

import numpy as np
from scipy.stats import t


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
    reach = t.ppf(0.975, len(values) - 1) * sd / np.sqrt(len(values))
    return {"mean": float(mean), "sd": float(sd), "n": len(values), "low": float(mean - reach), "high": float(mean + reach)}


def paired_interval(values, base):
    """(low, high), float64 (2,): the 95 % interval of the mean difference values - base, taken seed by seed.

    values, base: one number a seed, the same seeds in the same order.  What a seed does to both falls out.
    Raises ValueError for fewer than two pairs, or of unequal number.

    >>> paired_interval([5.5, 6.5, 7.6], [5.0, 6.0, 7.0]).round(2).tolist()
    [0.39, 0.68]
    """
    values, base = np.asarray(values, dtype=float), np.asarray(base, dtype=float)
    if len(values) != len(base) or len(values) < 2:
        raise ValueError(f"expected as many values as the base has, and at least two, found {len(values)} and {len(base)}")
    found = interval(values - base)
    return np.array([found["low"], found["high"]])
