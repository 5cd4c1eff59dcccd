"""The hand in a depth picture without a label: the centre of mass of the nearest surface."""

import numpy as np
import pytest
import torch

from simgan_lib.datasets.hand_centre import hand_centre
from simgan_lib.system.errors import UserError


def picture(*boxes, wall=0):
    """Depth (480, 640) of upright boxes (left, top, right, bottom, mm), each before the ones that come earlier."""
    mm = np.full((480, 640), wall)
    for left, top, right, bottom, depth in boxes:
        mm[top:bottom, left:right] = depth
    return mm


HAND = (101, 301, 180, 400, 800)              # u from 101 to 179, v from 301 to 399: its middle is (140, 350)


def test_a_board_is_found_in_its_middle():
    assert hand_centre(picture(HAND)) == pytest.approx([140, 350, 800])


def test_a_wall_behind_the_cube_does_not_count():
    assert hand_centre(picture(HAND, wall=951)) == pytest.approx([140, 350, 800])


def test_two_boards_meet_at_the_mean_of_their_points_in_space():
    """As many pixels at 800 and at 850 mm, one above the other: the mean is of mm, x = -180 z / 588.03 for both."""
    u, v, z = hand_centre(picture((101, 301, 180, 350, 800), (101, 350, 180, 399, 850)))
    assert (u, z) == pytest.approx((140, 825))
    assert v == pytest.approx(240 + (85 * 800 + 134 * 850) / 2 / 825)                      # rows 325 and 374 are the middles


def test_a_speck_that_is_nearer_is_no_hand():
    """10 x 10 px at 500 mm are 0.72 cm^2; 45 x 45 px are 14.6."""
    assert hand_centre(picture(HAND, (500, 100, 510, 110, 500))) == pytest.approx([140, 350, 800])
    assert hand_centre(picture(HAND, (501, 101, 546, 146, 500))) == pytest.approx([523, 123, 500])


def test_of_two_surfaces_as_near_the_larger_one_is_taken_and_the_other_left_out_of_its_cube():
    other = (501, 101, 560, 160, 790)
    assert hand_centre(picture(HAND, other)) == pytest.approx([140, 350, 800])


def test_a_finger_that_points_at_the_camera_belongs_to_its_hand():
    """24 x 24 px at 720 mm are 8.6 cm^2, too few alone; the other surface is nearer than the palm, but smaller than the hand."""
    u, v, z = hand_centre(picture(HAND, (128, 338, 152, 362, 720), (501, 101, 540, 140, 760)))
    assert (u, v) == pytest.approx((140, 350), abs=1) and 790 < z < 800


def test_a_larger_surface_further_than_a_hand_is_deep_is_not_taken_for_it():
    assert hand_centre(picture((401, 101, 600, 400, 960), HAND)) == pytest.approx([140, 350, 800])


def test_an_arm_that_leads_away_is_left_out_beyond_the_cube_and_pulls_within_it():
    """A board of 79 x 99 px (107 x 135 mm) at 800 mm with an arm of 20 px to its right, 500 px long, at 920 mm."""
    with_arm = picture((101, 301, 601, 321, 920), HAND)
    assert hand_centre(with_arm, cube=180.0) == pytest.approx([140, 350, 800])
    u, v, z = hand_centre(with_arm, cube=300.0)
    assert 145 < u < 170 and 340 < v < 350 and 810 < z < 830


def test_another_camera_s_focal_length_and_centre_are_taken():
    mm = picture((11, 21, 110, 120, 400))[:240, :320]
    assert hand_centre(mm, focal=(300, 300), centre=(160, 120)) == pytest.approx([60, 70, 400])
    with pytest.raises(UserError, match="no hand"):                                        # the same pixels are 8.4 cm^2 there
        hand_centre(mm, focal=(1366, 1366), centre=(160, 120))


@pytest.mark.parametrize("mm, cube, words", [
    (np.zeros((480, 640)), 300, "no hand: expected a connected surface of at least 10 cm.2, found none"),
    (picture((5, 5, 9, 9, 700)), 300, "no hand"),
    (np.full((480, 640, 3), 7), 300, r"depth: expected \(H, W\) of finite mm"),
    (np.full((48, 64), np.nan), 300, "depth: expected"),
    (-picture(HAND), 300, "depth: expected .* from -800.0 on"),
    (picture(HAND), 0, "cube, in mm: expected a number above 0"),
    (picture(HAND), float("nan"), "cube, in mm"),
    (picture((101, 301, 180, 400, 800), (111, 311, 170, 390, 0)), 5, "no hand: nothing lies in the cube of 5 mm"),
    (np.full((48, 64), 2001), 300, "no hand: expected 0 where there is no depth, found 2001"),
    ("depth", 300, "depth: expected .* found 'depth'"),
    ([["700", "700"]], 300, "depth: expected .* found "),
    ([[700], [700, 700]], 300, "depth: expected .* found "),
    (None, 300, "depth: expected .* found None"),
], ids=["nothing", "a speck", "three axes", "NaN", "below 0", "no cube", "NaN cube", "a ring around a small cube",
        "NYU's code for no depth", "a text", "texts", "a ragged list", "None"])
def test_what_shows_no_hand_is_refused_in_one_line(mm, cube, words):
    with pytest.raises(UserError, match=words) as error:
        hand_centre(mm, cube)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("camera, words", [
    ({"focal": (0, 0)}, r"focal: expected \(x, y\), a number above 0 .* found \(0, 0\)"),
    ({"focal": (-588.0, 587.0)}, "focal: "), ({"focal": 588.0}, "focal: .* found 588.0"), ({"focal": ("a", "b")}, "focal: "),
    ({"centre": (float("nan"), 240)}, r"centre: expected \(x, y\), .* found \(nan, 240\)"), ({"centre": (1, 2, 3)}, "centre: ")])
def test_what_is_no_camera_is_refused(camera, words):
    with pytest.raises(UserError, match=words):
        hand_centre(picture(HAND), **camera)


def test_a_tensor_that_learns_is_looked_at_as_any_other():
    mm = torch.from_numpy(picture(HAND)).float().requires_grad_()
    assert hand_centre(mm) == pytest.approx([140, 350, 800])
