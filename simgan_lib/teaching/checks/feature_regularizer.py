"""Checks of notebook 06: feature-space self-regularization."""

import torch
import torch.nn.functional as F

from ... import losses
from .base import answer, drawn, expect


def local_contrast(mine):
    """Difference from the mean of the 9 x 9 surroundings, in their standard deviations."""
    images = drawn(2, 3, 12, 13) + torch.linspace(-1, 1, 13)          # uneven light, in colour
    mean = losses.blurred(images, 9)
    apart = images - mean
    variance = losses.blurred(apart ** 2, 9)
    right = losses.local_contrast(images)
    whole = (images - images.mean((2, 3), keepdim=True)) / (images.var((2, 3), keepdim=True, correction=0) + 0.01).sqrt()
    expect(answer(mine, images), right, {
        "the surroundings' mean is taken away, but nothing is divided: half the light still costs half": apart,
        "divided by the variance, not by its root: half the light would double the result": apart / (variance + 0.01),
        "the small number is missing under the root: flat skin would become loud noise": apart / variance.sqrt(),
        "the small number is added to the root instead of under it": apart / (variance.sqrt() + 0.01),
        "the mean is not taken away: psi would see brightness": images / (variance + 0.01).sqrt(),
        "mean and spread of the whole image: uneven light would be charged for": whole,
        "the surroundings minus the pixel: the sign": -right,
        "zeros beyond the edge are counted in the mean: the frame would be charged for": _zero_padded_contrast(images),
        "a window of 5 x 5, not 9 x 9": (images - losses.blurred(images))
        / (losses.blurred((images - losses.blurred(images)) ** 2) + 0.01).sqrt(),
        "the channels are averaged first: psi must keep them": losses.local_contrast(images.mean(1, keepdim=True)),
        "one spread for all channels: each has its own": apart / (variance.mean(1, keepdim=True) + 0.01).sqrt(),
        "the spread is that of the pixels about 0, not about their mean": apart / (losses.blurred(images ** 2, 9) + 0.01).sqrt(),
    })


def _zero_padded_contrast(images):
    apart = images - F.avg_pool2d(images, 9, 1, 4)
    return apart / (F.avg_pool2d(apart ** 2, 9, 1, 4) + 0.01).sqrt()
