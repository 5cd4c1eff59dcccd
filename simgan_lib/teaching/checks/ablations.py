"""Checks of notebook 07: ablations."""

import torch
from scipy.stats import t

from ...evaluation import artefacts, statistics
from .base import check, expect, expect_rule

# Mean differences in half widths of the right interval.  Each slip has another half width, and a step of the ladder shows it.
LADDER = (0.1, 0.25, 0.33, 0.38, 0.42, 0.5, 0.6, 0.7, 0.78, 0.9, 1.1, 1.3, 2.0, 3.5, 8.0)


@check(statistics.beyond_seeds)
def beyond_seeds(answer, draw):
    """Which settings differ from the base by more than seeds do: 1, -1 or 0."""
    _seeds(answer, draw, *_results(draw, draw.one_of(3, 2, 4, 5, 8), luck=draw.one_of(20, 1)))
    if draw.first:
        _seeds(answer, draw, *_results(draw, 8, luck=1))         # little luck: the seeds' order differs from setting to setting


def _seeds(answer, draw, values, base):
    difference, n = values - base, len(base)
    mean, sd, root = difference.mean(1), difference.std(1), n**0.5
    right, quantile = torch.from_numpy(statistics.beyond_seeds(values, base)), t.ppf(0.975, n - 1)

    def beyond(reach, middle=mean):
        return (middle > reach).long() - (middle < -reach).long()

    expect(answer(values, base), right, {
        "larger and smaller are exchanged: what minus the base?": -right,
        "larger or smaller? -1 says that a setting is smaller": right.abs(),
        "only what is larger is marked; smaller is -1": right.clamp(min=0),
        "those are the settings that do *not* differ beyond seeds": 1 - right.abs(),
        "every difference counts, however much the seeds scatter": mean.sign(),
        "the seeds' own luck is still in it: take the differences seed by seed first":
            beyond(t.ppf(0.975, 2 * n - 2) * (values.var(1) / n + base.var() / n).sqrt()),
        "that asks whether the values differ from 0, not from the base": beyond(quantile * values.std(1) / root, values.mean(1)),
        "1.96 is for many seeds: few seeds know their own scatter badly": beyond(1.96 * sd / root),
        "one standard error is no 95 % interval": beyond(sd / root),
        "one standard deviation is no 95 % interval": beyond(sd),
        "that is how single seeds scatter: a mean of n scatters less": beyond(quantile * sd),
        "the standard deviation of a sample: divide by n - 1, not by n": beyond(quantile * difference.std(1, correction=0) / root),
        "the root of n, not of n - 1": beyond(quantile * sd / max(n - 1, 1)**0.5),
        "5 % in all, half of it on each side": beyond(t.ppf(0.95, n - 1) * sd / root),
        "with n values, n - 1 degrees of freedom": beyond(t.ppf(0.975, n) * sd / root),
        "that asks whether the seeds agree on the sign: three do so by luck in one case of four":
            difference.sign().sum(1).div(n).trunc().long(),
    })
    order, luck = draw.order(n), base.mean() * draw.values(n).double()
    expect_rule("what a seed does to the base and to all settings must fall out", answer(values + luck, base + luck), right)
    expect_rule("the order of the seeds must not matter", answer(values[:, order], base[order]), right)
    expect_rule("with all signs turned, larger becomes smaller", answer(-values, -base), -right)


def _results(draw, n, luck):
    """values (K, n) and base (n,), float64, of seeds with much luck or little.  None is on the edge, and the last is the base."""
    chosen = draw.order(len(LADDER))[:draw.one_of(len(LADDER), 1, 5)]
    scatter = draw.one_of(0.1, 0.003, 1.0)
    base = draw.number(100, 200) * scatter + luck * scatter * draw.values(n).double()
    noise = draw.values(len(chosen), n).double()
    noise = (noise - noise.mean(1, keepdim=True)) / noise.std(1, keepdim=True)
    shift = torch.tensor(LADDER, dtype=torch.float64)[chosen] * t.ppf(0.975, n - 1) / n**0.5
    sign = (1 - 2 * (chosen % 2)) * (1 - 2 * draw.integer(0, 1))                      # as many larger as smaller ones
    difference = scatter * ((sign * shift)[:, None] + noise)
    return torch.cat([base + difference, base[None]]), base


@check(artefacts.diversity)
def diversity(answer, draw):
    """How much images of a set differ from each other: 0 when all are the same."""
    n, shape = draw.one_of(6, 2, 3, 9), draw.images((3, 1), least=2)[1:]
    images = draw.pixels(n, *shape) // draw.one_of(1, 2, 60) + draw.one_of(0, 100)
    images[:1 + draw.one_of(1, n - 1, 0)] = images[:1].clone()                    # two alike, or all, or none
    if not draw.first:
        images[..., 0] = images[:1, ..., 0].clone()                               # pixels that are the same in all images
    pixels = images.float()
    over_images = pixels.std(0)
    expect(answer(images), artefacts.diversity(images), {
        "that is the contrast within images: a set of copies of one image would have it, too": pixels.flatten(1).std(1).mean(),
        "all gray levels in one heap: a set of copies of one image would have that, too": pixels.std(),
        "that is how much the images' mean brightness differs: take each pixel by itself first": pixels.mean((1, 2, 3)).std(),
        "one number for each pixel: take their mean": over_images,
        "the median over the pixels: take their mean": over_images.median(),
        "the sum over the pixels: take their mean": over_images.sum(),
        "the length of the vector of deviations: take their mean": over_images.norm(),
        "the variance, in squares of gray levels: take the standard deviation": pixels.var(0).mean(),
        "the mean must come last: root of the mean variance is another number": pixels.var(0).mean().sqrt(),
        "the mean of the distances from the mean image: a standard deviation is the root of their mean square":
            (pixels - pixels.mean(0)).abs().mean(),
        "brightest minus darkest: take the standard deviation": (pixels.amax(0) - pixels.amin(0)).mean(),
        "gray levels run from 0 to 255 here: leave them so": (over_images / 127.5).mean(),
        "gray levels run from 0 to 255 here, not from 0 to 1: leave them so": (over_images / 255).mean(),
        "the standard deviation of a sample: divide by n - 1 (torch does so by default)": pixels.std(0, correction=0).mean(),
        "rounded to whole gray levels: leave the number as it is": over_images.mean().round(),
        "whole numbers wrap around at 255: make them float before you subtract":
            (images - pixels.mean(0).to(torch.uint8)).float().square().sum(0).div(n - 1).sqrt().mean(),
    })
    darker = images // 2
    expect_rule("the order of the images must not matter", answer(images[draw.order(n)]), answer(images))
    expect_rule("as much light more in all images makes them no more diverse", answer(darker + 50), answer(darker))
