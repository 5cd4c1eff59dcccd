"""The evening domain: light that labels survive, lids that they do not, and the measures that tell them apart."""

import math

import pytest
import torch

from simgan_lib.evaluation.pupil import iris_contrast, pupils_in_place
from simgan_lib.simulators.camera import defocus
from simgan_lib.simulators.evening import SUN, in_evening_light, squinting
from simgan_lib.simulators.eyes import PARTS, simulate


def opened(images):
    """Mean share of the pixels between the lids."""
    return (images.labels["parts"] > 0).float().mean().item()


def test_the_share_that_squints_squints_and_the_others_are_the_simulator_s_eyes():
    none, half, all_ = (squinting(60, seed=5, share=share) for share in (0.0, 0.5, 1.0))
    drawn = simulate(60, seed=5)
    assert torch.equal(none.labels["parts"], drawn.labels["parts"])
    assert torch.equal(all_.labels["gaze"], drawn.labels["gaze"])
    assert opened(all_) < 0.6 * opened(none) and opened(all_) < opened(half) < opened(none)


def test_the_same_seed_gives_the_same_evening():
    assert torch.equal(squinting(5, seed=1).images, squinting(5, seed=1).images)
    assert not torch.equal(squinting(5, seed=1).images, squinting(5, seed=2).images)


def test_the_light_is_warm_and_dim():
    images = torch.full((8, 3, 20, 30), 200, dtype=torch.uint8)
    after = in_evening_light(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(after.float().mean((0, 2, 3)), 200 * torch.tensor(SUN), atol=1.5, rtol=0)


def test_gray_images_have_no_evening():
    with pytest.raises(ValueError, match="expected colour images"):
        in_evening_light(torch.zeros(2, 1, 20, 30, dtype=torch.uint8), torch.Generator())


def test_each_channel_of_a_colour_image_is_blurred_alone():
    x, sigma = torch.rand(3, 3, 12, 15), torch.tensor([0.4, 0.8, 1.2])[:, None, None, None]
    apart = torch.cat([defocus(x[:, c:c + 1], sigma) for c in range(3)], 1)
    torch.testing.assert_close(defocus(x, sigma), apart)


def test_pupils_are_in_place_where_the_label_says_and_nowhere_else():
    eyes = simulate(60, seed=3)
    assert pupils_in_place(eyes.images, eyes.labels) > 0.85
    assert pupils_in_place(eyes.images, {"pupil": eyes.labels["pupil"] + 3}) < 0.1
    assert pupils_in_place(torch.full_like(eyes.images, 128), eyes.labels) == 0          # not found: not in place


def test_contrast_of_the_iris_by_hand():
    parts = torch.zeros(2, 10, 12, dtype=torch.uint8)
    parts[:, 2:8, :6], parts[:, 2:8, 6:10], parts[:, 4:6, 7:9] = 1, 2, 3                  # 36 white, 24 iris and pupil
    images = torch.full((2, 1, 10, 12), 100, dtype=torch.uint8)
    images[0, 0][parts[0] == 1], images[0, 0][parts[0] >= 2] = 150, 50
    mean = (36 * 150 + 24 * 50 + 60 * 100) / 120
    assert PARTS[1:4] == ("sclera", "iris", "pupil")
    assert math.isclose(iris_contrast(images[:1], {"parts": parts[:1]}), 100 / mean, rel_tol=1e-6)
    assert math.isclose(iris_contrast(images, {"parts": parts}), 50 / mean, rel_tol=1e-6)   # the second has none: 0
    assert math.isnan(iris_contrast(images, {"parts": torch.zeros_like(parts)}))
