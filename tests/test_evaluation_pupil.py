"""The estimate of the pupil's centre: checked on exact labels before it judges a refiner."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import io
from skimage.measure import CircleModel

from simgan_lib.evaluation import masks, pupil
from simgan_lib.evaluation.masks import PUPIL, part_centres, pupil_centre
from simgan_lib.evaluation.pupil import (
    estimator_error,
    iris_ellipses,
    mask_shifts,
    mean_shift,
    pupil_centres,
    pupil_shift,
    pupil_shifts,
    summary,
)
from simgan_lib.simulators.camera import photograph, stand_in
from simgan_lib.simulators.eyes import simulate


@pytest.fixture(scope="module")
def synthetic():
    return simulate(80, seed=1)


def drawn_iris(centre, axes, size=(35, 55)):
    """A dark ellipse on white, its edge one pixel soft: uint8 (1, 1, H, W)."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    radius = torch.hypot((x - centre[0]) / axes[0], (y - centre[1]) / axes[1])
    inside = ((1 - radius) * min(axes) + 0.5).clamp(0, 1)
    return (220 - 190 * inside).round().to(torch.uint8)[None, None]


def test_the_centre_of_a_drawn_iris_is_found_to_a_tenth_of_a_pixel():
    for centre, axes in (((27.3, 17.6), (8.6, 8.6)), ((20.8, 15.2), (7.6, 8.8)), ((33.1, 19.0), (8.9, 8.0))):
        x, y, a, b, angle = iris_ellipses(drawn_iris(centre, axes))[0].tolist()
        assert (x, y) == pytest.approx(centre, abs=0.1)
        assert sorted((a, b)) == pytest.approx(sorted(axes), abs=0.5)


def test_the_error_on_exact_labels_is_known_and_small(synthetic):
    own = estimator_error(synthetic)                  # ten seeds: mean 0.24 to 0.33, failed up to 0.03
    assert own["mean"] < 0.45 and own["sd"] < 0.8 and own["failed"] <= 0.1


def test_it_also_works_where_the_pupil_cannot_be_told_from_the_iris():
    own = estimator_error(stand_in(80, seed=2))       # ten seeds: mean 0.49 to 0.61, failed up to 0.11
    assert own["mean"] < 0.9 and own["failed"] <= 0.2


def test_a_change_of_tone_does_not_move_the_pupil(synthetic):
    darker = (255 * (synthetic.images / 255) ** 1.5).round().to(torch.uint8)
    shift = pupil_shift(synthetic, darker)
    assert shift["mean"] < 0.3 and shift["failed"] <= 0.1


def test_a_bad_camera_hardly_moves_the_pupil(synthetic):
    seen = replace(synthetic, images=photograph(synthetic.images, torch.Generator().manual_seed(0)))
    shift = pupil_shift(synthetic, seen)
    assert shift["mean"] < 1.0 and shift["n"] >= 64   # ten seeds: mean 0.45 to 0.66, n 70 to 77


@pytest.mark.parametrize("size", [(35, 55), (70, 110)])
def test_a_shift_is_measured_with_its_direction_in_pixels_at_55_px_width(size):
    before = simulate(20, seed=3, size=size)
    scale = size[1] // 55
    after = before.images.roll((scale, 2 * scale), dims=(2, 3))
    moved = pupil_shifts(before, after)
    moved = moved[moved.isfinite().all(1)]
    assert len(moved) >= 16
    torch.testing.assert_close(moved.median(0).values, torch.tensor([2.0, 1.0]), atol=0.1, rtol=0)


def test_nothing_to_see_is_a_failure_and_no_number():
    flat = torch.full((2, 1, 35, 55), 128, dtype=torch.uint8)
    assert pupil_centres(flat).isnan().all()
    found = pupil_shift(flat, flat)
    assert found["n"] == 0 and found["failed"] == 1 and math.isnan(found["mean"])


def test_an_image_is_measured_alike_alone_and_among_others(synthetic):
    together = pupil_centres(synthetic[:6])
    alone = torch.cat([pupil_centres(synthetic[i]) for i in range(6)])
    torch.testing.assert_close(alone, together, equal_nan=True, atol=1e-4, rtol=0)
    assert torch.equal(pupil_centres(synthetic[:6]), together)


def test_colour_images_are_measured_as_gray(synthetic):
    in_colour = synthetic.images[:6].expand(-1, 3, -1, -1)
    gray = pupil_centres(synthetic[:6])
    torch.testing.assert_close(pupil_centres(in_colour), gray, equal_nan=True, atol=1e-3, rtol=0)


def test_the_summary_counts_failures_apart():
    found = summary(torch.tensor([[3.0, 4.0], [0.0, 1.0], [math.nan, 1.0], [math.nan, math.nan]]))
    assert found == {"mean": 3.0, "sd": 2.0, "n": 2, "failed": 0.5}


def test_a_mean_shift_is_in_pixels_at_55_px_width():
    before = torch.tensor([[10.0, 10.0], [20.0, 20.0], [math.nan, 0.0]])
    assert mean_shift(before, before + torch.tensor([6.0, 8.0]), width=110) == pytest.approx(5)


# ---- by exact masks ----
def test_an_exact_mask_lies_on_its_own_image(synthetic):
    own = summary(mask_shifts(synthetic))                     # seeds 1 and 2: mean 0.27, 0.28
    assert own["mean"] < 0.4 and own["failed"] <= 0.03


@pytest.mark.parametrize("size", [(35, 55), (70, 110)])
def test_a_moved_image_is_found_by_its_mask_with_direction_and_scale(size):
    eyes = simulate(20, seed=3, size=size)
    scale = size[1] // 55
    moved = replace(eyes, images=eyes.images.roll((scale, 2 * scale), dims=(2, 3)))
    torch.testing.assert_close(mask_shifts(moved).nanmedian(0).values, torch.tensor([2.0, 1.0]), atol=0.2, rtol=0)


def test_masks_see_eyes_of_the_other_domain_where_they_are():
    own = summary(mask_shifts(stand_in(80, seed=2)))            # seeds 1 and 2: mean 0.56
    assert own["mean"] < 0.8 and own["failed"] <= 0.05


def test_an_eye_that_is_not_there_is_far_off_or_no_number(synthetic):
    others = replace(synthetic, images=stand_in(80, seed=2).images)
    found = summary(mask_shifts(others))
    assert found["mean"] > 2 and found["failed"] > 0.1
    flat = replace(synthetic, images=torch.full_like(synthetic.images, 128))
    assert mask_shifts(flat).isnan().all()


def test_an_eye_without_any_white_has_no_shift(synthetic):
    closed = replace(synthetic, labels={"parts": torch.zeros_like(synthetic.labels["parts"])})
    assert mask_shifts(closed).isnan().all()


# ---- by a network that names the parts ----
class Painted(torch.nn.Module):
    """Names the part that an image has painted: gray level 50 is part 0, 100 part 1, and so on."""

    def __init__(self):
        super().__init__()
        self.levels = torch.nn.Parameter(torch.tensor([50.0, 100, 150, 200]))

    def forward(self, x):
        return -(255 * (x + 1) / 2 - self.levels[:, None, None]).abs()


def painted():
    """Sclera, an iris of 5 x 4 px from x 20 and y 10 on, in it a pupil of 2 x 3 px from x 21 and y 11 on."""
    image = torch.full((1, 1, 35, 55), 100, dtype=torch.uint8)
    image[..., 10:14, 20:25], image[..., 11:14, 21:23] = 150, 200
    return image


def test_the_centre_is_that_of_what_the_network_calls_iris_or_pupil():
    assert part_centres(painted(), segmenter=Painted())[0].tolist() == pytest.approx([22, 11.5], abs=1e-4)
    assert part_centres(painted(), (PUPIL,), Painted())[0].tolist() == pytest.approx([21.5, 12], abs=1e-4)


def test_a_speck_is_no_part():
    few = painted()
    few[few == 150] = 100                                      # the pupil's six pixels alone: seen, but one less is not
    assert part_centres(few, segmenter=Painted()).isfinite().all()
    few[..., 11, 21] = 100
    assert part_centres(few, segmenter=Painted()).isnan().all()


def test_larger_and_colour_images_are_looked_at_at_55_px_and_measured_in_their_own():
    large = painted().repeat_interleave(2, 2).repeat_interleave(2, 3).expand(-1, 3, -1, -1)
    assert part_centres(large, segmenter=Painted())[0].tolist() == pytest.approx([44.5, 23.5], abs=0.2)


def test_the_kit_s_network_looks_unless_another_is_given(monkeypatch):
    monkeypatch.setattr(masks, "load_shipped_segmenter", lambda: (Painted(), {}))
    assert torch.equal(part_centres(painted()), part_centres(painted(), segmenter=Painted()))


@pytest.mark.parametrize("seen_by", ["nobody", "a camera"])
def test_the_network_sees_a_shift_with_its_direction(synthetic, seen_by):
    eyes = synthetic.images if seen_by == "nobody" else photograph(synthetic.images, torch.Generator().manual_seed(0))
    moved = part_centres(eyes.roll((1, -2), dims=(2, 3))) - part_centres(eyes)
    torch.testing.assert_close(moved.nanmean(0), torch.tensor([-2.0, 1.0]), atol=0.1, rtol=0)


def test_the_network_finds_the_centre_in_looks_it_knows_and_in_the_other_domain(synthetic):
    def error(eyes):
        return summary(part_centres(eyes) - pupil_centre((eyes.labels["parts"] >= 2).float())[0])

    camera = replace(synthetic, images=photograph(synthetic.images, torch.Generator().manual_seed(0)))
    for eyes, limit in ((synthetic, 0.2), (camera, 0.35), (stand_in(80, seed=2), 0.4)):
        assert error(eyes)["mean"] < limit and error(eyes)["failed"] <= 0.03           # 1,000 eyes: 0.11, 0.22, 0.26


def test_where_the_network_names_no_iris_there_is_no_centre():
    assert part_centres(torch.full((2, 1, 35, 55), 50, dtype=torch.uint8), segmenter=Painted()).isnan().all()


def test_pairs_must_belong_together(synthetic):
    with pytest.raises(ValueError, match="one shape"):
        pupil_shifts(synthetic, synthetic[:3])


def test_older_releases_of_scikit_image_fit_as_well():
    class Older:                                      # the interface before 0.26
        def estimate(self, points):
            centre = points.mean(0)
            self.params = (*centre, np.linalg.norm(points - centre, axis=1).mean())
            return True

    angle = np.arange(20) * 2 * np.pi / 20
    points = np.stack([3 + 2 * np.cos(angle), 4 + 2 * np.sin(angle)], 1)
    assert pupil._fit(Older, points) == pytest.approx([3, 4, 2])
    assert pupil._fit(CircleModel, np.zeros((20, 2))) is None


def test_real_eyes_of_many_people(samples):
    files = sorted((samples / "MPIIGaze_many_subjects").glob("*.png"))
    if not files:
        pytest.skip("no crops of many subjects among the samples")
    gray = torch.from_numpy(np.stack([io.imread(file, as_gray=True) for file in files]))
    images = (gray if gray.dtype == torch.uint8 else (gray * 255).round().to(torch.uint8))[:, None]
    centres = pupil_centres(images)
    found = centres.isfinite().all(1)
    assert found.float().mean() > 0.8
    # What was found is dark: an iris, not skin.
    x, y = centres[found].round().long().T
    dark = images[found, 0][torch.arange(len(x)), y, x] < images[found].flatten(1).float().median(1).values
    assert dark.float().mean() > 0.93
