"""Gaze as two angles or as a unit vector, in MPIIGaze's camera convention.

Camera axes: x right, y down, z away from the camera.  The vector points from the eye to what it looks at,
so an eye that looks into the camera has the vector (0, 0, -1).  Taught in: notebook 01.
"""

import torch


def gaze_vector(gaze):
    """(pitch, yaw) in radians, (..., 2)  ->  unit vectors (..., 3).

    >>> gaze_vector(torch.tensor([0.0, 0.0])).tolist()
    [-0.0, -0.0, -1.0]
    """
    pitch, yaw = gaze[..., 0], gaze[..., 1]
    return torch.stack([-pitch.cos() * yaw.sin(), -pitch.sin(), -pitch.cos() * yaw.cos()], -1)


def gaze_angles(vector):
    """Vectors (..., 3) of any positive length  ->  (pitch, yaw) in radians, (..., 2).

    Looking down is negative pitch; looking to the image's left is positive yaw.
    """
    unit = torch.nn.functional.normalize(vector, dim=-1)
    pitch = torch.asin((-unit[..., 1]).clamp(-1, 1))
    return torch.stack([pitch, torch.atan2(-unit[..., 0], -unit[..., 2])], -1)


def angular_error_deg(ours, truth):
    """Angle in degrees between two sets of gaze angles: (..., 2) and (..., 2)  ->  (...).

    Computed in float64 with atan2, which stays exact for tiny angles where acos loses all digits.
    """
    a, b = gaze_vector(ours.double()), gaze_vector(truth.double())
    cross = torch.linalg.cross(a, b, dim=-1).norm(dim=-1)
    return torch.rad2deg(torch.atan2(cross, (a * b).sum(-1)))


def calibrated_error_deg(ours, truth):
    """`angular_error_deg` of (N, 2) after the mean difference is taken away, one offset for all: what a calibration removes.

    Where people look differs by some degrees from where their pupils point, from person to person (the angle kappa);
    without that person's labels no estimator can know it.
    """
    return angular_error_deg(ours - (ours - truth).mean(0), truth)


def mirrored(gaze):
    """The gaze (pitch, yaw) of the left-right mirrored image: yaw changes sign."""
    return gaze * gaze.new_tensor([1.0, -1.0])
