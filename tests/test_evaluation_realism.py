"""Measures of realism: each must be silent where nothing differs and speak where something does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import match_histograms

from simgan_lib.evaluation import realism
from simgan_lib.evaluation.judges import CHANGES, changed, feature_network
from simgan_lib.evaluation.realism import (
    best_tone_curve,
    beyond_tone,
    block_distance,
    evenness,
    gray_level_distance,
    identity_collapse,
    kernel_distance,
    mean_change,
    mmd2,
    power_spectrum,
    spectrum_distance,
    told_by_number,
    two_sample_accuracy,
)
from simgan_lib.images import ImageSet, to_float
from simgan_lib.matching import histogram_matched, matched_one_by_one


def textures(n, seed, smooth=2, noise=8.0, size=(35, 55)):
    """Smooth random images with noise on them: uint8 (n, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, 1, size[0] // smooth // 2, size[1] // smooth // 2, generator=generator)
    field = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic", align_corners=True)
    grain = torch.randn(n, 1, *size, generator=generator)
    return (128 + 40 * field + noise * grain).clamp(0, 255).round().to(torch.uint8)


# ---- kernel distance ----
def test_kernel_distance_by_hand():
    x, y = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[1.0, 1.0], [0.0, 2.0]])
    # (x . y / 2 + 1)^3: within x: k = 1; within y: k = 2^3; across: 1, 1, 8, 1.
    assert mmd2(x, y).item() == pytest.approx(1 + 8 - 2 * (1 + 1 + 8 + 1) / 4)


def test_kernel_distance_of_one_distribution_is_zero_on_average():
    generator = torch.Generator().manual_seed(0)
    found = torch.stack([mmd2(*torch.randn(2, 40, 8, generator=generator)) for _ in range(400)])
    assert found.mean().abs() < 3 * found.std() / 20          # unbiased, so of either sign
    assert (found < 0).any() and (found > 0).any()


def test_kernel_distance_grows_with_a_translation():
    x, y = torch.randn(2, 300, 8, generator=torch.Generator().manual_seed(0))
    distances = [block_distance(x, y + shift)[0] for shift in (0.0, 0.2, 0.5, 1.0)]
    assert distances == sorted(distances) and abs(distances[0]) < 0.1 * distances[-1]


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_kernel_distance_is_symmetric(seed):
    x, y = torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(seed))
    assert block_distance(x, y + 1) == pytest.approx(block_distance(y + 1, x))


def test_kernel_distance_needs_some_images():
    with pytest.raises(ValueError, match="at least 8"):
        block_distance(torch.zeros(7, 3), torch.zeros(50, 3))


def test_blocks_are_no_larger_than_asked(monkeypatch):
    sizes = []
    monkeypatch.setattr(realism, "mmd2", lambda x, y: sizes.append((len(x), len(y))) or torch.zeros(()))
    block_distance(torch.zeros(1100, 3), torch.zeros(1000, 3), block=100)
    assert sizes == [(100, 100)] * 10


# ---- features ----
@pytest.fixture(scope="module")
def network():
    return feature_network([textures(200, 1), ImageSet(textures(100, 2, noise=20.0))], seed=0, steps=60, batch=32)


def test_features_tell_noise_apart_but_not_two_draws_of_one_kind(network):
    same, _ = kernel_distance(network, textures(150, 3), textures(150, 4))
    other, sd = kernel_distance(network, ImageSet(textures(150, 3)), textures(150, 5, noise=20.0))
    assert other > 10 * abs(same) and other > 3 * sd


def test_features_are_bounded_so_that_no_outlier_rules_a_distance(network):
    strange = torch.randint(0, 256, (20, 1, 35, 55), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    features = network.describe(strange)
    assert features.shape == (20, 64) and features.abs().max() <= 1


def test_the_same_seed_gives_the_same_features_and_leaves_other_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    images = textures(40, 1)
    first, again = (feature_network(images, 7, steps=3, batch=14).describe(images) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(torch.rand(1), expected)


def test_every_change_is_made_equally_often_and_named_rightly():
    x = to_float(textures(70, 0))
    out, kind = changed(x, torch.Generator().manual_seed(0))
    assert torch.bincount(kind).tolist() == [10] * len(CHANGES)
    assert out.min() >= -1 and out.max() <= 1
    name = list(CHANGES)
    for index, image, original in zip(kind, out, x):
        assert torch.equal(image, original) == (name[index] == "unchanged")
    flipped = kind == name.index("upside down")
    assert torch.equal(out[flipped], x[flipped].flip(-2))


# ---- classifier two-sample test ----
def test_two_draws_of_one_kind_cannot_be_told_apart():
    found = two_sample_accuracy(textures(300, 1), textures(300, 2), seed=0, steps=60)
    assert found["p"] > 1e-3 and found["low"] < 0.55 and found["n"] == 300
    assert found["low"] < found["accuracy"] < found["high"]


def test_one_number_tells_crops_that_were_equalised_from_crops_that_were_not():
    noise = torch.randn(400, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    crops = (127.5 + 40 * (noise - noise.mean((1, 2, 3), keepdim=True))).clamp(0, 255).to(torch.uint8)
    exposed = (crops + 30 * torch.linspace(-1, 1, 200).view(-1, 1, 1, 1).repeat(2, 1, 1, 1)).clamp(0, 255).to(torch.uint8)
    assert evenness(crops).max() < 2 and evenness(exposed).median() > 10
    assert told_by_number(evenness, exposed[:200], crops[200:], seed=0) > 0.85      # some are exposed right by chance
    assert told_by_number(evenness, crops[:200], crops[200:], seed=0) == pytest.approx(0.5, abs=0.15)


def constants(values):
    """uint8 (N, 1, 2, 2): images of one gray level each."""
    return torch.as_tensor(values).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


def test_one_number_tells_images_that_have_all_the_same_mean():
    """Their median is the others', too: a rule that looked at medians alone would find nothing.  Sides may be unequal."""
    def mean(images):
        return images.float().mean((1, 2, 3))
    spread, same = constants(torch.arange(404) % 101 + 50), constants([100] * 80)
    assert mean(spread).median() == mean(same).median()
    assert told_by_number(mean, same, spread, seed=0) > 0.9 and told_by_number(mean, spread, same, seed=0) > 0.9
    band = constants(torch.arange(200) % 21 + 90)                                      # two cuts are needed
    assert told_by_number(mean, band, constants(torch.cat([torch.arange(50, 90), torch.arange(111, 151)]).repeat(3)), 0) > 0.95


def test_one_number_needs_two_halves_of_each_side():
    with pytest.raises(ValueError, match="expected two halves of each side"):
        told_by_number(evenness, ImageSet(textures(20, 1), groups={"day": ["day01"] * 20}), textures(20, 2), seed=0)


def test_crops_matched_one_by_one_are_not_told_by_a_number():
    real = textures(600, 1)
    same = histogram_matched(textures(300, 2), real)
    assert told_by_number(evenness, same, real[:300], seed=0) > 0.75
    assert told_by_number(evenness, matched_one_by_one(same, real[300:], 0), real[:300], seed=0) == pytest.approx(0.5, abs=0.08)


def test_equal_pixels_are_ordered_by_their_surroundings():
    image = torch.zeros(1, 1, 1, 6, dtype=torch.uint8)
    image[..., 5] = 9                                                                  # the dark pixel beside it is the brightest
    assert matched_one_by_one(image, torch.tensor([[[[0, 10, 20, 30, 40, 50]]]], dtype=torch.uint8), 0).flatten().tolist() == [
        0, 10, 20, 30, 40, 50]
    assert matched_one_by_one(image.flip(3), torch.tensor([[[[0, 10, 20, 30, 40, 50]]]], dtype=torch.uint8), 0).flatten()[1] == 40


def test_matched_one_by_one_gives_each_image_the_levels_of_one_real_image_and_keeps_its_order():
    images, real = textures(5, 3), textures(40, 4, noise=30.0)
    matched = matched_one_by_one(images, real, seed=1)
    assert matched.dtype == torch.uint8 and matched.shape == images.shape
    levels = {tuple(one.flatten().sort().values.tolist()) for one in real}
    assert all(tuple(one.flatten().sort().values.tolist()) in levels for one in matched)
    assert torch.equal(matched, matched_one_by_one(images, real, seed=1))
    assert not torch.equal(matched, matched_one_by_one(images, real, seed=2))
    for before, after in zip(images.flatten(1), matched.flatten(1)):
        assert ((1000 * before.int() + after).sort().values % 1000).diff().ge(0).all()         # equal pixels in any order
    colour = matched_one_by_one(images.repeat(1, 3, 1, 1), real.repeat(1, 3, 1, 1), seed=1)
    assert torch.equal(colour, matched.repeat(1, 3, 1, 1))
    with pytest.raises(ValueError, match=r"expected images of \(1, 30, 55\)"):
        matched_one_by_one(images, real[:, :, :30], seed=1)


def test_different_kinds_are_told_apart():
    found = two_sample_accuracy(textures(300, 1), textures(300, 2, noise=20.0), seed=0, steps=60)
    assert found["accuracy"] > 0.95 and found["p"] < 1e-6


def test_near_duplicates_do_not_leak_when_days_are_kept_together():
    def days(seed):        # ten scenes, each seen thirty times: a network can learn the scenes by heart
        scenes = textures(10, seed, noise=0.0).repeat_interleave(30, 0)
        grain = torch.randn(scenes.shape, generator=torch.Generator().manual_seed(seed))
        images = (scenes + 4 * grain).clamp(0, 255).round().to(torch.uint8)
        return ImageSet(images, groups={"day": np.repeat([f"{seed}-{i}" for i in range(10)], 30)})

    a, b = days(1), days(2)
    leaking = two_sample_accuracy(a, b, seed=0, by="no such group", steps=100)
    honest = [two_sample_accuracy(a, b, seed, steps=100)["accuracy"] for seed in range(3)]
    assert leaking["accuracy"] > 0.9 > np.mean(honest) + 0.15


def test_no_group_is_in_both_halves():
    images = ImageSet(torch.arange(60).to(torch.uint8).view(60, 1, 1, 1),
                      groups={"day": [f"day{i * i // 300}" for i in range(60)]})
    names = np.asarray(images.groups["day"])
    for seed in range(5):
        first, second = (set(names[part.flatten().numpy()]) for part in realism._halves(images, "day", seed))
        assert first and second and not first & second


def test_a_days_name_across_people_is_no_group():
    """Of two people who each have one day, of the same name, one is learned from and the other is judged."""
    images = ImageSet(torch.arange(60).to(torch.uint8).view(60, 1, 1, 1),
                      groups={"subject": ["p00"] * 30 + ["p01"] * 30, "day": ["day01"] * 60})
    halves = realism._halves(images, "day", seed=0)
    assert sorted(sorted(part.flatten().tolist()) for part in halves) == [list(range(30)), list(range(30, 60))]


def test_unequal_sets_are_cut_to_equal_numbers():
    assert two_sample_accuracy(textures(40, 1), textures(100, 2), seed=0, steps=2)["n"] == 40
    one_day = ImageSet(textures(10, 0), groups={"day": ["monday"] * 10})
    with pytest.raises(ValueError, match="both sides"):
        two_sample_accuracy(one_day, textures(10, 1), seed=0, steps=2)


# ---- gray levels and spectra ----
def test_gray_level_distance_is_in_gray_levels():
    images = textures(20, 0).clamp(20, 200)
    assert gray_level_distance(images, images) == 0
    assert gray_level_distance(images, images + 10) == pytest.approx(10)
    assert gray_level_distance(images + 10, ImageSet(images)) == pytest.approx(10)


def test_white_noise_has_its_variance_as_power_at_every_frequency():
    noise = (128 + 20 * torch.randn(400, 1, 35, 55, generator=torch.Generator().manual_seed(0))).round().to(torch.uint8)
    frequency, power = power_spectrum(noise)
    assert frequency[0] == pytest.approx(1 / 64) and frequency[-1] == pytest.approx(0.5 - 1 / 64)
    assert power[2:] == pytest.approx(400, rel=0.15)


def test_a_wave_has_its_power_at_its_frequency():
    wave = 128 + 60 * torch.cos(2 * torch.pi * 0.2 * torch.arange(110.0))
    frequency, power = power_spectrum(wave.round().to(torch.uint8).expand(3, 1, 70, 110))
    assert abs(frequency[power.argmax()] - 0.2) < 1 / 32


def test_spectrum_distance_knows_a_factor_of_two():
    quiet, loud = (textures(300, seed, noise=level, smooth=3) for seed, level in ((1, 20.0), (2, 20.0 * 2**0.5)))
    fine = [power_spectrum(images)[1][8:] for images in (quiet, loud)]
    assert fine[1] / fine[0] == pytest.approx(2, rel=0.1)
    assert spectrum_distance(quiet, quiet) == 0
    assert 1.5 < spectrum_distance(quiet, loud) < 3.2
    assert spectrum_distance(quiet, textures(300, 3, noise=20.0, smooth=3)) < 0.5


# ---- histogram matching ----
def test_matched_images_have_the_references_gray_levels():
    images, reference = textures(50, 0), textures(40, 1, noise=30.0) // 2 + 100
    matched = histogram_matched(images, reference)
    assert matched.dtype == torch.uint8 and matched.shape == images.shape
    assert gray_level_distance(matched, reference) < 0.5 < gray_level_distance(images, reference)


def test_each_image_is_matched_on_its_own_and_always_alike():
    images, reference = textures(9, 0), ImageSet(textures(5, 1))
    together = histogram_matched(ImageSet(images), reference)
    assert torch.equal(torch.cat([histogram_matched(each, reference) for each in images.split(1)]), together)
    assert torch.equal(histogram_matched(images, reference, chunk=4), together)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_matching_never_swaps_two_gray_levels(seed):
    generator = torch.Generator().manual_seed(seed)
    image, reference = torch.randint(0, 256, (2, 1, 1, 6, 8), generator=generator).to(torch.uint8)
    matched = histogram_matched(image, reference).flatten().long()
    order = image.flatten().argsort()
    assert (matched[order].diff() >= 0).all()
    same = image.flatten()[:, None] == image.flatten()
    assert (matched[:, None] == matched)[same].all()


def test_matching_agrees_with_scikit_image():
    image, reference = textures(1, 0, noise=20.0), textures(1, 1, noise=40.0)
    theirs = match_histograms(image[0, 0].numpy(), reference[0, 0].numpy())
    ours = histogram_matched(image, reference)[0, 0].numpy()
    # They take the upper end of each gray level's share of the pixels, we its middle.
    assert np.abs(ours - theirs.astype(float)).mean() < 1.5


def test_matching_takes_each_channel_for_itself_and_a_flat_image_for_what_it_is():
    reference = torch.cat([textures(5, 1) // 2, textures(5, 2) // 2 + 120], 1)
    matched = histogram_matched(textures(5, 0).expand(-1, 2, -1, -1), reference)
    assert matched[:, 0].float().mean() + 100 < matched[:, 1].float().mean()
    flat = histogram_matched(torch.full((1, 1, 4, 4), 7, dtype=torch.uint8), textures(5, 1))
    assert len(flat.unique()) == 1 and abs(flat.float().mean() - textures(5, 1).float().median()) < 3
    with pytest.raises(ValueError, match="channels"):
        histogram_matched(textures(2, 0), reference)


# ---- identity collapse ----
def test_a_tone_curve_explains_itself_and_nothing_else():
    images = textures(20, 0)
    curve = (255 * (torch.arange(256) / 255) ** 2).round().to(torch.uint8)
    assert beyond_tone(images, images) == 0
    assert beyond_tone(images, curve[images.long()]) == pytest.approx(0, abs=1e-9)
    assert beyond_tone(images, 255 - images) > 0.95              # inverted contrast: no non-decreasing curve does that
    assert beyond_tone(images, textures(20, 1)) > 0.9
    assert 0.02 < beyond_tone(images, images.roll(1, 3)) < 0.9


def test_the_best_curve_is_found_and_never_falls():
    generator = np.random.default_rng(0)
    gray = generator.integers(0, 256, 500).astype(np.uint8)
    truth = np.sqrt(np.arange(256.0))
    assert best_tone_curve(gray, truth[gray])[gray] == pytest.approx(truth[gray])
    assert (np.diff(best_tone_curve(gray, generator.normal(size=500))) >= 0).all()


def test_the_meter_tells_collapse_from_a_tone_curve_from_real_change():
    entering, real = textures(30, 0, noise=2.0), textures(40, 1, noise=12.0) // 2 + 60
    changed_ = torch.cat([textures(30, 0, noise=2.0), textures(30, 5, noise=12.0)], 1).float().mean(1, keepdim=True)
    meter = identity_collapse(entering, {"untouched": entering, "matched": histogram_matched(entering, real),
                                         "refined": changed_.to(torch.uint8) // 2 + 60}, real)
    untouched, matched, refined = meter["untouched"], meter["matched"], meter["refined"]
    assert untouched["change"] == untouched["beyond_tone"] == 0
    assert matched["change"] > 10 and matched["beyond_tone"] < 0.01 < refined["beyond_tone"]
    assert matched["gray_level_distance"] < 1 < untouched["gray_level_distance"]
    assert refined["spectrum_distance"] < untouched["spectrum_distance"]


def test_change_is_measured_in_gray_levels_of_pairs():
    images = textures(3, 0).clamp(0, 200)
    assert mean_change(images, images + 7) == pytest.approx(7)
    with pytest.raises(ValueError, match="one shape"):
        mean_change(images, images[:2])


def test_sets_are_taken_as_well_as_tensors():
    a, b = ImageSet(textures(10, 0)), ImageSet(textures(10, 1))
    assert identity_collapse(a, {"refined": replace(a, images=255 - a.images)}, b)["refined"]["beyond_tone"] > 0.9
