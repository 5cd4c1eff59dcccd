"""The measures of artefacts: low for images of the domains, whatever was softened; rising with artefacts put in by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import avg_pool2d

from simgan_lib.evaluation.artefacts import RealPatches, diversity, fixed_pattern
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate

ROWS, COLUMNS = torch.meshgrid(torch.arange(35), torch.arange(55), indexing="ij")
PATTERNS = {"checkerboard": 1.0 - 2 * ((ROWS + COLUMNS) % 2),
            "frame": ((ROWS < 2) | (ROWS > 32) | (COLUMNS < 2) | (COLUMNS > 52)).float(),
            "stripes": torch.sin(torch.pi * COLUMNS / 2)}


def with_pattern(images, pattern):
    return (images.float() + pattern).round().clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def eyes():
    """Stand-in eyes to know, others to try; synthetic ones that enter, and a softened copy, as a good refiner's."""
    real, other = stand_in(800, seed=1).images, stand_in(200, seed=2).images
    simulated = simulate(600, seed=3)
    entering = histogram_matched(simulated, real)
    softened = avg_pool2d(entering[400:].float(), 3, 1, 1, count_include_pad=False).to(torch.uint8)
    ghost = histogram_matched(simulate(1, seed=9), real).float()
    return SimpleNamespace(patches=RealPatches(real), domains=[real, entering[:400]], other=other, entering=entering[400:],
                           softened=softened, ghost=(ghost - ghost.mean()) / 2)


def test_patches_of_other_real_eyes_are_rarely_foreign(eyes):
    assert 0.02 < eyes.patches.share(eyes.other) < 0.09


def test_untouched_and_softened_eyes_have_no_foreign_patches(eyes):
    assert eyes.patches.share(eyes.entering, eyes.entering) == 0
    assert eyes.patches.share(eyes.softened, eyes.entering) < 0.03


def test_grain_of_the_input_is_foreign_where_the_input_is_not_named(eyes):
    assert eyes.patches.share(eyes.entering) > 0.3


@pytest.mark.parametrize("name, strength, least", [("checkerboard", 8, 0.5), ("stripes", 32, 0.5)])
def test_foreign_patches_rise_with_grids(eyes, name, strength, least):
    for images, entering in ((eyes.other, None), (eyes.softened, eyes.entering)):
        assert eyes.patches.share(with_pattern(images, strength * PATTERNS[name]), entering) > least


def test_foreign_patches_rise_with_a_ghost_of_another_eye(eyes):
    clean = eyes.patches.share(eyes.softened, eyes.entering)
    assert eyes.patches.share(with_pattern(eyes.softened, eyes.ghost), eyes.entering) > clean + 0.1


def test_foreign_patches_are_where_the_artefact_is(eyes):
    corner = torch.zeros(35, 55)
    corner[:15, :15] = 12 * PATTERNS["checkerboard"][:15, :15]
    found = eyes.patches.foreign(with_pattern(eyes.softened, corner), eyes.entering).float().mean(0)       # (8, 13)
    assert found.shape == (8, 13) and found[:3, :3].min() > 0.7
    assert found[4:].mean() < 0.05 and found[:, 4:].mean() < 0.05


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_that_all_images_share_is_found_and_measured(eyes, name):
    strengths = [fixed_pattern(with_pattern(eyes.softened, s * PATTERNS[name]), eyes.domains) for s in (0, 8, 16)]
    assert strengths[0] < 1.2 and strengths[0] < strengths[1] - 0.3 and strengths[1] < strengths[2] - 0.5


def test_real_and_synthetic_eyes_share_no_pattern(eyes):
    assert fixed_pattern(eyes.other, eyes.domains) < 1.5 and fixed_pattern(eyes.entering, eyes.domains) < 1.5


def test_a_pattern_that_differs_from_image_to_image_is_none(eyes):
    noise = 8 * torch.randn(200, 1, 35, 55, generator=torch.Generator().manual_seed(0))
    assert fixed_pattern(with_pattern(eyes.softened, noise), eyes.domains) < 1.5


def test_diversity_is_zero_where_all_are_the_same(eyes):
    assert diversity(eyes.other[:1].expand(20, -1, -1, -1)) == 0
    assert diversity(replace(stand_in(50, seed=4))) == pytest.approx(diversity(stand_in(50, seed=4).images))
    assert 30 < diversity(eyes.other) < 90


def test_image_pairs_must_fit(eyes):
    with pytest.raises(ValueError, match="pairs"):
        eyes.patches.foreign(eyes.other, eyes.entering[:10])
