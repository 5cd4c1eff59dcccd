"""Checks of notebook 09: gaze estimation."""

from math import isqrt

import torch

from ...evaluation import statistics
from .base import check, expect, expect_rule, plain


@check(statistics.cumulative_curve)
def cumulative_curve(answer, draw):
    """Percentage of errors that are at most each of some degrees."""
    n, k = draw.one_of(9, 1, 2, 40), draw.one_of(4, 1, 7)
    degrees = (draw.order(30)[:k] + draw.one_of(0, draw.values(k).abs())) / 2     # in any order, halves of degrees or any
    each, any_error = degrees.repeat(n)[:n], 16 * draw.values(n).abs()            # just as large, just larger, and any
    errors = torch.stack([each, each + 1e-3, any_error])[torch.arange(n) % 3, torch.arange(n)][draw.order(n)]
    right = plain(statistics.cumulative_curve(errors, degrees))
    at_most = (errors <= degrees[:, None]).double()
    rising = degrees.argsort()
    expect(answer(errors, degrees), right, {
        "shares lie in [0, 1]; percent go to 100": right / 100,
        "an error of just d degrees is within d degrees": 100 * (errors < degrees[:, None]).double().mean(1),
        "that falls with d: those are the images beyond it": 100 - right,
        "those are numbers of images: a share of how many?": at_most.sum(1),
        "a share of the number of degrees: divide by the number of errors": 100 * at_most.sum(1) / k,
        "the errors are taken to be sorted: they come in any order": 100.0 * torch.searchsorted(errors, degrees, right=True) / n,
        "the values are right, but sorted by degrees: give them in the order of `degrees`": right[rising],
        "only what came since the degree before: count all errors up to each":
            right[rising].diff(prepend=torch.zeros(1, dtype=torch.float64))[rising.argsort()],
        "a share of the largest error: count the images": 100 * degrees / errors.max(),
        "rounded to whole percent: leave the share as it is": right.floor(),
        "rounded to the nearest whole percent: leave the share as it is": right.round(),
        "one value for each image: one for each of the degrees is wanted": 100 * at_most.mean(0),
        "one yes or no for each image and degree: take the mean over the images": 100 * at_most,
        "one number for all degrees: give one for each": right.mean(),
    })
    expect_rule("the order of the errors must not matter", answer(errors.flip(0), degrees), right)
    expect_rule("each of the degrees is asked by itself", answer(errors, degrees.flip(0)), right.flip(0))
    expect_rule("every error twice must give the same shares", answer(errors.repeat(2), degrees), right)


@check(statistics.resampled_mean)
def resampled_mean(answer, draw):
    """The mean after whole groups were drawn, with replacement, in place of single values."""
    n = draw.one_of(16, 1, 4, 9, 49)
    days = draw.order(9)[:isqrt(n)]                                               # some numbers have no values
    group = days[torch.arange(n).sqrt().long()][draw.order(n)]                    # 1, 3, 5, ... values a day, in any order
    picked = days[[1, 1, 3, 0, 1] if draw.first else [draw.integer(0, len(days) - 1) for _ in range(draw.one_of(4, 1, 9, 12))]]
    values = draw.number(-9, 9) + draw.one_of(4.0, 0.01, 500.0) * draw.values(n)
    heap = torch.cat([values[group == day] for day in picked])
    means = torch.stack([values[group == day].mean() for day in picked])
    right, times = float(statistics.resampled_mean(values, group, picked)), (group[:, None] == picked).sum(1)
    first = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(group).cumsum(0)])
    expect(answer(values, group, picked), right, {
        "single images were drawn: the numbers are those of groups": values[picked % n].mean(),
        "each group counts as one, however many images it has": means.mean(),
        "a group that was drawn twice counts once": values[times > 0].mean(),
        "what was drawn makes no difference: that is the mean of all values": values.mean(),
        "those are the groups that were *not* drawn": values[times == 0].mean(),
        "the values are taken to be sorted by group: look at `group`":
            torch.cat([values[first[day]:first[day + 1]] for day in picked]).mean(),
        "divided by the number of all values: divide by the number of those drawn": heap.sum() / n,
        "divided by the number of groups drawn: divide by the number of values": heap.sum() / len(picked),
        "that is the sum": heap.sum(),
        "the median: a mean is asked for": heap.median(),
        "all values, with their mean taken over: take it once": heap,
        "one number for each group: they make one sample": means,
    })
    order = draw.order(n)
    expect_rule("the order of the values must not matter", answer(values[order], group[order], picked), right)
    expect_rule("the order of the draw must not matter", answer(values, group, picked.flip(0)), right)
    expect_rule("another name of the days must not matter", answer(values, group + 3, picked + 3), right)
    more_values, more_days = torch.cat([values, values[:1] + 1]), torch.cat([group, torch.tensor([draw.integer(99, 3000)])])
    expect_rule("a day that was not drawn must not matter, whatever its number", answer(more_values, more_days, picked), right)
