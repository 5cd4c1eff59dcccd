"""Checks of notebook 06: feature-space self-regularization.  (That of its first exercise is `refiner.channel_mean`.)"""

import torch
import torch.nn.functional as F

from ... import losses
from .base import check, expect, expect_gradients, expect_rule


@check(losses.local_contrast)
def local_contrast(answer, draw):
    """Difference from the mean of the 9 x 9 surroundings, in their standard deviations."""
    images = draw.values(*draw.images((3, 1), least=draw.one_of(12, 2)), scale=draw.one_of(1.0, 0.1, 0.03, 3.0))
    images = images + torch.linspace(-1, 1, images.shape[3]) * draw.one_of(1.0, 0.0)          # in uneven light
    apart = images - losses.blurred(images, 9)
    variance, right = losses.blurred(apart ** 2, 9), losses.local_contrast(images)
    expect(answer(images), right, {
        "the surroundings' mean is taken away, but nothing is divided: half the light still costs half": apart,
        "divided by the variance, not by its root: half the light would double the result": apart / (variance + 0.01),
        "multiplied by the root: divide by it": apart * (variance + 0.01).sqrt(),
        "the small number is missing under the root: flat skin would become loud noise": apart / variance.sqrt(),
        "the small number is added to the root instead of under it": apart / (variance.sqrt() + 0.01),
        "the small number under the root is 0.01, found 0.1": apart / (variance + 0.1).sqrt(),
        "the small number under the root is 0.01, found 0.001": apart / (variance + 0.001).sqrt(),
        "a lower limit of the root is no sum: add 0.01 under it": apart / variance.sqrt().clamp(min=0.1),
        "the mean is not taken away: psi would see brightness": images / (variance + 0.01).sqrt(),
        "mean and spread of the whole image: uneven light would be charged for":
            _contrast(images, lambda x: x.mean((2, 3), keepdim=True)),
        "the surroundings minus the pixel: the sign": -right,
        "zeros beyond the edge are counted in the mean: the frame would be charged for":
            _contrast(images, lambda x: F.avg_pool2d(x, 9, 1, 4)),
        "pixels beyond the edge are invented: `blurred` takes the mean of those that are there": _contrast(images, _reflecting),
        "a window of 5 x 5, not 9 x 9": _contrast(images, losses.blurred),
        "a window of 7 x 7, not 9 x 9": _contrast(images, lambda x: losses.blurred(x, 7)),
        "a window of 11 x 11, not 9 x 9": _contrast(images, lambda x: losses.blurred(x, 11)),
        "the mean of 9 x 9, but the spread of 5 x 5": apart / (losses.blurred(apart ** 2) + 0.01).sqrt(),
        "the channels are averaged first: psi must keep them": losses.local_contrast(images.mean(1, keepdim=True)),
        "one spread for all channels: each has its own": apart / (variance.mean(1, keepdim=True) + 0.01).sqrt(),
        "the spread is that of the pixels about 0, not about their mean": apart / (losses.blurred(images ** 2, 9) + 0.01).sqrt(),
        "the spread of the pixels about one mean: each difference is from its own pixel's surroundings":
            apart / (losses.blurred(images ** 2, 9) - losses.blurred(images, 9) ** 2 + 0.01).sqrt(),
        "the mean of the differences' sizes: the root of their mean square is another number":
            apart / (losses.blurred(apart.abs(), 9) + 0.01),
        "squashed by a tanh: leave the quotient as it is": right.tanh(),
    })
    expect_rule("the same amount of light on every pixel must change nothing", answer(images + 0.5), answer(images), 1e-3)
    expect_gradients(answer, losses.local_contrast, [images], {0: "the images"}, numpy=True)


def _contrast(images, mean):
    """Local contrast with another mean than that of the 9 x 9 surroundings."""
    apart = images - mean(images)
    return apart / (mean(apart ** 2) + 0.01).sqrt()


def _reflecting(images):
    return F.avg_pool2d(F.pad(images, (4, 4, 4, 4), mode="reflect"), 9, 1) if min(images.shape[2:]) > 4 else images
