"""The hand that sliders pose: what the values do to it, what is shown and said."""

import base64
import io
import re

import pytest
import torch
from PIL import Image

from simgan_lib.hands import JOINT_NAMES, unprojected
from simgan_lib.simulators.hand_prior import draw_hands
from simgan_lib.simulators.hands import joints_of
from simgan_lib.system.errors import UserError
from simgan_lib.teaching.hand_poser import POSE, hand_sliders, posed, seen


def between(one, other, **values):
    """mm between two joints of a posed hand."""
    points = unprojected(joints_of(posed(**values)))[0]
    return (points[JOINT_NAMES.index(one)] - points[JOINT_NAMES.index(other)]).norm().item()


def test_a_closed_finger_comes_to_the_palm_and_the_others_stay():
    assert between("index tip", "palm", index=100) < 60 < 110 < between("index tip", "palm", index=0)
    assert between("ring tip", "palm", index=100) == between("ring tip", "palm", index=0)


def test_a_closed_thumb_comes_before_the_palm():
    def before(**values):
        places = joints_of(posed(**values))[0, :, 2]
        return (places[JOINT_NAMES.index("palm")] - places[JOINT_NAMES.index("thumb tip")]).item()
    assert before(thumb=100) > before(thumb=0) + 30


def test_spread_parts_straight_fingers_and_no_closed_ones():
    assert between("little tip", "index tip", spread=9) > between("little tip", "index tip", spread=0) + 20
    closed = {"little": 100, "index": 100}
    assert between("little tip", "index tip", spread=9, **closed) == between("little tip", "index tip", spread=0, **closed)


def test_bends_are_blends_of_the_prior_s_states():
    hand = posed(middle=50, thumb=100, roll=12)
    assert [hand[name].item() for name in ("middle_mcp", "middle_pip")] == [40.0, 51.0]            # (0, 2) and (80, 100)
    assert [hand[f"thumb_{name}"].item() for name in ("abduction", "opposition", "mcp", "ip")] == [25, 45, 35, 45]
    assert hand["roll"].item() == 12 and len(hand) == 1


@pytest.mark.parametrize("values, words", [
    ({"elbow": 3}, "pose: expected turn, tilt, .* spread, found elbow"),
    ({"index": float("nan")}, "index: expected a number of at least 0 and at most 100, found nan"),
    ({"index": 1e4}, "index: .* found 10000"), ({"index": -50}, "index: .* found -50"),
    ({"thumb": "bent"}, "thumb: .* found 'bent'"), ({"spread": 9.5}, "spread: .* at most 9, found 9.5")])
def test_a_pose_that_the_sliders_do_not_reach_is_refused(values, words):
    with pytest.raises(UserError, match=words):
        posed(**values)


def test_of_several_hands_none_is_shown():
    with pytest.raises(UserError, match="expected one hand, found 2"):
        seen(draw_hands(2, torch.Generator().manual_seed(0)))
    with pytest.raises(UserError, match="seed: expected a whole number .* found None"):
        seen(posed(), seed=None)


def test_a_fist_hides_its_finger_tips_and_an_open_hand_none():
    fist = dict.fromkeys(("thumb", "index", "middle", "ring", "little"), 100)
    said = seen(posed(**fist, turn=90), joints=False, size=(48, 48))[1]
    assert "Hidden joints:" in said and "middle tip" in said.split("Hidden joints:")[1]
    figure, said = seen(posed(), size=(48, 48))
    assert said.endswith("Hidden joints: none.") and [len(axes.images) for axes in figure.axes] == [1, 1]
    assert all(len(axes.lines) > 13 for axes in figure.axes)


def test_a_seed_brings_the_same_camera_again():
    def camera(seed):
        return seen(posed(), False, seed, (48, 48))[0].axes[1].images[0].get_array()
    assert (camera(1) == camera(1)).all() and (camera(1) != camera(2)).any()


def test_moving_any_slider_changes_the_hand_and_its_words():
    box = hand_sliders(size=(48, 48))
    assert [control.description for control in box.controls] == [*POSE, "joints"]
    for control in box.controls:
        before, start = box.image.value, control.value
        control.value = not start if control.description == "joints" else control.max
        assert box.image.value != before, control.description
        if control.description != "joints":
            control.value = start
    alternative, png = re.search(r'alt="([^"]*)".*base64,([^"]*)"', box.image.value).groups()
    assert "exact depth" in alternative and "Hidden joints" in box.label.value
    width, height = Image.open(io.BytesIO(base64.b64decode(png))).size
    assert width <= 380 and height > width                                    # a column of 380 px stands beside the sliders
    for control, range_ in zip(box.controls, POSE.values()):
        assert (control.min, control.max) == (range_.low, range_.high)
