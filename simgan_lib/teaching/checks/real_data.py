"""Checks of notebook 11: real data."""

import math

import torch

from ... import gaze
from ...evaluation import realism
from .base import check, expect, expect_rule, plain


@check(gaze.mirrored)
def mirrored(answer, draw):
    """The gaze of mirrored images."""
    angles = draw.values(draw.one_of(6, 1, 2, 11), 2, scale=draw.one_of(0.6, 0.01, 1.2))
    pitch, yaw = angles.unbind(1)
    right = gaze.mirrored(angles)
    expect(answer(angles), right, {
        "nothing has changed: left has become right": angles,
        "up stays up in a mirror on the wall": -right,
        "both signs have changed: that eye has been turned by half a turn": -angles,
        "pitch and yaw are exchanged: pitch comes first": right.flip(1),
        "pitch and yaw are exchanged, and which of them has changed its sign?": torch.stack([yaw, -pitch], 1),
        "pitch and yaw are exchanged, without a change of sign": angles.flip(1),
        "the sign is lost: which way did the eye look before?": torch.stack([pitch, -yaw.abs()], 1),
        "the sign is lost: an eye may look to both sides": torch.stack([pitch, yaw.abs()], 1),
        "the yaw is gone: a mirrored eye still looks aside": torch.stack([pitch, 0 * yaw], 1),
        "half a turn less the yaw: yaw is 0 straight ahead, in the mirror, too": torch.stack([pitch, math.pi - yaw], 1),
        "a quarter of a turn less the yaw: yaw is 0 straight ahead, in the mirror, too": torch.stack([pitch, math.pi / 2 - yaw], 1),
        "the images are in another order: give each its own gaze": right.flip(0),
        "the images are in another order, and no sign has changed": angles.flip(0),
        "only the first image is mirrored": torch.cat([right[:1], angles[1:]]),
        "a row for each angle: give a row for each image": right.T,
    })
    expect_rule("the mirror image of the mirror image is the eye itself", answer(right), angles)


def near_by_squares(draw, image, step):
    """13 rows near an image (D,).  One differs in a single pixel: by L1 it is the nearest, by L2 the others are."""
    away = step * draw.values(13, len(image)).sign()
    away[0] = 0
    away[0, draw.integer(0, len(image) - 1)] = 0.9 * len(image) * step
    return image + away


@check(realism.nearest_distance)
def nearest_distance(answer, draw):
    """Each test row's mean |difference| to the nearest training row."""
    n, m, pixels = draw.one_of((15, 40, 7), (1, 1, 1), (1, 9, 3), (8, 2, 30), (30, 60, 2))
    size = draw.one_of(1.0, 0.01, 120.0)
    test, training = (size * (1 + draw.values(rows, pixels)) for rows in (n, m))
    if pixels > 1:
        training = torch.cat([training, near_by_squares(draw, test[0], 0.05 * size)])[draw.order(m + 13)]
    apart = (test[:, None] - training).abs()                                      # (n, m, pixels)
    right, each = realism.nearest_distance(test, training), torch.arange(n)
    by_square, by_angle = (apart ** 2).sum(2).argmin(1), torch.cosine_similarity(test[:, None], training, dim=2).argmax(1)
    expect(answer(test, training), right, {
        "right shape, wrong value: mean or sum?": apart.sum(2).amin(1),
        "divided by the number of test images: divide by the number of pixels": apart.sum(2).amin(1) / n,
        "divided by the number of training images: divide by the number of pixels": apart.sum(2).amin(1) / len(training),
        "that is the distance to the furthest one": apart.mean(2).amax(1),
        "that is the distance to the second nearest": apart.mean(2).sort(1).values[:, min(1, m - 1)],
        "that is the mean over all training images": apart.mean((1, 2)),
        "that is the distance to the mean of the training images": (test - training.mean(0)).abs().mean(1),
        "squares: that is not the L1 distance": torch.cdist(test, training).amin(1) / pixels,
        "squares and a root: that is not the L1 distance": torch.cdist(test, training).amin(1),
        "the mean of squares: that is not the L1 distance": (apart ** 2).mean(2).amin(1),
        "the largest difference of a pixel: take the mean over the pixels": apart.amax(2).amin(1),
        "nearest by squares, then its L1 distance: look for the nearest by L1": apart.mean(2)[each, by_square],
        "nearest by angle, then its L1 distance: look for the nearest by L1": apart.mean(2)[each, by_angle],
        "the differences' signs cancel out: take absolute values first": (test[:, None] - training).mean(2).abs().amin(1),
        "the nearest value of each pixel: an image must be near as a whole": apart.amin(1).mean(1),
        "that is *which* one is the nearest: asked is how near": apart.mean(2).argmin(1),
        "one number for each training image: give one for each test image": apart.mean(2).amin(0),
        "one number for all: give one for each test image": apart.mean(2).amin(1).mean(),
        "one number for all, the smallest: give one for each test image": apart.mean(2).min(),
        "all pairs: which is the nearest?": apart.mean(2),
    })
    expect_rule("the order of the training images must not matter", answer(test, training.flip(0)), right)
    expect_rule("as much light more in all images must change nothing", answer(test + size, training + size), right, 1e-3)
    twin = plain(answer(test, torch.cat([training, test[:1]])))[0]
    expect(twin, 0.0, {"a test image that is in the training set has a twin at 0": right[0]})
