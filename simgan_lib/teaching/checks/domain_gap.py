"""Checks of notebook 01: simulator and domain gap."""

import torch

from ... import gaze
from ...images import to_float as library_to_float
from .base import answer, drawn, expect


def to_float(mine):
    """uint8 images to float in [-1, 1]."""
    images = torch.randint(256, (3, 1, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images[0, 0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    expect(answer(mine, images), library_to_float(images), {
        "the values lie in [0, 1]; a tanh reaches from -1 to 1": images / 255,
        "the values are not scaled: type is not range": images,
        "the values lie in [-0.5, 0.5]: as wide as what?": images / 255 - 0.5,
        "256 or 255: which value must become exactly 1?": images / 128 - 1,
        "uint8 arithmetic wraps around: convert first": images * 2 - 1,
    })


def gaze_vector(mine):
    """(pitch, yaw) to unit vectors."""
    angles = drawn(6, 2)
    right = gaze.gaze_vector(angles)
    degrees = gaze.gaze_vector(torch.deg2rad(angles))
    expect(answer(mine, angles), right, {
        "pitch: the image's y axis points down": right * torch.tensor([1, -1, 1]),
        "yaw: positive is to the image's left": right * torch.tensor([-1, 1, 1]),
        "the gaze goes into the head: which way does z point?": right * torch.tensor([1, 1, -1]),
        "all three signs are reversed": -right,
        "pitch and yaw are exchanged": gaze.gaze_vector(angles.flip(-1)),
        "the angles are radians already": degrees,
    })


def angular_error_deg(mine):
    """The angle between two gaze directions, in degrees."""
    ours, truth = 0.5 * drawn(8, 2), 0.5 * drawn(8, 2, seed=1)
    right = gaze.angular_error_deg(ours, truth)
    a, b = gaze.gaze_vector(ours), gaze.gaze_vector(truth)
    expect(answer(mine, ours, truth), right, {
        "right angle, wrong unit: radians": torch.deg2rad(right),
        "that is the distance in the plane of pitch and yaw, not the angle between the directions":
            torch.rad2deg((ours - truth).norm(dim=-1)),
        "that is the cosine of the angle": (a * b).sum(-1),
        "that is the distance of the vectors' tips": (a - b).norm(dim=-1),
        "one number for all: give one for each pair": right.mean(),
    })
