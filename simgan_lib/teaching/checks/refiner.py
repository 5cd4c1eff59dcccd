"""Checks of notebook 02: refiner and self-regularization."""

import torch
from torch.nn import functional as F

from ... import losses
from .base import check, expect, expect_gradients, expect_rule


@check(losses.self_regularization)
def self_regularization(answer, draw):
    """The L1 distance of refined and synthetic in a feature space, one number an image."""
    shape = draw.images()
    refined, synthetic = draw.values(*shape), draw.values(*shape)
    features = draw.one_of(losses.identity, losses.channel_mean, losses.image_gradients, losses.local_contrast)
    distance = (features(refined) - features(synthetic)).flatten(1)
    arguments = refined, synthetic, features
    expect(answer(*arguments), losses.self_regularization(*arguments), {
        "right shape, wrong value: mean or sum?": distance.abs().mean(1),
        "one number for the whole batch: give one for each image": distance.abs().sum(),
        "one number for the whole batch, and a mean": distance.abs().mean(),
        "squares: that is the L2 norm": distance.square().sum(1),
        "squares and a root: that is the L2 norm": distance.norm(dim=1),
        "pixels that became brighter and pixels that became darker cancel out": distance.sum(1),
        "the absolute value comes too late: the differences have already cancelled out": distance.sum(1).abs(),
        "the pixels are compared, whatever `features` is: compare features(refined) with features(synthetic)":
            (refined - synthetic).abs().flatten(1).sum(1),
        "the features of the difference: take the difference of the features":
            features(refined - synthetic).abs().flatten(1).sum(1),
    })
    expect_gradients(answer, losses.self_regularization, arguments, {0: "refined"})
    if draw.first:                                            # features have a default
        expect(answer(refined, synthetic), losses.self_regularization(refined, synthetic))


@check(losses.channel_mean)
def channel_mean(answer, draw):
    """The mean of the colour channels, which keeps its axis."""
    images = draw.values(*draw.images((3, 1, 4)))
    expect(answer(images), losses.channel_mean(images), {
        "the channel axis is gone: keep it, with length 1": images.mean(1),
        "sum or mean of the channels?": images.sum(1, keepdim=True),
        "that is one colour per image: average over channels only": images.mean((2, 3), keepdim=True),
        "that is the mean over the batch": images.mean(0, keepdim=True),
        "one number for the whole batch": images.mean(),
        "the mean stands there once for each channel: keep one": images.mean(1, keepdim=True).expand_as(images),
        "weights of the eye's brightness: each channel counts the same here":
            (images * torch.tensor([0.299, 0.587, 0.114, 0.0])[:images.shape[1], None, None]).sum(1, keepdim=True),
        "the root of the mean square has no sign: take the mean": images.square().mean(1, keepdim=True).sqrt(),
        "absolute values: take the mean as it is": images.abs().mean(1, keepdim=True),
        "the median: take the mean": images.median(1, keepdim=True).values,
        "the largest: take the mean": images.amax(1, keepdim=True),
        "the middle between the largest and the smallest: take the mean":
            (images.amax(1, keepdim=True) + images.amin(1, keepdim=True)) / 2,
        "only the first channel": images[:, :1],
    })
    expect_rule("the order of the channels must not matter", answer(images.flip(1)), losses.channel_mean(images))
    expect_gradients(answer, losses.channel_mean, [images], {0: "the images"}, numpy=True)


@check(losses.image_gradients)
def image_gradients(answer, draw):
    """Differences of neighbouring pixels, across and down, of the images' size."""
    images = draw.values(*draw.images(least=2))
    right = losses.image_gradients(images)
    channels = images.shape[1]
    across, down = right[:, :channels], right[:, channels:]
    expect(answer(images), right, {
        "across and down are exchanged": right.roll(channels, 1),
        "absolute values forget which side of an edge is bright": right.abs(),
        "left minus right, above minus below: the other way round": -right,
        "only across": across,
        "only down": down,
        "all differences across come first, then all down: not channel by channel":
            right.unflatten(1, (2, channels)).transpose(1, 2).flatten(1, 2),
        "the zeros belong in the last column and the last row": torch.cat([across.roll(1, 3), down.roll(1, 2)], 1),
        "the differences wrap around: the last column minus the first": torch.cat([images.roll(-1, 3), images.roll(-1, 2)], 1)
            - images.repeat(1, 2, 1, 1),
        "across twice: down is missing": torch.cat([across, across], 1),
        "zeros in the last row, too, and of down in the last column": F.pad(right[..., :-1, :-1], (0, 1, 0, 1)),
        "the joined axis is the channels', not the batch's": torch.cat([across, down]),
        "differences of pixels two apart, halved: neighbours are asked":
            torch.cat([torch.gradient(images, dim=3)[0], torch.gradient(images, dim=2)[0]], 1),
    })
    expect_gradients(answer, losses.image_gradients, [images], {0: "the images"}, numpy=True)
