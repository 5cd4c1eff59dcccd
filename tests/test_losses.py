"""The losses: sums over patches and pixels, one value an image, and the defects of public ports made impossible."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.losses import (
    FEATURES,
    REAL,
    REFINED,
    channel_mean,
    discriminator_loss,
    image_gradients,
    local_adversarial_loss,
    local_contrast,
    refiner_loss,
    self_regularization,
)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
def test_undecided_patches_cost_ln_2_each(n, h, w):
    assert torch.allclose(local_adversarial_loss(torch.zeros(n, 2, h, w), REAL), torch.full((n,), h * w * math.log(2)))


def test_loss_is_summed_over_patches_not_averaged():
    logits = torch.randn(3, 2, 9, 14)
    single = sum(local_adversarial_loss(logits[:, :, i:i + 1, j:j + 1], REFINED) for i in range(9) for j in range(14))
    torch.testing.assert_close(local_adversarial_loss(logits, REFINED), single)


def test_classes_are_on_their_axis_and_not_neighbouring_pixels():
    """The defect of three public ports: reshape(-1, 2) without moving the class axis last."""
    logits = torch.randn(2, 2, 3, 4)
    scrambled = torch.nn.functional.cross_entropy(logits.reshape(-1, 2), torch.full((24,), REAL), reduction="sum")
    right = torch.nn.functional.cross_entropy(logits.permute(0, 2, 3, 1).reshape(-1, 2), torch.full((24,), REAL),
                                              reduction="sum")
    torch.testing.assert_close(local_adversarial_loss(logits, REAL).sum(), right)
    assert not torch.isclose(right, scrambled)


def test_turning_the_map_does_not_change_the_loss():
    logits = torch.randn(2, 2, 5, 7)
    torch.testing.assert_close(local_adversarial_loss(logits.flip(-1), REAL), local_adversarial_loss(logits, REAL))


def test_labels_are_not_swapped():
    sure = torch.zeros(1, 2, 1, 1)
    sure[:, REFINED] = 10.0
    assert local_adversarial_loss(sure, REFINED) < 1e-3 < 9 < local_adversarial_loss(sure, REAL)


@pytest.mark.parametrize("logits, label", [(torch.zeros(2, 3, 4, 4), REAL), (torch.zeros(2, 2), REAL),
                                           (torch.zeros(2, 2, 4, 4), 2)])
def test_other_shapes_and_labels_are_refused(logits, label):
    with pytest.raises(ValueError):
        local_adversarial_loss(logits, label)


def test_self_regularization_by_hand():
    a, b = torch.tensor([[[[0.5, -0.5]]]]), torch.tensor([[[[0.0, 0.5]]]])
    assert self_regularization(a, b).tolist() == [1.5]


def test_shapes_must_agree():
    with pytest.raises(ValueError):
        self_regularization(torch.zeros(2, 1, 4, 4), torch.zeros(1, 1, 4, 4))


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_identity_costs_nothing_under_every_transform(name):
    x = torch.rand(2, 3, 12, 15) * 2 - 1
    assert self_regularization(x, x.clone(), FEATURES[name]).abs().max() == 0


def test_one_image_s_loss_does_not_depend_on_the_batch():
    logits, a, b = torch.randn(4, 2, 9, 14), torch.rand(4, 1, 35, 55), torch.rand(4, 1, 35, 55)
    whole = refiner_loss(logits, a, b, 0.3)
    alone = torch.cat([refiner_loss(logits[i:i + 1], a[i:i + 1], b[i:i + 1], 0.3) for i in range(4)])
    torch.testing.assert_close(whole, alone)


def test_both_players_losses_by_hand():
    """One patch, undecided by ln 3: D = 3/4 for "refined"; two pixels that moved by 0.5 and 1, lambda 0.1."""
    logits, a, b = torch.zeros(1, 2, 1, 1), torch.tensor([[[[0.5, -0.5]]]]), torch.tensor([[[[0.0, 0.5]]]])
    logits[:, REFINED] = math.log(3)
    assert refiner_loss(logits, a, b, 0.1).item() == pytest.approx(math.log(4) + 0.1 * 1.5)
    assert discriminator_loss(logits, logits).item() == pytest.approx(math.log(4 / 3) + math.log(4))


def test_terms_that_are_watched_add_up_to_the_loss():
    logits, a, b, seen, told = torch.randn(4, 2, 9, 14), torch.rand(4, 1, 35, 55), torch.rand(4, 1, 35, 55), {}, {}
    assert torch.equal(refiner_loss(logits, a, b, 0.3, terms=seen), seen["adversarial"] + 0.3 * seen["regularization"])
    assert torch.equal(discriminator_loss(logits, -logits, told), told["refined"] + told["real"])


def test_colour_may_change_where_its_mean_stays():
    red = torch.tensor([0.6, 0.0, 0.0])[None, :, None, None].expand(1, 3, 4, 4)
    assert self_regularization(red, red.flip(1), channel_mean) == 0 < self_regularization(red, red.flip(1))


def test_gradients_across_and_down_by_hand():
    """Two rows of three pixels, steeper down than across; the last column and the last row have no neighbour."""
    image = torch.tensor([[[[0.0, 1.0, 3.0], [10.0, 11.0, 17.0]]]])
    across, down = image_gradients(image)[0]
    assert across.tolist() == [[1, 2, 0], [1, 6, 0]] and down.tolist() == [[10, 10, 14], [0, 0, 0]]
    two = image_gradients(torch.cat([image, -image], 1))[0]
    assert torch.equal(two, torch.stack([across, -across, down, -down]))


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_every_transform_passes_gradients_on(name):
    x = torch.rand(2, 3, 12, 15, requires_grad=True)
    FEATURES[name](x).square().sum().backward()
    assert (x.grad.abs().sum((2, 3)) > 0).all()


def test_gradients_do_not_see_brightness():
    x = torch.rand(1, 1, 6, 7)
    assert self_regularization(x + 0.25, x, image_gradients) < 1e-4


def test_local_contrast_sees_shapes_and_not_light():
    x = torch.rand(1, 1, 35, 55) * 2 - 1
    moved, darker = x.roll(3, -1), 0.6 * x - 0.2
    assert self_regularization(darker, x, local_contrast) < 0.1 * self_regularization(moved, x, local_contrast)
