"""Checks of notebook 02: refiner and self-regularization."""

from ... import losses
from .base import answer, drawn, expect


def self_regularization(mine):
    """The L1 distance of refined and synthetic, one number an image."""
    refined, synthetic = drawn(4, 1, 5, 6), drawn(4, 1, 5, 6, seed=1)
    distance = (refined - synthetic).flatten(1)
    expect(answer(mine, refined, synthetic), losses.self_regularization(refined, synthetic), {
        "right shape, wrong value: mean or sum?": distance.abs().mean(1),
        "one number for the whole batch: give one for each image": distance.abs().sum(),
        "one number for the whole batch, and a mean": distance.abs().mean(),
        "squares: that is the L2 norm": distance.square().sum(1),
        "squares and a root: that is the L2 norm": distance.norm(dim=1),
        "pixels that became brighter and pixels that became darker cancel out": distance.sum(1),
        "the absolute value comes too late: the differences have already cancelled out": distance.sum(1).abs(),
    })


def channel_mean(mine):
    """The mean of the colour channels, which keeps its axis."""
    images = drawn(3, 3, 4, 5)
    expect(answer(mine, images), losses.channel_mean(images), {
        "the channel axis is gone: keep it, with length 1": images.mean(1),
        "sum or mean of the channels?": images.sum(1, keepdim=True),
        "that is one colour per image: average over channels only": images.mean((2, 3), keepdim=True),
        "that is the mean over the batch": images.mean(0, keepdim=True),
    })


def image_gradients(mine):
    """Differences of neighbouring pixels, across and down, of the images' size."""
    images = drawn(3, 1, 4, 5)
    right = losses.image_gradients(images)
    expect(answer(mine, images), right, {
        "across and down are exchanged": right.flip(1),
        "absolute values forget which side of an edge is bright": right.abs(),
        "left minus right, above minus below: the other way round": -right,
        "only across": right[:, :1],
        "only down": right[:, 1:],
    })
