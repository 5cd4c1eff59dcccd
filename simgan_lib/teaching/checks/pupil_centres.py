"""Checks of notebook 08: pupil centres."""

import torch

from ...evaluation import pupil
from .base import answer, drawn, expect


def mean_shift(mine):
    """Mean distance between centres before and after, at 55 px eye width, leaving out what was not found."""
    before, width = 20 + 5 * drawn(7, 2), 110
    after = before + 3 * drawn(7, 2, seed=1)
    before[2], after[5, 0] = torch.nan, torch.nan
    found = (after - before).isfinite().all(1)
    moved, half = (after - before)[found], 55 / width
    lengths = moved.norm(dim=1)
    right = pupil.mean_shift(before, after, width)
    expect(answer(mine, before, after, width), right, {
        "it is not a number: images without a fit must be left out": torch.nan,
        "the length of the mean: shifts to the left and to the right cancel out": half * moved.mean(0).norm(),
        "pixels of the image as it is: the article's are those of an eye 55 px wide": lengths.mean(),
        "the scale is upside down: a wider image has smaller pixels": lengths.mean() / half,
        "an image without a fit counts as one that did not move: leave it out": half * lengths.sum() / len(before),
        "the root of the mean square: large shifts count for more": half * lengths.square().mean().sqrt(),
        "across plus down: the distance is the hypotenuse": half * moved.abs().sum(1).mean(),
        "the mean of single coordinates: a shift has a length": half * moved.abs().mean(),
        "the median: the article has a mean": half * lengths.median(),
        "the sum, not the mean": half * lengths.sum(),
        "one number for each image: their mean is asked for": half * lengths,
    })


def vertex(mine):
    """The highest point of the parabola through three neighbouring values."""
    for before, top, after in ((1.0, 3.0, 2.0), (0.2, 0.9, 0.1), (2.0, 2.0, 1.0), (-1.0, 5.0, 4.5)):
        right = pupil.vertex(before, top, after)
        expect(answer(mine, before, top, after), right, {
            "to the wrong side: it lies towards the higher neighbour": -right,
            "twice as far as it should be": 2 * right,
            "half as far as it should be": right / 2,
            "counted from the first value: count from the middle one": 1 + right,
            "the height of the top: asked is its place": top - 0.25 * (before - after) * right,
            "a centre of mass: it depends on what is added to all three values": (after - before) / (before + top + after),
            "the difference of the neighbours: divide by the curvature": (after - before) / 2,
        })
    expect(answer(mine, 1.0, 1.0, 1.0), 0.0, {"three equal values have no curvature: answer 0 there": torch.nan})
