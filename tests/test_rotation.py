"""Rotations are rotations, and the loss that asks for them is categorical, image by image."""

import math

import pytest
import torch

from simgan_lib.neighbours.rotation import RotationHead, central_square, quarter_turns, rotate_batch, rotation_loss
from simgan_lib.system.errors import UserError

F_SHAPE = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])[None, None]
TURNED = torch.tensor([[3.0, 6, 9], [2, 5, 8], [1, 4, 7]])[None, None]       # against the clock: the right column is on top
EIGHT = torch.arange(8.0)[:, None, None, None] + torch.tensor([[0.0, 0.1], [0.2, 0.3]])


def test_one_quarter_turn_goes_against_the_clock_and_is_no_transpose():
    assert torch.equal(quarter_turns(F_SHAPE, 1), TURNED)
    assert not torch.equal(quarter_turns(F_SHAPE, 1), F_SHAPE.transpose(2, 3))
    assert not torch.equal(quarter_turns(F_SHAPE, 3), F_SHAPE.transpose(2, 3))


def test_four_quarter_turns_are_the_identity():
    images = F_SHAPE
    for _ in range(4):
        images = quarter_turns(images, 1)
    assert torch.equal(images, F_SHAPE)
    assert torch.equal(quarter_turns(quarter_turns(F_SHAPE, 1), 2), quarter_turns(F_SHAPE, 3))


def test_images_that_are_not_square_are_refused_and_told_what_cuts_them():
    with pytest.raises(UserError, match=r"\(2, 1, 35, 55\), expected \(N, C, S, S\).*central_square"):
        rotate_batch(torch.zeros(2, 1, 35, 55))
    assert rotate_batch(central_square(torch.zeros(2, 1, 35, 55)))[0].shape == (8, 1, 35, 35)


@pytest.mark.parametrize("shape, rows, columns", [((3, 8), (0, 3), (2, 5)), ((7, 4), (1, 5), (0, 4)), ((5, 5), (0, 5), (0, 5))])
def test_the_central_square_is_in_the_middle(shape, rows, columns):
    image = torch.arange(math.prod(shape)).reshape(1, 1, *shape)
    assert torch.equal(central_square(image), image[..., slice(*rows), slice(*columns)])


def test_all_shows_each_image_in_four_rotations():
    images, labels = rotate_batch(EIGHT, "all")
    assert labels.dtype == torch.int64 and labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8 + [3] * 8
    for turns in range(4):
        assert torch.equal(images[8 * turns:8 * turns + 8], torch.rot90(EIGHT, turns, (2, 3)))


def test_quarters_show_each_image_once():
    images, labels = rotate_batch(EIGHT, "quarters")
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    for i in range(8):
        assert torch.equal(images[i], torch.rot90(EIGHT[i], i // 2, (1, 2)))
    assert len(rotate_batch(EIGHT[:6], "quarters")[0]) == 6                   # odd batches lose no image


def test_the_last_quarter_is_shown_in_all_four():
    images, labels = rotate_batch(EIGHT, "last_quarter")
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    for turns in range(4):
        assert torch.equal(images[2 * turns:2 * turns + 2], torch.rot90(EIGHT[6:], turns, (2, 3)))


@pytest.mark.parametrize("mode, n, said", [("half", 8, "expected one of all, quarters, last_quarter, found 'half'"),
                                           ("quarters", 3, "expected at least 4 images, found 3"),
                                           ("last_quarter", 3, "expected at least 4 images, found 3")])
def test_a_mode_that_is_none_and_a_batch_too_small_are_told(mode, n, said):
    with pytest.raises(UserError, match=said):
        rotate_batch(EIGHT[:n], mode)


def test_gradients_go_back_to_the_images_and_are_turned_back():
    images = F_SHAPE.clone().requires_grad_()
    rotate_batch(images)[0][1, 0, 0, 0].backward()                            # one quarter turn: the upper right one is there
    assert images.grad.nonzero().tolist() == [[0, 0, 0, 2]]


def test_the_loss_is_the_cross_entropy_of_each_image():
    logits = torch.tensor([[0.0, 0, 0, 0], [math.log(3), 0, 0, 0], [0, 0, math.log(5), 0]])
    loss = rotation_loss(logits, torch.tensor([2, 0, 2]))
    torch.testing.assert_close(loss, torch.tensor([math.log(4), math.log(2), math.log(8 / 5)]))


def test_on_other_devices_the_labels_are_not_waited_for():
    """To read one would fail here, as tensors without values stand in for those of a GPU."""
    assert rotation_loss(torch.zeros(3, 4, device="meta"), torch.zeros(3, dtype=torch.int64, device="meta")).shape == (3,)


@pytest.mark.parametrize("logits, labels", [(torch.zeros(3, 2), torch.zeros(3).long()), (torch.zeros(4), torch.zeros(4).long()),
                                            (torch.zeros(3, 4), torch.zeros(3)), (torch.zeros(3, 4), torch.zeros(2).long()),
                                            (torch.zeros(3, 4), torch.tensor([0, 1, 4])), (torch.zeros(1, 4), torch.tensor([-1]))])
def test_the_loss_refuses_what_is_no_rotation(logits, labels):
    with pytest.raises(ValueError, match="logits: expected|labels: expected"):
        rotation_loss(logits, labels)


def test_the_head_is_linear_with_spectral_norm_where_it_is_asked_for():
    plain, normed, x = RotationHead(5), RotationHead(5, spectral=True), torch.randn(2, 5)
    torch.testing.assert_close(plain(x), x @ plain.linear.weight.T + plain.linear.bias)
    for _ in range(50):                                                      # each pass is a power iteration
        normed(x)
    assert torch.linalg.matrix_norm(normed.linear.weight, 2).item() == pytest.approx(1, abs=1e-3)
    assert not hasattr(plain.linear, "parametrizations")
