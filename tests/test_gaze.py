"""Gaze conventions: MPIIGaze's camera axes, and errors that are angles."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.gaze import angular_error_deg, calibrated_error_deg, gaze_angles, gaze_vector, mirrored

PITCH = st.floats(-1.5, 1.5)                       # short of straight up and down, where yaw means nothing
GAZE = st.tuples(PITCH, st.floats(-3.1, 3.1)).map(lambda pair: torch.tensor(pair, dtype=torch.float64))


@pytest.mark.parametrize("gaze, vector", [
    ((0, 0), (0, 0, -1)),                                             # into the camera
    ((0.3, 0), (0, -math.sin(0.3), -math.cos(0.3))),                  # up: y points down
    ((-0.3, 0), (0, math.sin(0.3), -math.cos(0.3))),
    ((0, 0.3), (-math.sin(0.3), 0, -math.cos(0.3))),                  # to the image's left: x points right
    ((0, -0.3), (math.sin(0.3), 0, -math.cos(0.3)))])
def test_axes(gaze, vector):
    torch.testing.assert_close(gaze_vector(torch.tensor(gaze)), torch.tensor(vector).float())
    torch.testing.assert_close(gaze_angles(torch.tensor(vector).float()), torch.tensor(gaze).float())


@given(GAZE, st.floats(0.01, 100))
def test_angles_to_vector_and_back(gaze, length):
    vector = gaze_vector(gaze)
    assert abs(vector.norm() - 1) < 1e-12
    torch.testing.assert_close(gaze_angles(length * vector), gaze, atol=1e-9, rtol=0)


def test_any_leading_shape():
    gaze = torch.rand(2, 3, 5, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    assert gaze_vector(gaze).shape == (2, 3, 5, 3) and gaze_angles(gaze_vector(gaze)).shape == gaze.shape
    assert angular_error_deg(gaze, gaze).shape == (2, 3, 5)


@given(GAZE)
def test_mirrored_twice_is_the_same_and_once_flips_x(gaze):
    assert torch.equal(mirrored(mirrored(gaze)), gaze)
    x, y, z = gaze_vector(gaze)
    torch.testing.assert_close(gaze_vector(mirrored(gaze)), torch.stack([-x, y, z]))


@given(GAZE, GAZE)
def test_error_is_the_angle_between_the_vectors(a, b):
    error = angular_error_deg(a, b)
    cosine = (gaze_vector(a) * gaze_vector(b)).sum()
    assert abs(torch.cos(torch.deg2rad(error)) - cosine) < 1e-9
    assert 0 <= error <= 180
    torch.testing.assert_close(error, angular_error_deg(b, a), atol=1e-9, rtol=0)


@given(st.floats(-1.4, 1.4), st.floats(1e-7, 1.0))
def test_tiny_errors_keep_their_digits(pitch, degrees):
    a = torch.tensor([0.0, pitch], dtype=torch.float64)
    b = a + torch.tensor([0.0, math.radians(degrees)], dtype=torch.float64)
    assert abs(angular_error_deg(a, b) / degrees - 1) < 1e-6
    assert angular_error_deg(a, a) < 1e-12


def test_yaw_counts_less_when_looking_up():
    """10 degrees of yaw at 60 degrees of pitch are about 5 degrees of gaze: angles are not subtracted."""
    a, b = torch.deg2rad(torch.tensor([[60.0, 0.0], [60.0, 10.0]]))
    assert 4.9 < angular_error_deg(a, b) < 5.1


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_a_calibration_removes_a_constant_offset_and_nothing_else(pitch, yaw):
    truth = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)).double() * 0.4 - 0.2
    noise = 0.02 * torch.randn(50, 2, generator=torch.Generator().manual_seed(1)).double()
    offset = torch.tensor([pitch, yaw]).double()
    assert calibrated_error_deg(truth + offset, truth).max() < 1e-6
    torch.testing.assert_close(calibrated_error_deg(truth + noise + offset, truth), calibrated_error_deg(truth + noise, truth))
    assert calibrated_error_deg(truth + noise, truth).mean() > 1
