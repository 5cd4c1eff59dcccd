"""Checks of notebook 09: gaze estimation."""

import torch

from ...evaluation import statistics
from .base import answer, drawn, expect, plain


def cumulative_curve(mine):
    """Percentage of errors that are at most each of some degrees."""
    errors, degrees = torch.tensor([0.5, 2.0, 3.0, 3.0, 6.0, 7.0, 8.0, 20.0]), torch.tensor([0.0, 3.0, 7.0, 30.0])
    right = plain(statistics.cumulative_curve(errors, degrees))
    at_most = (errors <= degrees[:, None]).double()
    expect(answer(mine, errors, degrees), right, {
        "shares lie in [0, 1]; percent go to 100": right / 100,
        "an error of just d degrees is within d degrees": 100 * (errors < degrees[:, None]).double().mean(1),
        "that falls with d: those are the images beyond it": 100 - right,
        "those are numbers of images: a share of how many?": at_most.sum(1),
        "one value for each image: one for each of the degrees is wanted": 100 * at_most.mean(0),
        "one yes or no for each image and degree: take the mean over the images": 100 * at_most,
        "one number for all degrees: give one for each": right.mean(),
    })


def resampled_mean(mine):
    """The mean after whole groups were drawn, with replacement, in place of single values."""
    values, group = 5 + 4 * drawn(9), torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3])
    means = torch.stack([values[group == g].mean() for g in range(4)])
    for picked in (torch.tensor([1, 1, 3, 0]), torch.tensor([2, 2, 2, 3])):
        expect(answer(mine, values, group, picked), float(statistics.resampled_mean(values, group, picked)), {
            "single images were drawn: the numbers are those of groups": values[picked].mean(),
            "each group counts as one, however many images it has": means[picked].mean(),
            "a group that was drawn twice counts once": values[torch.isin(group, picked)].mean(),
            "what was drawn makes no difference: that is the mean of all values": values.mean(),
            "that is the sum": torch.cat([values[group == g] for g in picked]).sum(),
            "one number for each group: they make one sample": means[picked],
        })
