"""The student that looks at images only, its augmentation, and the denoiser beside it."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from simgan_lib.evaluation.masks import part_iou
from simgan_lib.neighbours import autoshot
from simgan_lib.neighbours.autoshot import Augmentation, StudentConfig, augmented, autoshot_set, one_hot, segmented, train_student
from simgan_lib.neighbours.denoiser import Denoiser, DenoiserConfig, denoiser_features, train_denoiser
from simgan_lib.neighbours.hypercolumns import FeatureSource
from simgan_lib.neighbours.segmentation import FewShotSegmenter, HeadConfig
from simgan_lib.neighbours.unet import UNet
from simgan_lib.system.errors import UserError

STILL = Augmentation(rotation=0, translation=0, scale=1, tone=0, flip=0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def squares(n, seed=0):
    """uint8 images (n, 1, 12, 20) of a bright square on gray, and masks: 1 where the square is."""
    generator = seeded(seed)
    at = torch.stack([torch.randint(1, 7, (n,), generator=generator), torch.randint(1, 15, (n,), generator=generator)], -1)
    masks = torch.zeros(n, 12, 20, dtype=torch.long)
    for mask, (y, x) in zip(masks, at.tolist()):
        mask[y:y + 4, x:x + 4] = 1
    noise = torch.randint(0, 20, (n, 12, 20), generator=generator)
    return (80 + 120 * masks + noise).to(torch.uint8)[:, None], masks


class Painter(nn.Module):
    """z (N, 3) -> images (N, 1, 12, 20) with a square at its place; truncation is remembered."""

    def __init__(self):
        super().__init__()
        self.paint, self.seen = nn.Identity(), []

    def forward(self, z, psi):
        self.seen.append(psi)
        images = torch.stack([squares(1, seed=int(each[0].abs() * 1000))[0][0] for each in z])
        return self.paint(images.float() / 127.5 - 1)


def test_labels_and_auto_shots_are_drawn_with_one_truncation():
    painter = Painter()
    source = FeatureSource(painter, ("paint",), (12, 20), run=lambda z: painter(z, psi=0.6), megabytes=4e-3)   # four at a time
    z = torch.randn(13, 3, generator=seeded())
    images, columns = source.whole(z[:1])
    segmenter = FewShotSegmenter(1, 2, HeadConfig("cnn-s", steps=10)).fit(columns, (images[:, 0] > 0.2).long())
    labelled = len(painter.seen)
    shots, targets = autoshot_set(source, segmenter, z)
    assert len(painter.seen) >= labelled + 4 and set(painter.seen) == {0.6}
    assert torch.equal(shots[:1].float(), (images + 1) * 127.5)                      # and the same z gives the same image
    assert shots.shape == (13, 1, 12, 20) and targets.shape == (13, 2, 12, 20)
    torch.testing.assert_close(targets.float(), segmenter.predict(source.whole(z)[1])[1], atol=1e-3, rtol=0)


def test_a_student_learns_from_soft_targets_and_sees_images_only():
    images, masks = squares(40)
    soft = one_hot(masks, 2) * 0.8 + 0.1
    student = train_student(images, soft, StudentConfig(steps=120, batch=8, augmentation=STILL))
    new, true = squares(10, seed=1)
    predicted, probabilities = segmented(student, new, batch=3)
    assert part_iou(predicted, true, 2).min() > 0.9 and predicted.shape == (10, 12, 20)
    assert probabilities[:, 1][true == 1].mean().item() == pytest.approx(0.9, abs=0.06)        # no surer than it was taught


def test_one_label_and_augmentation_find_the_square_elsewhere():
    images, masks = squares(1)
    new, true = squares(10, seed=1)
    config = StudentConfig(steps=50, batch=8, augmentation=replace(STILL, translation=0.4))
    found = [part_iou(segmented(train_student(images, one_hot(masks, 2), each), new)[0], true, 2)[1].item()
             for each in (config, replace(config, augmentation=STILL))]
    assert found[0] > 0.75 and found[0] > found[1]


def test_a_student_is_the_seed_s_alone():
    images, masks = squares(4)
    config, before = StudentConfig(steps=3, batch=2), torch.get_rng_state()
    a, b, c = (segmented(train_student(images, one_hot(masks, 2), config, seed), images)[1] for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c) and torch.equal(torch.get_rng_state(), before)


def test_a_student_s_classes_weigh_as_asked(monkeypatch):
    images, masks = squares(1)                                                     # 16 of 240 pixels are of the square
    seen, real = [], autoshot.F.cross_entropy
    monkeypatch.setattr(autoshot.F, "cross_entropy", lambda *given: seen.append(given[2].tolist()) or real(*given))
    for balance in (0.0, 1.0):
        train_student(images, one_hot(masks, 2), StudentConfig(steps=1, batch=2, balance=balance))
    assert seen[0] == [1, 1] and seen[1] == pytest.approx([240 / 224 / 2, 240 / 16 / 2], rel=1e-3)


@pytest.mark.parametrize("targets", [torch.zeros(3, 2, 12, 20), torch.zeros(4, 12, 20), torch.zeros(4, 2, 20, 12)])
def test_targets_that_do_not_fit_are_told(targets):
    with pytest.raises(UserError, match="targets: expected"):
        train_student(squares(4)[0], targets)


@pytest.mark.parametrize("bad, said", [(float("nan"), "nan"), (-3.0, "0.9[56]")])
def test_targets_that_are_no_probabilities_are_told(bad, said):
    """By hand: one column of twenty, in one of four images, has -3 where it had 1 or 0, which takes 3 / 80 to 4 / 80 away."""
    images, masks = squares(4)
    targets = one_hot(masks, 2)
    targets[1, 0, :, 3] = bad
    with pytest.raises(UserError, match=f"targets: expected probabilities, which add up to 1 at each pixel, found {said}"):
        train_student(images, targets, StudentConfig(steps=1))


def test_more_classes_than_a_byte_can_name_are_told():
    images, masks = squares(1)
    with pytest.raises(UserError, match="classes: expected a whole number from 1 to 256, found 257"):
        train_student(images, one_hot(masks, 257), StudentConfig(steps=1))


def test_floats_are_no_bytes_for_the_student():
    images, masks = squares(1)
    with pytest.raises(UserError, match=r"images: expected uint8 \(N, C, H, W\), found torch.float32 \(1, 1, 12, 20\)"):
        train_student(images / 127.5 - 1, one_hot(masks, 2), StudentConfig(steps=1))
    with pytest.raises(UserError, match="`images.to_uint8` makes them"):
        segmented(UNet(1, 2, 4, 1), images / 127.5 - 1)


# ---- augmentation ----
def test_nothing_asked_for_changes_nothing():
    x = torch.rand(3, 1, 7, 11, generator=seeded()) * 2 - 1
    images, targets = augmented(x, x[:, :1], seeded(), STILL)
    torch.testing.assert_close(images, x, atol=1e-5, rtol=0)
    torch.testing.assert_close(targets, x, atol=1e-5, rtol=0)


def test_images_and_targets_move_alike():
    x = torch.rand(6, 1, 12, 20, generator=seeded())
    images, targets = augmented(2 * x - 1, x, seeded(1), replace(Augmentation(flip=0.5), tone=0))
    torch.testing.assert_close((images + 1) / 2, targets, atol=1e-5, rtol=0)
    assert (targets - x).abs().mean() > 0.1


def test_tone_changes_images_and_not_targets():
    x = torch.rand(2, 1, 8, 8, generator=seeded())
    images, targets = augmented(x, x, seeded(), replace(STILL, tone=0.5))
    assert (images - x).abs().mean() > 0.05 and torch.allclose(targets, x, atol=1e-5) and images.abs().max() <= 1


def test_half_of_the_images_are_mirrored_where_it_is_asked_for():
    x = torch.rand(1, 1, 4, 6, generator=seeded()).expand(200, -1, -1, -1)
    moved = augmented(x, x, seeded(), replace(STILL, flip=0.5))[1]
    mirrored = (moved - x.flip(-1)).abs().amax((1, 2, 3)) < 1e-4
    kept = (moved - x).abs().amax((1, 2, 3)) < 1e-4
    assert (mirrored ^ kept).all() and 70 < mirrored.sum() < 130


def test_a_turn_keeps_shapes_in_an_image_that_is_not_square(monkeypatch):
    """The corner pixels of a square, turned by 90 degrees, lie on the corners of the same square."""
    monkeypatch.setattr(autoshot.torch, "rand", lambda *n, **how: torch.ones(n))             # draws the upper end
    x = torch.zeros(1, 1, 9, 15)
    x[0, 0, 2, 5], x[0, 0, 2, 9], x[0, 0, 6, 5] = 1, 2, 3
    moved = augmented(x, x, seeded(), replace(STILL, rotation=90))[1][0, 0]
    assert {round(moved[y, z].item(), 3) for y in (2, 6) for z in (5, 9)} == {0, 1, 2, 3}
    assert moved[:, 3:12].sum().item() == pytest.approx(6, abs=1e-3)                           # beyond it mirrors itself


def test_a_shift_is_a_share_of_the_image(monkeypatch):
    monkeypatch.setattr(autoshot.torch, "rand", lambda *n, **how: torch.ones(n))
    x = torch.zeros(1, 1, 10, 20)
    x[0, 0, 5, 10] = 1
    moved = augmented(x, x, seeded(), replace(STILL, translation=0.2))[1][0, 0]
    assert moved[3, 6].item() == pytest.approx(1, abs=1e-4)                                    # by 2 of 10, and 4 of 20


# ---- the UNet ----
@pytest.mark.parametrize("size", [(35, 55), (8, 9), (1, 3)])
def test_a_unet_keeps_any_size(size):
    assert UNet(2, 5, width=4, depth=3)(torch.zeros(2, 2, *size)).shape == (2, 5, *size)


def test_the_canvas_is_what_the_inner_maps_cover():
    net = UNet(1, 1, width=4, depth=2)
    seen = []
    net.up[-1].register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[2:])))
    net(torch.zeros(1, 1, 35, 55))
    assert seen == [net.canvas((35, 55))] == [(36, 56)]


# ---- the denoiser ----
def test_a_denoiser_removes_noise():
    images = squares(100)[0]
    network = train_denoiser(images, DenoiserConfig(steps=80, batch=8, width=8, depth=2))
    x = images[:50].float() / 127.5 - 1
    sigma = torch.full((50,), 0.3)
    noisy = x + 0.3 * torch.randn(x.shape, generator=seeded(1))
    assert (network(noisy, sigma) - x).square().mean() < 0.25 * (noisy - x).square().mean()


def test_a_denoiser_learns_from_noise_between_its_bounds(monkeypatch):
    seen = []
    real = Denoiser.forward
    monkeypatch.setattr(Denoiser, "forward", lambda self, x, sigma: seen.append(sigma) or real(self, x, sigma))
    train_denoiser(squares(4)[0], DenoiserConfig(steps=20, batch=16, width=4, depth=1, least_noise=0.1, most_noise=0.4))
    sigma = torch.cat(seen)
    assert 0.1 <= sigma.min() < 0.12 and 0.33 < sigma.max() <= 0.4
    assert (sigma < 0.2).float().mean().item() == pytest.approx(0.5, abs=0.12)                # half of them below the middle: log


def test_a_denoiser_s_features_are_those_of_each_level_with_one_noise_for_all():
    network, x = Denoiser(1, width=4, depth=2).eval(), torch.rand(3, 1, 12, 20, generator=seeded())
    seen = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    source = denoiser_features(network, (12, 20), levels=(0.1, 0.4), seed=7)
    columns = source.whole(x)[1]
    noise = torch.randn(1, 1, 12, 20, generator=seeded(7))
    assert [each[1][0].item() for each in seen[-2:]] == pytest.approx([0.1, 0.4])
    for (noisy, sigma), level in zip(seen[-2:], (0.1, 0.4)):
        assert torch.equal(noisy, x + level * noise) and len(sigma) == 3
    assert columns.shape == (3, 2 * (16 + 8 + 4), 12, 20)
    torch.testing.assert_close(source.whole(x[1:2])[1], columns[1:2], atol=1e-4, rtol=1e-4)     # alone as among others


@pytest.mark.parametrize("make", [lambda: StudentConfig(steps=0), lambda: DenoiserConfig(least_noise=0),
                                  lambda: Augmentation(rotation=math.nan), lambda: StudentConfig(augmentation=0.5)])
def test_settings_have_ranges(make):
    with pytest.raises(UserError, match="expected"):
        make()


def test_what_a_denoiser_may_be_taught_is_checked():
    with pytest.raises(UserError, match="images to learn from: expected at least one"):
        train_denoiser(squares(1)[0][:0])
    with pytest.raises(UserError, match=r"images: expected uint8 \(N, C, H, W\), found torch.float32"):
        train_denoiser(squares(1)[0] / 127.5 - 1, DenoiserConfig(steps=1))
    with pytest.raises(UserError, match="most_noise"):
        DenoiserConfig(least_noise=0.5, most_noise=0.4)
