"""Checks of notebook 13: hypercolumns, and intersection over union."""

import torch
from torch.nn import functional as F

from ...evaluation import masks
from ...neighbours import hypercolumns
from .base import check, expect, expect_rule, wrong_if


@check(hypercolumns.hypercolumn)
def hypercolumn(answer, draw):
    """Inner maps of several sizes, each stretched to the image's, one after the other."""
    height, width = (9, 13) if draw.first else (draw.integer(7, 12), draw.integer(7, 12))
    n, shrunk = draw.one_of(2, 1, 3), draw.one_of((4, 2, 1), (3, 1), (2, 2), (5, 3, 2), (1,))
    maps = [draw.values(n, 2 + at, max(2, height // by), max(2, width // by)) for at, by in enumerate(shrunk)]
    right, found = hypercolumns.hypercolumn(maps, (height, width)), answer(maps, (height, width))
    wrong_if(isinstance(found, (list, tuple)), "one tensor is asked: join the stretched maps along their channels")
    expect(found, right, _wrongly_laid(maps, (height, width)))
    level = [torch.full_like(each, 1.0 + at) for at, each in enumerate(maps)]
    expect_rule("a map of one value must stay so: each map fills the whole image", answer(level, (height, width)),
                hypercolumns.hypercolumn(level, (height, width)))


def _wrongly_laid(maps, size):
    """{sentence: what this mistake makes of the maps}."""
    def each(how):
        return torch.cat([how(one) for one in maps], 1)

    def cornered(one):
        return F.pad(one, (0, size[1] - one.shape[3], 0, size[0] - one.shape[2]))

    def rolled_in(one):
        return F.interpolate(one.mT, size, mode="bilinear", align_corners=False)
    return {
        "nearest neighbours: thin parts come out in steps, up to half a coarse pixel from their place":
            hypercolumns.hypercolumn(maps, size, "nearest"),
        "nearest neighbours by whole factors, cut at the edge: maps of other sizes lie beside their place": each(
            lambda one: _repeated(one, size)),
        "align_corners=True lays the middles of the corner pixels on one another and pulls the rest outwards":
            hypercolumns.hypercolumn(maps, size, "corners"),
        "bicubic: it overshoots at an edge; bilinear stays between the values": each(
            lambda one: F.interpolate(one, size, mode="bicubic", align_corners=False)),
        "averages of areas: bilinear is asked": each(lambda one: F.interpolate(one, size, mode="area")),
        "a small map is laid into the corner: stretch it over the whole image": each(cornered),
        "rows and columns of the maps are exchanged": each(rolled_in),
        "the maps stand in the reverse order": hypercolumns.hypercolumn(maps[::-1], size),
        "only the first map is there": hypercolumns.hypercolumn(maps[:1], size),
        "only the last map is there": hypercolumns.hypercolumn(maps[-1:], size),
        "height and width of the image are exchanged": hypercolumns.hypercolumn(maps, size[::-1]),
        "each map is scaled: its values should stay": each(lambda one: F.interpolate(
            (one - one.mean((2, 3), keepdim=True)) / (one.std((2, 3), keepdim=True) + 1e-6), size, mode="bilinear")),
    }


def _repeated(one, size):
    factors = [-(-side // small) for side, small in zip(size, one.shape[2:])]
    return one.repeat_interleave(factors[0], 2).repeat_interleave(factors[1], 3)[..., :size[0], :size[1]]


@check(masks.part_iou)
def part_iou(answer, draw):
    """Intersection over union of each part, over all pixels of all images; NaN for a part that is nowhere."""
    classes, shape = draw.one_of(4, 2, 3, 6), (draw.one_of(3, 1, 2), draw.integer(4, 8), draw.integer(4, 8))
    true, predicted = (_mask(draw, shape, classes) for _ in range(2))
    last = draw.one_of("in both", "in neither", "predicted only", "true only", "masks are equal")
    true[:, 0, 0] = predicted[:, 0, 0] = classes - 1                               # the last part is there, where it may be
    if last in ("in neither", "predicted only"):
        true = true.clamp(max=classes - 2)
    if last in ("in neither", "true only"):
        predicted = predicted.clamp(max=classes - 2)
    if last == "masks are equal":
        predicted = true.clone()
    right = masks.part_iou(predicted, true, classes)
    expect(answer(predicted, true, classes), right, _wrongly_counted(predicted, true, classes))
    expect_rule("what is predicted and what is true may be exchanged: nothing may change", answer(true, predicted, classes), right)


def _mask(draw, shape, classes):
    """Masks in which parts differ in size, from image to image, too."""
    chance = torch.rand(shape[0], classes, generator=draw.generator) ** 2 + 0.1
    return torch.multinomial(chance, shape[1] * shape[2], replacement=True, generator=draw.generator).reshape(shape)


def _wrongly_counted(predicted, true, classes):
    """{sentence: what this mistake gives}."""
    there = torch.arange(classes)[:, None, None, None]
    found, wanted = (predicted == there), (true == there)                          # (classes, n, h, w)
    both, either = (found & wanted).double(), (found | wanted).double()
    pixels, per_image = (1, 2, 3), (2, 3)
    p, t, inter = found.double().sum(pixels), wanted.double().sum(pixels), both.sum(pixels)
    right, of_images = inter / either.sum(pixels), both.sum(per_image) / either.sum(per_image)
    return {
        "a part that is nowhere gets NaN: neither right nor wrong can be said of it": right.nan_to_num(0.0),
        "a part that is nowhere gets NaN, not 1": right.nan_to_num(1.0),
        "a part that is predicted where there is none is wrong: 0, not NaN": torch.where(t > 0, right, torch.nan),
        "a part that is there and not predicted is wrong: 0, not NaN": torch.where(p > 0, right, torch.nan),
        "that is the mean over images: an eye nearly shut would count as much as an open one; add up pixels first":
            of_images.nanmean(1),
        "that is the mean over images, and a part that is missing in one counts as 0: add up pixels first":
            of_images.nan_to_num(0.0).mean(1),
        "the share of the part's pixels that were found: wrongly claimed pixels must cost, too": inter / t,
        "the share of the claimed pixels that are right: missed pixels must cost, too": inter / p,
        "that is Dice, twice the intersection over the sum: divide by the union": 2 * inter / (p + t),
        "the union counts what both have twice: take it off once": inter / (p + t),
        "the union is what at least one of them has, not the larger of the two": inter / torch.maximum(p, t),
        "the union is what at least one of them has, not the smaller of the two": inter / torch.minimum(p, t),
        "divided by all pixels: divide by the union": inter / true.numel(),
        "pixels that neither has count as right: a small part would always look good":
            ((found == wanted).double().sum(pixels)) / true.numel(),
        "what differs, over the union: asked is what agrees": 1 - right,
        "union over intersection: it is upside down": 1 / right,
    }
