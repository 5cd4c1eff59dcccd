"""The statistics of depth cameras: on pictures whose answers are counted by hand, and on the real frame."""

import numpy as np
import pytest
from PIL import Image

from simgan_lib.evaluation import depth_noise
from simgan_lib.system.errors import UserError

NONE = np.nan


def wall(*lines):
    return np.array(lines, float)


SMALL = wall([NONE, 735, 735, NONE, 980],
             [740, 735, NONE, 737, 980],
             [740, 740, 737, 737, NONE],
             [NONE, 741, 737, 739, NONE])


# ---- the hand ----
def test_the_hand_is_the_largest_piece_within_the_cube():
    mm = np.full((9, 11), 1000.0)
    mm[2:5, 1:4], mm[6:8, 6:11], mm[0, 10] = 700, 720, 710        # 9 pixels, 10 pixels, 1 pixel
    hand = depth_noise.hand_mask(mm, 715)
    assert hand.sum() == 10 and hand[6:8, 6:11].all()
    assert depth_noise.hand_mask(mm, 1000, cube=20).sum() == 79


def test_a_picture_without_a_hand_is_named():
    with pytest.raises(UserError, match="500 mm away: expected depth within 150 mm"):
        depth_noise.hand_mask(SMALL, 500)


# ---- counts ----
def test_the_step_is_the_mean_gap_between_values_that_occur():
    """735, 737, 739, 740, 741: 6 / 4.  980 is too far away."""
    assert depth_noise.quantization_step(SMALL, 738) == 1.5
    assert np.isnan(depth_noise.quantization_step(SMALL, 980))


def test_missing_pixels_are_counted_in_all_and_where_asked():
    assert depth_noise.missing_share(SMALL) == 6 / 20
    assert depth_noise.missing_share(SMALL, SMALL[::-1] == 980) == 1        # the two lower pixels of the last column


def test_the_pixels_beside_a_hand_surround_it():
    hand = np.zeros((8, 9), bool)
    hand[3, 2] = True
    ring = depth_noise.beside(hand, 2)
    assert ring.sum() == 24 and ring[1:6, 0:5].sum() == 24 and not ring[3, 2]


def test_equal_neighbours_of_one_hand_in_rows_and_in_columns():
    """Rows: 735=735, 740-735, 740=740, 740-737, 737=737, 741-737, 737-739: 3 of 7.  Columns: 740=740, 735=735, 735-740,
    740-741, 737=737, 737=737, 737-739: 4 of 7."""
    hand = np.abs(SMALL - 738) < 100
    assert depth_noise.equal_neighbours(SMALL, hand) == (3 / 7, 4 / 7)


def test_second_differences_are_counted_in_steps():
    """Steps of 2 mm.  Rows 730 730 732 734 734: |1 -1 2|: 2 0 2; and 730 738 730: 16."""
    mm = wall([730, 730, 732, 734, 734], [NONE, 730, 738, 730, NONE], [732, 734, 736, 738, 740])
    beyond, above = depth_noise.second_differences(mm, ~np.isnan(mm))
    assert beyond == 0 and above == 1 / 7                          # 1 0 1 | 8 | 0 0 0
    rough = wall([730, 738, 730, 738, 732])                        # steps of 4 mm; 4 4 3.5, of which one is a step
    assert depth_noise.second_differences(rough, rough > 0) == (3, 1)


def test_holes_are_what_the_hand_encloses():
    mm = np.full((10, 12), NONE)
    mm[2:8, 3:10] = 750
    mm[4, 5:7] = NONE                                              # inside
    mm[2, 3] = NONE                                                # a corner is outside
    assert depth_noise.holes(mm, mm == 750) == 2 / 41


# ---- the outline ----
def outlined(edge, width=90):
    """A hand whose first column in each row is `edge`."""
    return np.arange(width) >= np.rint(edge)[:, None]


def test_a_smooth_outline_has_only_its_rounding_left():
    """Rounding to pixels leaves 1 / sqrt(12) = 0.29 px."""
    rows = np.arange(100)
    jitter, _ = depth_noise.silhouette_residual(outlined(30.3 + 0.21 * rows - 0.0017 * rows**2))
    assert jitter == pytest.approx(0.29, abs=0.04)


def test_an_outline_that_jumps_in_pairs_of_rows_is_told_with_its_correlation():
    """Each step of two rows up or down is alike in its pair: half of all neighbours agree, none two rows apart."""
    steps = np.repeat(np.random.default_rng(5).choice([-1, 1], 60), 2)
    jitter, together = depth_noise.silhouette_residual(outlined(40 + steps))
    assert jitter == pytest.approx(1, abs=0.1) and together[0] == pytest.approx(0.5, abs=0.2)
    assert len(together) == 4 and all(abs(value) < 0.3 for value in together[1:])


def test_only_the_longest_stretch_without_a_jump_is_measured():
    ragged = np.tile([20, 22], 25)
    jitter, _ = depth_noise.silhouette_residual(outlined(np.r_[ragged, np.full(70, 60), ragged - 10]))
    assert jitter < 1e-9


def test_an_outline_too_short_to_say_says_nothing():
    jitter, together = depth_noise.silhouette_residual(outlined(np.full(39, 12)))
    assert np.isnan(jitter) and np.isnan(together).all()


# ---- the shadow ----
def test_the_shadow_is_measured_from_the_hand_to_what_lies_behind():
    """44,100 (1 / 750 - 1 / 1050) = 16.8 px; a gap of 40 px is no shadow, nor one before a surface 50 mm behind."""
    mm = np.full((5, 70), NONE)
    mm[:4, 7:20] = 750
    mm[0, 31:], mm[1, 34:], mm[2, 60:], mm[3, 30:] = 1050, 1050, 1050, 800
    seen, predicted = depth_noise.shadow_widths(mm, mm == 750, 44_100)
    assert seen.tolist() == [11, 14] and predicted.tolist() == pytest.approx([16.8, 16.8])


def test_without_anything_behind_there_is_no_shadow():
    mm = np.full((5, 20), NONE)
    mm[1:3, 4:9] = 750
    seen, predicted = depth_noise.shadow_widths(mm, mm == 750, 44_100)
    assert len(seen) == len(predicted) == 0


@pytest.mark.parametrize("mm", [np.ones((2, 3, 4)), np.ones((3, 4), int), [[1.0]], None])
@pytest.mark.parametrize("measure", [lambda mm: depth_noise.hand_mask(mm, 1), lambda mm: depth_noise.quantization_step(mm, 1),
                                     depth_noise.missing_share, lambda mm: depth_noise.equal_neighbours(mm, None),
                                     lambda mm: depth_noise.second_differences(mm, None), lambda mm: depth_noise.holes(mm, None),
                                     lambda mm: depth_noise.shadow_widths(mm, None, 1)])
def test_what_is_no_picture_of_depth_is_refused(measure, mm):
    with pytest.raises(UserError, match=r"depth: expected a float array \(H, W\)"):
        measure(mm)


@pytest.mark.parametrize("mask, found", [(np.ones((5, 4), bool), r"bool \(5, 4\)"), (np.ones((4, 5)), r"float64 \(4, 5\)"),
                                         ([1], "list")])
@pytest.mark.parametrize("measure", [depth_noise.missing_share, depth_noise.equal_neighbours, depth_noise.second_differences,
                                     depth_noise.holes, lambda mm, hand: depth_noise.shadow_widths(mm, hand, 1.0)])
def test_a_mask_of_another_kind_or_size_is_refused(measure, mask, found):
    with pytest.raises(UserError, match=rf"mask: expected bool \(4, 5\), found {found}"):
        measure(SMALL, mask)


@pytest.mark.parametrize("measure", [depth_noise.beside, depth_noise.silhouette_residual])
@pytest.mark.parametrize("mask, found", [(np.ones((4, 5)), "float64"), (np.ones(5, bool), r"bool \(5,\)"), (None, "NoneType")])
def test_an_outline_needs_a_mask(measure, mask, found):
    with pytest.raises(UserError, match=rf"mask: expected bool \(H, W\), found {found}"):
        measure(mask)


HAND = ~np.isnan(SMALL)


@pytest.mark.parametrize("work, words", [
    (lambda: depth_noise.missing_share(np.empty((0, 4))), r"depth: expected mm above 0.* found no pixels \(0, 4\)"),
    (lambda: depth_noise.missing_share(wall([1, np.inf])), "depth: expected mm above 0, finite, .* found 1 to inf"),
    (lambda: depth_noise.hand_mask(wall([0, 735]), 700), "depth: expected mm above 0.* found 0 to 735"),
    (lambda: depth_noise.holes(SMALL, HAND & False), "mask: expected at least one pixel, found none"),
    (lambda: depth_noise.silhouette_residual(HAND & False), "mask: expected at least one pixel, found none"),
    (lambda: depth_noise.equal_neighbours(SMALL, SMALL == 741), "mask: expected 2 neighbours in a row, found none"),
    (lambda: depth_noise.equal_neighbours(SMALL[:1], SMALL[:1] == 735), "mask: expected 2 neighbours in a column, found none"),
    (lambda: depth_noise.second_differences(SMALL[:, :2], HAND[:, :2]), "mask: expected 3 neighbours in a row, found none"),
    (lambda: depth_noise.hand_mask(SMALL, "near"), "middle, in mm: expected a number above 0 .* found 'near'"),
    (lambda: depth_noise.hand_mask(SMALL, NONE), "middle, in mm: .* found nan"),
    (lambda: depth_noise.hand_mask(SMALL, 735, cube=-3), "cube, in mm: .* found -3"),
    (lambda: depth_noise.quantization_step(SMALL, "735"), "near, in mm: .* found '735'"),
    (lambda: depth_noise.quantization_step(SMALL, 735, within=0), "within, in mm: .* found 0"),
    (lambda: depth_noise.beside(HAND, 0), "steps: expected a whole number from 1 to 1,000, found 0"),
    (lambda: depth_noise.beside(HAND, -1), "steps: .* found -1"),
    (lambda: depth_noise.beside(HAND, 2.5), "steps: .* found 2.5"),
    (lambda: depth_noise.shadow_widths(SMALL, HAND, NONE), "strength: expected a number above 0 .* found nan"),
    (lambda: depth_noise.shadow_widths(SMALL, HAND, -44_100), "strength: .* found -44100"),
])
def test_what_cannot_be_measured_is_refused(work, words):
    with pytest.raises(UserError, match=words):
        work()


def test_second_differences_of_two_depths_have_no_step_to_be_counted_in():
    assert np.isnan(depth_noise.second_differences(wall([700, 701, 700, 701]), np.ones((1, 4), bool))).all()


# ---- the real frame ----
def test_the_real_frame_has_the_statistics_that_were_measured_on_it_before(samples):
    """In the cube of 300 mm around the mean of its joints, (217.7, 238.7) px, 760.4 mm."""
    path = samples / "NYU" / "test" / "depth_1_0000001.png"
    if not path.is_file():
        pytest.skip(f"no real depth: {path} does not exist")
    pixels = np.asarray(Image.open(path)).astype(float)
    mm = 256 * pixels[..., 1] + pixels[..., 2]
    mm[mm == 2001] = np.nan
    cube = mm[123:356, 102:335]
    hand = depth_noise.hand_mask(cube, 760.4)
    assert [depth_noise.quantization_step(mm, z) for z in (800, 1000, 1500)] == pytest.approx([1.87, 2.87, 6.9], abs=0.16)
    assert depth_noise.missing_share(mm) == pytest.approx(0.61, abs=0.005)
    assert depth_noise.missing_share(cube, depth_noise.beside(hand)) == pytest.approx(0.92, abs=0.015)
    assert depth_noise.equal_neighbours(cube, hand) == pytest.approx((0.71, 0.74), abs=0.03)
    assert depth_noise.second_differences(cube, hand)[0] == 0
    jitter, together = depth_noise.silhouette_residual(hand)
    assert jitter == pytest.approx(0.98, abs=0.02) and together == pytest.approx((0.74, 0.48, 0.29, 0.13), abs=0.03)
    assert depth_noise.holes(cube, hand) == pytest.approx(0.0009, abs=0.0002)
    seen, predicted = depth_noise.shadow_widths(cube, hand, 588 * 75)
    assert np.median(seen) == pytest.approx(11, abs=2) and np.median(predicted) == pytest.approx(15.9, abs=1)
