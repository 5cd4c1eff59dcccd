"""Checks of notebook 01: simulator and domain gap."""

import math

import torch

from ... import gaze
from .base import Wrong, check, expect, expect_rule, plain, same, wrong_if

MORE_AXES = "more than two axes come out wrong: count from the last axis, as in [..., 0]; or let them raise an error"


def angles(draw, *shape):
    """Pitch and yaw (..., 2) in radians, within 80 degrees."""
    return draw.values(*shape, 2, scale=1.4)


@check(gaze.gaze_vector)
def gaze_vector(answer, draw):
    """(pitch, yaw) to unit vectors, in the camera's axes."""
    given = angles(draw, draw.one_of(6, 1, 2, 3, 5)).to(draw.one_of(torch.float32, torch.float64))
    right = gaze.gaze_vector(given)
    (pitch, yaw), (x, y, z) = given.unbind(-1), right.unbind(-1)
    expect(answer(given), right, {
        "pitch: the image's y axis points down": right * torch.tensor([1, -1, 1]),
        "yaw: positive is to the image's left": right * torch.tensor([-1, 1, 1]),
        "the gaze goes into the head: which way does z point?": right * torch.tensor([1, 1, -1]),
        "all three signs are reversed": -right,
        "the gaze goes into the head, and up is down": right * torch.tensor([1, -1, -1]),
        "the gaze goes into the head, and left is right": right * torch.tensor([-1, 1, -1]),
        "left is right, and up is down": right * torch.tensor([-1, -1, 1]),
        "pitch and yaw are exchanged": gaze.gaze_vector(given.flip(-1)),
        "the angles are radians already": gaze.gaze_vector(torch.deg2rad(given)),
        "the axes are in another order: x, y, z": torch.stack([x, z, y], -1),
        "z comes last, not first": torch.stack([z, x, y], -1),
        "sine and cosine are exchanged": gaze.gaze_vector(math.pi / 2 - given),
        "that holds for small angles only": torch.stack([-yaw, -pitch, -torch.ones_like(yaw)], -1),
        "x: an eye that looks up sees less far to the side": torch.stack([-yaw.sin(), y, z], -1),
        "z: an eye that looks up sees less far ahead": torch.stack([x, y, -yaw.cos()], -1),
        "x and z: an eye that looks up sees less far to the side and ahead": torch.stack([-yaw.sin(), y, -yaw.cos()], -1),
        "yaw turns about the vertical axis: that changes nothing in y": torch.stack([-yaw.sin(), -pitch.sin() * yaw.cos(), z], -1),
        "the three numbers of a vector belong on the last axis": right.mT,
        "the vectors are joined end to end: `stack` makes a new axis, `cat` does not": torch.cat([x, y, z], -1),
    })
    expect_rule("with the yaw to the other side, x changes its sign, and nothing else changes",
                answer(given * given.new_tensor([1, -1])), right * torch.tensor([-1, 1, 1]))
    more = angles(draw, 3, 4)
    try:
        found = plain(answer(more))
    except Wrong:
        return
    wrong_if(not same(found, plain(gaze.gaze_vector(more)), 1e-3), MORE_AXES)


@check(gaze.angular_error_deg)
def angular_error_deg(answer, draw):
    """The angle between two gaze directions, in degrees."""
    kind = draw.one_of(torch.float32, torch.float64)                              # the same of both
    ours, truth = angles(draw, 400).to(kind), angles(draw, 400).to(kind)
    apart = gaze.angular_error_deg(ours, truth)
    acute, obtuse = ((apart > 30) & (apart < 85)).nonzero()[:, 0], ((apart > 95) & (apart < 150)).nonzero()[:, 0]
    few, many = draw.one_of((5, 3), (0, 1), (1, 2), (1, 1), (0, 2))                # three of them: as many as a vector's numbers
    some = torch.cat([acute[:few], obtuse[:many]])
    ours, truth, right = ours[some], truth[some], apart[some]
    a, b, away = gaze.gaze_vector(ours), gaze.gaze_vector(truth), ours - truth
    expect(answer(ours, truth), right, {
        "right angle, wrong unit: radians": torch.deg2rad(right),
        "degrees of degrees: the angle was turned into degrees twice": torch.rad2deg(right),
        "that is the distance in the plane of pitch and yaw, not the angle between the directions":
            torch.rad2deg(away.norm(dim=-1)),
        "that is the distance in the plane of pitch and yaw, and in radians": away.norm(dim=-1),
        "pitch and yaw are added: that is no angle between directions": torch.rad2deg(away.abs().sum(-1)),
        "that is the cosine of the angle": (a * b).sum(-1),
        "that is the cosine, in degrees": torch.rad2deg((a * b).sum(-1)),
        "one minus the cosine is no angle": torch.rad2deg(1 - (a * b).sum(-1)),
        "that is the distance of the vectors' tips": (a - b).norm(dim=-1),
        "that is the distance of the vectors' tips, in degrees": torch.rad2deg((a - b).norm(dim=-1)),
        "half of the angle": right / 2,
        "angles beyond 90 degrees fold back: the sine alone does not tell them apart": torch.where(right > 90, 180 - right, right),
        "angles beyond 90 degrees come out negative: give atan2 both parts": torch.where(right > 90, right - 180, right),
        "that is the angle's complement: the sine and the cosine are exchanged": 90 - right,
        "that is the angle to the opposite direction: check a sign": 180 - right,
        "one number for all: give one for each pair": right.mean(),
        "one axis too many: give (N,), not (N, 1)": right[..., None],
    }, tolerance=2e-5)
    expect_rule("the order of the two gazes must not matter", answer(truth, ours), right, tolerance=2e-5)
    near = angles(draw, 80).to(kind)
    close = near + draw.one_of(0.0, 1e-6, 1e-3)
    apart = plain(answer(near, close)) - gaze.angular_error_deg(near, close)
    wrong_if(apart.isnan().any(), "some equal gazes give nan: rounding takes a cosine beyond 1, where acos has no value")
    wrong_if(apart.abs().max() > 0.1, f"of nearly equal gazes the angle is off by {apart.abs().max():.2g} degrees")
