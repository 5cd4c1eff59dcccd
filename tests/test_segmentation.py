"""Parts from a few labels: what a head can learn, and what it cannot."""

import pytest
import torch
import torch.nn.functional as F

from simgan_lib.evaluation.masks import WHOLE_IRIS, centre_error, labelled_eyes, part_iou, pupil_centre, weighted
from simgan_lib.neighbours import segmentation
from simgan_lib.neighbours.segmentation import FewShotSegmenter, HeadConfig, NearestSegmenter, build_head, class_weights
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import UserError


def eyes(n, seed=0):
    """Masks (n, 12, 16) of four parts, nested discs somewhere: 0 skin, 1 sclera, 2 iris, 3 pupil."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.tensor([7.5, 5.5]) + 2 * torch.rand(n, 2, generator=generator) - 1
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    away = torch.hypot(x - centre[:, 0, None, None], y - centre[:, 1, None, None])
    return (away < 5.5).long() + (away < 3.7).long() + (away < 1.9).long()


def identity(masks):
    """Features that hold the answer: the mask itself, one-hot."""
    return F.one_hot(masks, 4).movedim(-1, 1).float()


@pytest.mark.parametrize("head, steps, lr, labels, least", [("linear", 120, 0.03, 1, 1), ("mlp", 120, 3e-3, 1, 1),
                                                            ("cnn-s", 80, 3e-3, 4, 0.9)])
def test_features_that_hold_the_answer_give_iou_1(head, steps, lr, labels, least):
    """A head that sees a neighbourhood too has to learn from some labels that it need not."""
    masks, new = eyes(labels), eyes(5, seed=1)
    config = HeadConfig(head, steps=steps, batch=labels, lr=lr)
    predicted, probabilities = FewShotSegmenter(4, 4, config).fit(identity(masks), masks).predict(identity(new))
    assert part_iou(predicted, new, 4).min() >= least
    assert torch.allclose(probabilities.sum(1), torch.ones(5, 12, 16), atol=1e-5)


def test_shuffled_features_give_chance():
    """A column that belongs to another pixel tells nothing; what is left is to name skin, the commonest, everywhere."""
    masks, generator = eyes(8), torch.Generator().manual_seed(3)

    def shuffled(each):
        flat = identity(each).permute(0, 2, 3, 1).reshape(-1, 4)
        return flat[torch.randperm(len(flat), generator=generator)].reshape(*each.shape, 4).movedim(-1, 1)

    new = eyes(8, seed=1)
    predicted = FewShotSegmenter(4, 4, HeadConfig("mlp", steps=300, batch=8)).fit(shuffled(masks), masks).predict(shuffled(new))[0]
    found = part_iou(predicted, new, 4)
    assert found[1:].nan_to_num().max() < 0.05 and found[0] == pytest.approx((new == 0).double().mean().item(), abs=0.03)


def test_the_nearest_labelled_pixel_gives_its_part():
    """By hand, with the mean (0, 0) of the labelled: right, left, up, down; a new pixel up and a little to the right is up."""
    known = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 2.0], [0.0, -2.0]]).T.reshape(1, 2, 1, 4)
    segmenter = NearestSegmenter(2, 4).fit(known, torch.tensor([[[0, 1, 2, 3]]]))
    predicted, probabilities = segmenter.predict(torch.tensor([[0.1, 0.3], [-9.0, 1.0]]).T.reshape(1, 2, 1, 2))
    assert predicted.tolist() == [[[2, 1]]] and probabilities[0, :, 0, 0].tolist() == [0, 0, 1, 0]


def test_an_ensemble_is_the_mean_of_its_members_probabilities():
    masks, new = eyes(2), identity(eyes(3, seed=1))
    made = FewShotSegmenter(4, 4, HeadConfig("linear", steps=5, ensemble=3), seed=2).fit(identity(masks), masks)
    alone = []
    for head in made.heads:
        single = FewShotSegmenter(4, 4, HeadConfig("linear", steps=5), seed=2).fit(identity(masks), masks)
        single.heads = [head]
        alone.append(single.predict(new)[1])
    assert not torch.equal(alone[0], alone[1])
    torch.testing.assert_close(made.predict(new)[1], torch.stack(alone).mean(0))


def test_class_weights_by_hand():
    """Shares 6/8 and 2/8: their inverse roots 1.1547 and 2, over their mean 0.75 * 1.1547 + 0.25 * 2 = 1.3660."""
    weights = class_weights(torch.tensor([0.75, 0.25]), 0.5)
    assert weights.tolist() == pytest.approx([0.8453, 1.4641], abs=1e-4)
    assert class_weights(torch.tensor([0.75, 0.25]), 0.0).tolist() == [1.0, 1.0]


def test_class_weights_reach_the_loss(monkeypatch):
    masks, seen = eyes(1), []
    real = F.cross_entropy
    monkeypatch.setattr(segmentation.F, "cross_entropy", lambda *given: seen.append(given[2]) or real(*given))
    FewShotSegmenter(4, 4, HeadConfig("linear", steps=1, balance=1.0)).fit(identity(masks), masks)
    share = torch.tensor([(masks == part).double().mean() for part in range(4)])
    torch.testing.assert_close(seen[0] * share, torch.full((4,), 0.25).double(), check_dtype=False)


def test_the_same_seed_gives_the_same_head_and_the_global_generator_is_left_alone():
    masks, before = eyes(3), torch.get_rng_state()
    made = (FewShotSegmenter(4, 4, HeadConfig(steps=3), seed=5).fit(identity(masks), masks) for _ in "ab")
    a, b = (each.predict(identity(masks))[1] for each in made)
    assert torch.equal(a, b) and torch.equal(torch.get_rng_state(), before)


def test_features_of_any_scale_and_offset_are_learned_alike():
    masks, config = eyes(2), HeadConfig("mlp", steps=20)
    a = FewShotSegmenter(4, 4, config).fit(identity(masks), masks).predict(identity(masks))[1]
    b = FewShotSegmenter(4, 4, config).fit(500 * identity(masks) - 80, masks).predict(500 * identity(masks) - 80)[1]
    torch.testing.assert_close(a, b, atol=1e-3, rtol=0)


@pytest.mark.parametrize("head, side", [("linear", 1), ("mlp", 1), ("cnn-s", 15), ("cnn-m", 31), ("cnn-l", 63)])
def test_a_head_sees_so_many_pixels(head, side):
    x = torch.zeros(1, 3, 71, 71, requires_grad=True)
    build_head(head, 3, 4)(x)[0, :, 35, 35].sum().backward()
    seen = (x.grad[0].abs().sum(0) > 0).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [side, side]


def test_a_channel_that_is_constant_where_it_is_labelled_has_no_say_where_it_comes_alive():
    """Constant but for rounding, it would count a million times as much as the others."""
    masks, new = eyes(1), eyes(5, seed=1)
    def with_one_more(each, channel):
        return torch.cat([identity(each), channel.expand(len(each), 1, 12, 16)], 1)
    head = FewShotSegmenter(5, 4, HeadConfig("linear", steps=60, lr=0.03)).fit(with_one_more(masks, torch.full((1,), 0.3)), masks)
    quiet = head.predict(with_one_more(new, torch.full((1,), 0.3)))[1]
    assert torch.equal(head.predict(with_one_more(new, torch.linspace(-4, 4, 16)))[1], quiet)
    assert part_iou(quiet.argmax(1), new, 4).min() == 1


def test_features_that_are_constant_throughout_are_no_error():
    masks = eyes(1)
    probabilities = FewShotSegmenter(2, 4, HeadConfig("linear", steps=2)).fit(torch.ones(1, 2, 12, 16), masks).predict(
        torch.rand(1, 2, 12, 16))[1]
    assert torch.equal(probabilities, probabilities[..., :1, :1].expand_as(probabilities))


def test_the_nearest_pixel_is_looked_for_some_pixels_at_a_time(monkeypatch):
    """Of 12 labelled pixels and a bound of 60 similarities: five new pixels at a time."""
    columns, masks = torch.randn(2, 3, 2, 6, generator=torch.Generator().manual_seed(0)), torch.arange(24).reshape(2, 2, 6)
    segmenter, whole = NearestSegmenter(3, 24).fit(columns[:1], masks[:1]), []
    whole, seen, argmax = segmenter.predict(columns)[0], [], torch.Tensor.argmax
    monkeypatch.setattr(segmentation, "AT_ONCE", 60)
    monkeypatch.setattr(torch.Tensor, "argmax", lambda each, *given: seen.append(tuple(each.shape)) or argmax(each, *given))
    assert torch.equal(segmenter.predict(columns)[0], whole) and seen == 2 * [(5, 12), (5, 12), (2, 12)]
    assert torch.equal(whole[0].long(), masks[0])


@pytest.mark.parametrize("make", [FewShotSegmenter, NearestSegmenter])
def test_bad_input_is_told_in_one_line(make):
    columns, masks = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    for bad, labels, said in ((torch.zeros(2, 5, 4, 4), masks, r"hypercolumns: expected \(N, 3, H, W\), found \(2, 5, 4, 4\)"),
                              (columns, masks[:1], r"masks: expected \(2, 4, 4\), found \(1, 4, 4\)"),
                              (columns, masks + 4, "masks: expected whole numbers from 0 to 3, found 4 to 4"),
                              (columns, masks.float(), "masks: expected whole numbers from 0 to 3, found torch.float32"),
                              (columns.long(), masks, "hypercolumns: expected finite floats, found torch.int64"),
                              (columns + float("nan"), masks, "hypercolumns: expected finite floats, found NaN or infinity")):
        with pytest.raises(UserError, match=said):
            make(3, 4).fit(bad, labels)
    with pytest.raises(UserError, match="call fit first"):
        make(3, 4).predict(columns)


@pytest.mark.parametrize("segmenter", [FewShotSegmenter(4, 4, HeadConfig("linear", steps=1)), NearestSegmenter(4, 4)])
def test_other_columns_than_those_learned_are_told(segmenter):
    segmenter.fit(identity(eyes(1)), eyes(1))
    with pytest.raises(UserError, match=r"expected \(N, 4, H, W\), found \(1, 3, 12, 16\)"):
        segmenter.predict(torch.zeros(1, 3, 12, 16))
    broken = identity(eyes(1))
    broken[0, 2, 5, 5] = float("nan")
    with pytest.raises(UserError, match="expected finite floats, found NaN"):
        segmenter.predict(broken)


@pytest.mark.parametrize("make", [FewShotSegmenter, NearestSegmenter])
def test_more_classes_than_a_byte_can_name_are_told(make):
    with pytest.raises(UserError, match="classes: expected a whole number from 1 to 256, found 257"):
        make(3, 257)
    make(3, 256)


def test_a_head_that_there_is_none_of_is_told():
    with pytest.raises(UserError, match="head: expected one of linear, mlp"):
        HeadConfig("unet")


# ---- what is measured ----
def test_iou_by_hand_is_pooled_over_images():
    """Part 1: one pixel agrees in the first image, of one; none in the second, of four.  1 / 5, not the mean of 1 and 0."""
    true = torch.tensor([[[1, 0, 0, 0]], [[1, 1, 0, 0]]])
    predicted = torch.tensor([[[1, 0, 0, 0]], [[0, 0, 1, 1]]])
    assert part_iou(predicted, true, 3).tolist()[:2] == [3 / 7, 1 / 5]
    assert part_iou(predicted, true, 3)[2].isnan() and part_iou(true, true, 3).tolist()[:2] == [1, 1]


def test_iou_is_the_same_from_either_side():
    a, b = eyes(6), eyes(6, seed=1)
    assert torch.equal(part_iou(a, b, 4), part_iou(b, a, 4)) and part_iou(a, b, 4)[3] < 0.9


@pytest.mark.parametrize("bad", [torch.zeros(1, 2, 3, dtype=torch.long), torch.full((1, 2, 2), 4), torch.full((1, 2, 2), -1),
                                 torch.zeros(1, 2, 2)])
def test_iou_refuses_masks_that_are_none(bad):
    with pytest.raises(ValueError):
        part_iou(bad, torch.zeros(1, 2, 2, dtype=torch.long), 4)


def test_a_pupil_s_centre_by_hand():
    mask = torch.zeros(3, 4, 6, dtype=torch.uint8)
    mask[0, 1:3, 3:5], mask[2, 3, 0] = 3, 3
    centres, empty = pupil_centre(mask)
    assert centres[0].tolist() == [3.5, 1.5] and centres[2].tolist() == [0, 3] and centres[1].isnan().all() and empty == 1 / 3
    assert pupil_centre(mask == 3, part=1)[0][0].tolist() == [3.5, 1.5]


def test_probabilities_tell_a_centre_finer_than_a_pixel():
    weight = torch.zeros(1, 3, 4)
    weight[0, 1, 1], weight[0, 1, 2] = 0.75, 0.25
    assert pupil_centre(weight)[0].tolist() == [[1.25, 1.0]]


def test_a_pixel_weighs_as_much_as_its_named_parts_are_probable():
    masks = torch.tensor([[[3, 2, 1]]], dtype=torch.uint8)
    probabilities = torch.tensor([[0.1, 0.1, 0.4], [0.1, 0.1, 0.5], [0.2, 0.5, 0.1], [0.6, 0.3, 0.0]])[None, :, None]
    torch.testing.assert_close(weighted(masks, probabilities), torch.tensor([[[0.6, 0, 0]]]))
    torch.testing.assert_close(weighted(masks, probabilities, WHOLE_IRIS), torch.tensor([[[0.8, 0.8, 0]]]))


def test_the_error_of_a_centre_leaves_out_images_without_the_part_and_counts_them():
    true = torch.zeros(3, 4, 9, dtype=torch.uint8)
    true[:, 1:3, 2:4] = 3
    found = true.clone()
    found[1], found[2] = true[1].roll(2, -1), 0                                # one moved by 2 px, one with no pupil seen
    certain = torch.nn.functional.one_hot(found.long(), 4).movedim(-1, 1).float()
    off, none = centre_error(found, certain, true)
    assert off == pytest.approx(1) and none == pytest.approx(100 / 3)
    assert centre_error(found, certain, true, (2,))[1] == 100


def test_below_a_glint_lies_pupil_or_iris_and_all_else_stays():
    eyes, plain = labelled_eyes(40, seed=5), simulate(40, seed=5)
    assert torch.equal(eyes.images, plain.images) and torch.equal(eyes.labels["gaze"], plain.labels["gaze"])
    glint = plain.labels["parts"] == 4
    below = eyes.labels["parts"][glint]
    assert set(below.unique().tolist()) == {2, 3} and torch.equal(eyes.labels["parts"][~glint], plain.labels["parts"][~glint])
