"""Checks of notebook 11: real data."""

import torch

from ... import gaze
from ...evaluation import realism
from .base import answer, drawn, expect


def mirrored(mine):
    """The gaze of mirrored images."""
    angles = drawn(6, 2)
    expect(answer(mine, angles), gaze.mirrored(angles), {
        "nothing has changed: left has become right": angles,
        "up stays up in a mirror on the wall": angles * torch.tensor([-1.0, 1.0]),
        "both signs have changed: that eye has been turned by half a turn": -angles,
        "pitch comes first, yaw second": (angles * torch.tensor([-1.0, 1.0])).flip(-1),
        "pitch and yaw are exchanged": gaze.mirrored(angles).flip(-1),
        "the sign is lost: which way did the eye look before?": torch.stack([angles[:, 0], -angles[:, 1].abs()], -1),
    })


def nearest_distance(mine):
    """Each test row's mean |difference| to the nearest training row."""
    test, training = drawn(5, 7), drawn(9, 7, seed=1)
    apart = (test[:, None] - training).abs()                                     # (N, M, D)
    expect(answer(mine, test, training), realism.nearest_distance(test, training), {
        "right shape, wrong value: mean or sum?": apart.sum(2).amin(1),
        "that is the distance to the furthest one": apart.mean(2).amax(1),
        "that is the mean over all training images": apart.mean((1, 2)),
        "squares: that is not the L1 distance": torch.cdist(test, training).amin(1) / 7,
        "the nearest value of each pixel: an image must be near as a whole": apart.amin(1).mean(1),
        "one number for each training image: give one for each test image": apart.mean(2).amin(0),
        "one number for all: give one for each test image": apart.mean(2).amin(1).mean(),
        "all pairs: which is the nearest?": apart.mean(2),
    })
