"""Errors of hand joints in mm and pixels, worked out by hand; shares, curves and intervals of them."""

import numpy as np
import pytest
import torch

from simgan_lib.evaluation.hands import (
    crop_errors_mm,
    crop_errors_px,
    error_curve,
    error_curve_interval,
    frame_blocks,
    hand_report,
    joint_errors_mm,
    joint_errors_px,
    kept_in_place,
    report_by_person,
)
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

# Two frames of two joints, u, v px and z mm.  The last joint stands for the palm.
TRUE = np.array([[[378.803, 122.586, 1000.0], [420.0, 200.0, 588.03]], [[100.0, 50.0, 700.0], [90.0, 60.0, 800.0]]])
# Four frames of three joints.
ERRORS = np.array([[1.0, 5.0, 3.0], [2.0, 2.0, 2.0], [0.0, 0.0, 9.0], [6.0, 6.0, 6.0]])


# ---- errors ----
def test_errors_in_mm_are_of_points_in_space():
    """The first joint is at (100, -200, 1000) mm; 10 mm further on the same ray it is at (101, -202, 1010)."""
    predicted = TRUE + [[[0, 0, 10], [3, 4, 0]], [[0, 0, 0], [0, 0, 0]]]
    found = joint_errors_mm(predicted, TRUE)
    assert found.shape == (2, 2)
    assert found[0] == pytest.approx([105**0.5, (9 + (4 * 588.03 / 587.07)**2)**0.5], abs=1e-3)
    assert (found[1] == 0).all()


def test_errors_in_pixels_are_of_a_crop_at_the_palm_s_depth_and_do_not_look_at_depth():
    """300 mm at 800 mm are 220.51 px of the camera, so one of 64 is 3.4455; the palm of the first frame is at 588.03."""
    predicted = TRUE + [[[0, 0, 99], [9.375, 0, 0]], [[6.8910, 0, 0], [0, 3.4398, -50]]]
    assert joint_errors_px(predicted, TRUE) == pytest.approx(np.array([[0, 2], [2, 1]]), abs=1e-4)
    assert joint_errors_px(predicted[..., :2], TRUE) == pytest.approx(np.array([[0, 2], [2, 1]]), abs=1e-4)
    assert joint_errors_px(predicted, TRUE, 224) == pytest.approx(np.array([[0, 7], [7, 3.5]]), abs=1e-3)
    assert joint_errors_px(predicted, TRUE, cube=150) == pytest.approx(np.array([[0, 4], [4, 2]]), abs=1e-4)


def crops(joints, cube=(400.0, 150.0, 900.0, 240.0)):
    return ImageSet(torch.zeros(len(joints), 1, 96, 128, dtype=torch.uint8),
                    {"joints": torch.tensor(joints), "cube": torch.tensor([cube] * len(joints))})


def test_errors_of_crops_know_how_many_mm_a_pixel_is_at_the_joint_s_depth():
    """240 mm are 128 px across and 96 down: 1.875 and 2.5 mm a pixel at the cube's middle, 900 mm, and more at 930."""
    hands = crops([[[10.0, 80.0, 30.0], [63.5, 47.5, 0.0]]])
    predicted = torch.tensor([[[12.0, 77.0, 30.0], [63.5, 47.5, 0.0]]])
    across, down = 2 * 1.875 * 930 / 900, 3 * 2.5 * 930 / 900
    assert crop_errors_mm(predicted, hands) == pytest.approx(np.array([[np.hypot(across, down), 0]]), abs=1e-3)
    assert crop_errors_px(predicted, hands) == pytest.approx(np.array([[0.8 * 5**0.5, 0]]), abs=1e-5)   # 1 and 2 of 64 in 240 mm
    assert crop_errors_px(predicted[..., :2], hands, 224) == pytest.approx(np.array([[2.8 * 5**0.5, 0]]), abs=1e-5)


def test_a_joint_too_deep_in_a_crop_moves_along_its_ray():
    """The middle of the cube is at x = (400 - 320) * 900 / 588.03 = 122.44, y = -137.97; 9 mm deeper it is 1 % further out."""
    found = crop_errors_mm([[[63.5, 47.5, 9.0]]], crops([[[63.5, 47.5, 0.0]]]))
    assert found == pytest.approx(np.array([[(1.2244**2 + 1.3797**2 + 81)**0.5]]), abs=1e-3)


def test_each_crop_has_its_own_cube():
    """120 mm across 128 px in the second: half as many mm a pixel."""
    hands = crops([[[70.0, 40.0, 0.0]], [[70.0, 40.0, 0.0]]])
    hands.labels["cube"][1] = torch.tensor([100.0, 300.0, 700.0, 120.0])
    found = crop_errors_mm(hands.labels["joints"] + torch.tensor([8.0, 0, 0]), hands)
    assert found == pytest.approx(np.array([[15], [7.5]]), abs=1e-3)


def test_pixels_are_those_of_a_crop_of_300_mm_whatever_the_cube():
    """8 of 128 px are 4 of 64; in a cube of 120 mm they are 0.4 times as far."""
    hands = crops([[[70.0, 40.0, 0.0]], [[70.0, 40.0, 0.0]]])
    hands.labels["cube"][:, 3] = torch.tensor([300.0, 120.0])
    found = crop_errors_px(hands.labels["joints"] + torch.tensor([8.0, 0, 0]), hands)
    assert found == pytest.approx(np.array([[4], [1.6]]), abs=1e-5)


# ---- shares and curves ----
def test_a_frame_is_within_d_if_its_largest_error_is_at_most_d():
    assert error_curve(ERRORS, [0, 2, 4.999, 5, 6, 8.999, 9]).tolist() == [0, 25, 25, 50, 75, 75, 100]


def test_the_other_metrics_are_of_mean_errors_and_of_single_joints():
    assert error_curve(ERRORS, [1.9, 2, 3, 5.9, 6], "mean").tolist() == [0, 25, 75, 75, 100]            # means 3, 2, 3, 6
    assert error_curve(ERRORS, [0, 2, 9], "joint") == pytest.approx([100 * 2 / 12, 100 * 6 / 12, 100])


@pytest.mark.parametrize("metric", ["max", "mean", "joint"])
def test_the_interval_of_a_curve_holds_it_and_closes_at_its_end(metric):
    errors = np.random.default_rng(0).exponential(size=(60, 3))
    within = [0.7, 1.5, errors.max()]
    (low, high), curve = error_curve_interval(errors, within, metric), error_curve(errors, within, metric)
    assert (low[:2] < curve[:2]).all() and (curve[:2] < high[:2]).all() and low[2] == high[2] == 100
    same = error_curve_interval(errors, within, metric, groups=["block"] * 60)
    assert np.isnan(same).all()


def test_all_joints_of_a_block_are_drawn_together():
    """One block is right and one is wrong; two draws of blocks may be of either alone."""
    low, high = error_curve_interval([[1, 1, 1], [2, 2, 2], [8, 8, 8], [9, 9, 9]], [5], "joint", ["a", "a", "b", "b"])
    assert (low.tolist(), high.tolist()) == ([0], [100])


def test_the_report_names_the_metric_and_the_unit():
    report = hand_report({"mm": 10 * ERRORS, "heat_map_px": ERRORS}, {"mm": (20, 50.5), "heat_map_px": (5,), "inch": (1,)})
    assert list(report) == ["joint_error_mm", "max_within_20_mm", "max_within_50.5_mm", "joint_error_heat_map_px",
                            "max_within_5_heat_map_px"]
    assert report["joint_error_mm"]["mean"] == pytest.approx(35) and report["joint_error_mm"]["n"] == 4
    assert [report[name]["mean"] for name in ("max_within_20_mm", "max_within_50.5_mm", "max_within_5_heat_map_px")] == [25, 50, 50]
    assert all(found["low"] <= found["mean"] <= found["high"] for found in report.values())
    assert hand_report({"mm": ERRORS}) == hand_report({"mm": torch.tensor(ERRORS)})


def test_blocks_of_near_duplicates_widen_the_interval():
    errors = np.repeat(np.random.default_rng(0).exponential(size=(30, 1)), 100, axis=0)
    blocks = frame_blocks(range(1, 3001), ["1"] * 3000)
    alone, together = (hand_report({"mm": errors}, groups=groups)["joint_error_mm"] for groups in (None, blocks))
    assert 7 < (together["high"] - together["low"]) / (alone["high"] - alone["low"]) < 13          # sqrt(100)


def test_blocks_hold_100_frames_of_one_person_from_all_cameras():
    frames = ["0002440", "0002441", "0002441", "0002400", "0002401"]
    assert frame_blocks(frames, ["1", "2", "2", "1", "1"]).tolist() == ["1-24", "2-24", "2-24", "1-23", "1-24"]


def test_each_person_is_reported_apart():
    report = report_by_person({"mm": ERRORS}, ["3", "1", "1", "3"], within={"mm": (5,)}, groups=["a", "b", "c", "a"])
    assert list(report) == ["all", "1", "3"]
    assert [report[who]["joint_error_mm"]["mean"] for who in report] == pytest.approx([3.5, 2.5, 4.5])
    assert [report[who]["max_within_5_mm"]["mean"] for who in report] == [50, 50, 50]
    assert report["3"]["joint_error_mm"]["low"] is None and report["1"]["joint_error_mm"]["low"] == 2          # one block, two


# ---- bad input ----
NAN, BEHIND = TRUE.copy(), TRUE.copy()
NAN[1, 0, 2], BEHIND[0, 1, 2] = np.nan, -3
WRONG = {
    "another number of joints": (TRUE[:, :1], TRUE, r"expected as many predicted as true .* found \(2, 1, 3\) and \(2, 2, 3\)"),
    "another number of frames": (TRUE[:1], TRUE, "expected as many predicted"),
    "four numbers a joint": (np.ones((2, 2, 4)), TRUE, "expected as many predicted"),
    "one frame without its axis": (TRUE[0], TRUE[0], "expected as many predicted"),
    "a predicted NaN": (NAN, TRUE, "predicted joints: expected finite numbers, found nan in frame 1"),
    "a true NaN": (TRUE, NAN, "true joints: expected finite numbers, found nan in frame 1"),
    "nothing": (None, None, "predicted joints: expected finite numbers, found None"),
    "texts": (TRUE, [[["u", "v", "z"]]], "true joints: expected finite numbers, found "),
    "ragged": ([[[1, 2, 3], [1, 2]]], TRUE, "predicted joints: expected finite numbers, found "),
    "behind the camera": (TRUE, BEHIND, "true joints: expected z above 0 mm.* found -3"),
}


@pytest.mark.parametrize("measure", [joint_errors_mm, joint_errors_px])
@pytest.mark.parametrize("predicted, truth, words", WRONG.values(), ids=WRONG)
def test_joints_that_cannot_be_compared_are_refused_in_one_line(measure, predicted, truth, words):
    with pytest.raises(UserError, match=words) as error:
        measure(predicted, truth)
    assert "\n" not in str(error.value)


def test_errors_in_mm_need_depth():
    with pytest.raises(UserError, match=r"\(N, J, 3\) and \(N, J, 3\), found \(2, 2, 2\)"):
        joint_errors_mm(TRUE[..., :2], TRUE)


@pytest.mark.parametrize("options", [{"pixels": 0}, {"pixels": float("nan")}, {"cube": -1}, {"cube": float("inf")}])
def test_a_crop_without_size_is_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        joint_errors_px(TRUE, TRUE, **options)


@pytest.mark.parametrize("measure", [crop_errors_mm, crop_errors_px])
def test_crops_that_cannot_be_compared_are_refused_in_one_line(measure):
    hands = crops([[[10.0, 80.0, 30.0], [63.5, 47.5, 0.0]]])
    for predicted, words in ((np.zeros((1, 14, 3)), r"expected predicted ones of \(1, 2, 3\), found \(1, 14, 3\)"),
                             (np.full((1, 2, 3), np.inf), "predicted joints: expected finite numbers, found inf in frame 0"),
                             (np.zeros((1, 2, 4)), "expected predicted ones")):
        with pytest.raises(UserError, match=words):
            measure(predicted, hands)
    with pytest.raises(UserError, match="expected a label joints, found cube"):
        measure(np.zeros((1, 2, 3)), ImageSet(hands.images, {"cube": hands.labels["cube"]}))


def test_errors_of_crops_in_mm_need_the_cube_that_was_cut_out_and_those_in_pixels_do_not():
    hands = crops([[[10.0, 80.0, 30.0], [63.5, 47.5, 0.0]]])
    without = ImageSet(hands.images, {"joints": hands.labels["joints"]})
    assert crop_errors_px(hands.labels["joints"], without).tolist() == [[0, 0]]
    with pytest.raises(UserError, match=r"expected cube \(4,\), found joints \(2, 3\)"):
        crop_errors_mm(hands.labels["joints"], without)


@pytest.mark.parametrize("errors", [np.zeros((0, 14)), np.zeros((3, 0)), np.zeros(3), -ERRORS, [[np.nan]]],
                         ids=["no frame", "no joint", "one axis", "below 0", "NaN"])
def test_errors_that_are_none_are_refused(errors):
    for measure, given in ((error_curve, (errors, [1])), (error_curve_interval, (errors, [1])), (hand_report, ({"mm": errors},))):
        with pytest.raises(UserError, match="errors: expected"):
            measure(*given)


def test_metrics_thresholds_groups_and_frames_that_are_none_are_refused():
    two = {"mm": ERRORS, "heat_map_px": ERRORS[:3]}
    for measure, words in ((lambda: error_curve(ERRORS, [1], "median"), "metric: expected one of max, mean, joint, found 'median'"),
                           (lambda: error_curve(ERRORS, [1], ["max"]), "metric: expected one of"),
                           (lambda: error_curve(ERRORS, "abc"), "within: expected a list of numbers of at least 0, found 'abc'"),
                           (lambda: error_curve("abc", [1]), "errors: expected finite numbers, found 'abc'"),
                           (lambda: error_curve_interval(ERRORS, [1], seed=-1), "seed: expected a whole number .* found -1"),
                           (lambda: hand_report({"mm": ERRORS}, seed=-1), "seed: expected a whole number .* found -1"),
                           (lambda: hand_report([1, 2]), r"errors: expected {unit: \(N, J\)}, found \[1, 2\]"),
                           (lambda: hand_report({}), "errors: expected {unit"),
                           (lambda: hand_report(two), "errors: expected as many frames in each unit, found 4 in mm, 3 in"),
                           (lambda: hand_report({"mm": ERRORS}, within=[1]), r"within: expected {unit: thresholds}, found \[1\]"),
                           (lambda: report_by_person({"mm": ERRORS}, None), "persons: expected 4 names, one a frame, found None"),
                           (lambda: report_by_person({}, []), "errors: expected {unit"),
                           (lambda: report_by_person(two, ["1"] * 4), "errors: expected as many frames in each unit"),
                           (lambda: report_by_person({"mm": ERRORS}, ["1"] * 4, groups=["a"]), "groups: expected 4 names"),
                           (lambda: frame_blocks([1, 2], None), "persons: expected 2 names"),
                           (lambda: error_curve(ERRORS, [1, np.nan]), "within: expected a list of numbers of at least 0"),
                           (lambda: error_curve(ERRORS, 5), "within: expected a list"),
                           (lambda: hand_report({"mm": ERRORS}, groups=["a"]), r"expected 4 names, one a frame, found \(1,\)"),
                           (lambda: error_curve_interval(ERRORS, [1], groups=["a"]), "expected 4 names"),
                           (lambda: report_by_person({"mm": ERRORS}, ["1"]), "expected 4 names"),
                           (lambda: frame_blocks([0], ["1"]), "frames: expected whole numbers from 1 on"),
                           (lambda: frame_blocks(["1.5"], ["1"]), "frames: expected whole numbers from 1 on"),
                           (lambda: frame_blocks([1, 2], ["1"]), "expected 2 names")):
        with pytest.raises(UserError, match=words):
            measure()


def pair(before, after, cube=300.0, seen=((0.2, 0.1), (1.0, 0.0), (5.0, 0.0), (0.0, 1.0)), visible=(True, False, True, True)):
    """ImageSets of one hand each, 2x2 pixels, and the joints (x, y) that the camera sees."""
    labels = {"joints": torch.tensor([[[*place, 0.0] for place in seen]]), "visible": torch.tensor([visible]),
              "cube": torch.tensor([[320.0, 240.0, 800.0, cube]])}
    images = [torch.tensor([[each]], dtype=torch.uint8) for each in (before, after)]
    return ImageSet(images[0], labels), ImageSet(images[1], {"joints": labels["joints"]})


@pytest.mark.parametrize("cube, kept", [(300.0, 0), (150.0, 50)])
def test_what_is_kept_in_place_by_hand(cube, kept):
    """Of two pixels of a hand one is lost, the other is 10 levels deeper: 10 / 255 of the cube, 11.8 or 5.9 mm.  Of four joints
    one is hidden and one outside; one is at the pixel that moved, one at the hole.  A third pixel is painted."""
    found = kept_in_place(*pair([[100, 255], [50, 255]], [[110, 255], [255, 7]], cube))
    assert found == pytest.approx({"hand_kept_percent": kept, "painted_percent": 50, "joints_kept_percent": kept,
                                   "joint_depth_mm": 10 / 255 * cube})


def test_what_cannot_be_compared_is_refused():
    hand, same = pair([[100, 255], [50, 255]], [[100, 255], [50, 255]])
    assert kept_in_place(hand, hand)["hand_kept_percent"] == 100
    for wrong in ({"visible": hand.labels["visible"]}, {"joints": hand.labels["joints"]}):
        with pytest.raises(UserError, match="expected refined ones of the same hands, and synthetic labels joints and visible"):
            kept_in_place(ImageSet(hand.images, wrong | {"cube": hand.labels["cube"]}), same)
    with pytest.raises(UserError, match="found images .1, 1, 2, 1. and .1, 1, 2, 2."):
        kept_in_place(hand, ImageSet(hand.images[..., :1], same.labels))
    with pytest.raises(UserError, match="expected refined ones of the same hands"):
        kept_in_place(hand, ImageSet(hand.images, {"joints": hand.labels["joints"] + 1}))
    with pytest.raises(UserError, match="labels of hands: expected cube"):
        kept_in_place(ImageSet(hand.images), same)
    for empty in (pair([[255, 255], [255, 255]], [[1, 1], [1, 1]]), pair([[1, 1], [1, 1]], [[1, 1], [1, 1]], visible=[False] * 4)):
        with pytest.raises(UserError, match="expected a hand, and a visible joint where both show something; found none"):
            kept_in_place(*empty)


def test_a_cube_of_no_width_or_behind_the_camera_is_no_perfect_score():
    hand, _ = pair([[100, 255], [50, 255]], [[100, 255], [50, 255]])
    for number, wrong in ((3, 0.0), (3, -300.0), (2, 0.0), (0, float("nan"))):
        cube = hand.labels["cube"].clone()
        cube[0, number] = wrong
        hands = ImageSet(hand.images, hand.labels | {"cube": cube})
        for measure in (crop_errors_px, crop_errors_mm):
            with pytest.raises(UserError, match="^label cube: expected finite u, v and z, width above 0 mm, found"):
                measure(hand.labels["joints"], hands)
