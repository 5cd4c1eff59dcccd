"""Checks of notebook 07: ablations."""

import numpy as np
import torch
from scipy.stats import t

from ...evaluation import artefacts
from ...evaluation import statistics as seeds
from .base import answer, expect


def paired_interval(mine):
    """(low, high) of the mean difference over seeds, 95 %, by Student's t."""
    for values, base in (([5.9, 6.1, 6.6], [5.0, 5.4, 5.5]), ([2.0, 4.5, 3.0, 6.0, 5.5], [1.0, 4.0, 2.8, 4.5, 4.9])):
        values, base = np.array(values), np.array(base)
        n, difference = len(values), values - base
        right, middle = seeds.paired_interval(values, base), difference.mean()

        def around(reach, middle=middle):
            return np.array([middle - reach, middle + reach])

        sd, factor, apart = difference.std(ddof=1), t.ppf(0.975, n - 1), np.hypot(values.std(ddof=1), base.std(ddof=1))
        expect(answer(mine, torch.from_numpy(values), torch.from_numpy(base)), right, {
            "the difference is taken the other way round: what minus the base?": -right[::-1],
            "1.96 is for many seeds: few seeds know their own scatter badly": around(1.96 * sd / n**0.5),
            "that is how single seeds scatter: a mean of n scatters less": around(factor * sd),
            "the standard deviation of a sample: divide by n - 1, not by n": around(factor * difference.std() / n**0.5),
            "5 % in all, half of it on each side: the quantile is another one": around(t.ppf(0.95, n - 1) * sd / n**0.5),
            "with n values, n - 1 degrees of freedom": around(t.ppf(0.975, n) * sd / n**0.5),
            "the seeds' own scatter is still in it: take the differences seed by seed first":
                around(factor * apart / n**0.5),
            "that is the interval of the values, not of their difference to the base":
                around(factor * values.std(ddof=1) / n**0.5, values.mean()),
            "high comes after low": right[::-1],
        })


def diversity(mine):
    """How much images of a set differ from each other: 0 when all are the same."""
    images = torch.randint(256, (6, 1, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = images.float()
    expect(answer(mine, images), artefacts.diversity(images), {
        "that is the contrast within images: a set of copies of one image would have it, too":
            pixels.flatten(1).std(1).mean(),
        "all gray levels in one heap: a set of copies of one image would have that, too": pixels.std(),
        "one number for each pixel: take their mean": pixels.std(0),
        "the variance, in squares of gray levels: take the standard deviation": pixels.var(0).mean(),
        "the mean must come last: root of the mean variance is another number": pixels.var(0).mean().sqrt(),
        "gray levels run from 0 to 255 here: leave them so": (pixels / 127.5).std(0).mean(),
        "the standard deviation of a sample: divide by n - 1 (torch does so by default)": pixels.std(0, correction=0).mean(),
    })
