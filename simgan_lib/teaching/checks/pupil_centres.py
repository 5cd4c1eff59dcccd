"""Checks of notebook 08: pupil centres."""

import torch

from ...evaluation import pupil
from .base import check, expect, expect_rule


@check(pupil.mean_shift)
def mean_shift(answer, draw):
    """Mean distance between centres before and after, at 55 px eye width, leaving out what was not found."""
    width = draw.one_of(150, 55, 33, 80, 60, 224)
    for none_moves in (False, True):
        _mean_shift(answer, *_centres(draw, none_moves), width)


def _mean_shift(answer, before, after, width):
    shifts, half = after - before, 55 / width
    found = shifts.isfinite().all(1)
    moved, known = shifts[found], shifts.nan_to_num()
    lengths = moved.norm(dim=1)
    right = pupil.mean_shift(before, after, width)
    expect(answer(before, after, width), right, {
        "it is not a number: images without a fit must be left out": torch.nan,
        "the length of the mean: shifts to the left and to the right cancel out": half * moved.mean(0).norm(),
        "pixels of the image as it is: the article's are those of an eye 55 px wide": lengths.mean(),
        "the scale is upside down: a wider image has smaller pixels": lengths.mean() / half,
        "the scale is there twice": half * half * lengths.mean(),
        "scaled by the height, 35, of a crop: its width is 55": 35 / width * lengths.mean(),
        "width / 55 is no whole number: `//` cuts it": lengths.mean() / max(width // 55, 1),
        "an image without a fit counts as one that did not move: leave it out": half * lengths.sum() / len(before),
        "an image whose pupil did not move counts, too: leave out only those without a fit": half * lengths[lengths > 0].mean(),
        "a missing coordinate counts as one that did not move: leave the image out":
            half * known[shifts.isfinite().any(1)].norm(dim=1).mean(),
        "an image without a fit counts as one at the corner, 0: leave it out":
            half * (after.nan_to_num() - before.nan_to_num()).norm(dim=1).mean(),
        "the root of the mean square: large shifts count for more": half * lengths.square().mean().sqrt(),
        "the mean of the squares: a distance is a root": half * lengths.square().mean(),
        "across plus down: the distance is the hypotenuse": half * moved.abs().sum(1).mean(),
        "the larger of across and down: the distance is the hypotenuse": half * moved.abs().amax(1).mean(),
        "the mean of single coordinates: a shift has a length": half * moved.abs().mean(),
        "only across: the pupil may move down, too": half * shifts[:, 0].abs().nanmean(),
        "only down: the pupil may move across, too": half * shifts[:, 1].abs().nanmean(),
        "the median: the article has a mean": half * lengths.median(),
        "the largest: the article has a mean": half * lengths.max(),
        "the sum, not the mean": half * lengths.sum(),
        "one number for each image: their mean is asked for": half * lengths,
    })
    expect_rule("where the eye lies in the image must not matter", answer(before + 7, after + 7, width), right, 1e-3)
    expect_rule("the same eyes in an image twice as wide must give the same", answer(2 * before, 2 * after, 2 * width), right)


def _centres(draw, none_moves):
    """Centres before and after (N, 2), some of them not found: as a whole, only across or only down; at least one is.

    Of those that are found one did not move, or none did.
    """
    n = draw.one_of(9, 1, 2, 30)
    before = 20 + 5 * draw.values(n, 2)
    after = before + draw.one_of(3.0, 0.02, 40.0) * draw.values(n, 2)
    order, gone = draw.order(n), 0 if n <= 2 else 6 if draw.first else draw.integer(0, n - 1)
    lost, found = order[:gone], order[gone:]
    still = found if none_moves else found[1:2]
    after[still] = before[still]
    if gone:
        before[lost[0:2]], after[lost[2:4]] = torch.nan, torch.nan
        before[lost[4:5], 0], after[lost[5:], 1] = torch.nan, torch.nan
    return before, after


@check(pupil.vertex)
def vertex(answer, draw):
    """The highest point of the parabola through three neighbouring values."""
    size = draw.one_of(1.0, 0.02, 300.0)
    top, low, lower = draw.number(-2, 2) * size, draw.number(0.2, 0.5) * size, draw.number(0.8, 1.5) * size
    falls = (low, lower) if draw.integer(0, 1) else (lower, low)
    cases = [(top - falls[0], top, top - falls[1]), (top, top, top - low), (top - low, top, top), (top - low, top, top - low)]
    for case in cases[:1] if draw.first else cases:
        before, top, after = torch.tensor(case, dtype=torch.float64)
        right, curvature = torch.tensor(pupil.vertex(*case), dtype=torch.float64), before - 2 * top + after
        expect(answer(*case), right, {
            "to the wrong side: it lies towards the higher neighbour": -right,
            "twice as far as it should be": 2 * right,
            "half as far as it should be": right / 2,
            "counted from the first value: count from the middle one": 1 + right,
            "the height of the top: asked is its place": top - 0.25 * (before - after) * right,
            "a centre of mass: it depends on what is added to all three values": (after - before) / (before + top + after),
            "a centre of mass of their exponentials: a parabola is asked for":
                torch.stack([before, top, after]).softmax(0) @ torch.tensor([-1.0, 0, 1], dtype=torch.float64),
            "the difference of the neighbours: divide by the curvature": (after - before) / 2,
            "that is the curvature: the slope at 0, divided by it, gives the place": curvature,
            "the sign of `after` in the curvature": 0.5 * (before - after) / (before - 2 * top - after),
            "the middle value stands once in the curvature: it counts twice": 0.5 * (before - after) / (before - top + after),
            "rounded to whole pixels: the place between them is asked for": right.round(),
            "an answer of 0: only three equal values have no highest point": 0.0,
        })
        expect_rule("a number added to all three values must change nothing", answer(*(value + size for value in case)), right)
        expect_rule("all three values doubled must change nothing", answer(*(2 * value for value in case)), right)
        expect_rule("with the neighbours exchanged it lies as far on the other side", answer(*case[::-1]), -right)
    expect(answer(top.item(), top.item(), top.item()), 0.0, {"three equal values have no curvature: answer 0 there": torch.nan})
