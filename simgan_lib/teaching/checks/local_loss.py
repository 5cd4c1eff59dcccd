"""Checks of notebook 03: local adversarial loss."""

import math

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ... import losses, networks
from .base import check, expect, expect_gradients, expect_rule, plain, wrong_if


@check(losses.local_adversarial_loss)
def local_adversarial_loss(answer, draw):
    """Cross-entropy of each patch, summed over the patch map."""
    n, _, height, width = draw.images()
    logits = draw.values(n, 2, height, width, scale=draw.one_of(3.0, 1e-3, 100.0))
    for label in (losses.REAL, losses.REFINED):
        right = losses.local_adversarial_loss(logits, label)
        patches = -torch.log_softmax(logits, 1)[:, label]
        given = logits.softmax(1)[:, label]
        target = torch.zeros_like(logits)
        target[:, label] = 1
        both = binary_cross_entropy_with_logits(logits, target, reduction="none").sum((1, 2, 3))
        found = answer(logits, label)
        wrong_if(plain(found).isinf().any(), "infinite where the discriminator is sure: the softmax has rounded a probability to 0 "
                                             "before the logarithm; take both in one step")
        expect(found, right, {
            "right shape, wrong value: mean or sum over the patches?": patches.mean((1, 2)),
            "one number for the whole batch: give one for each image": patches.sum(),
            "one number for the whole batch, and a mean: where did the patches and the images go?": patches.mean(),
            "the mean over images belongs to the training loop: give one number for each image": right.mean(),
            "one number for each patch: sum them, image by image": patches,
            "one number for each row of patches: sum over both sides of the map": patches.sum(2),
            "one number for each column of patches: sum over both sides of the map": patches.sum(1),
            "the batch is summed, the patches are kept: the other way round": patches.sum(0),
            "the labels are exchanged: which class is real?": losses.local_adversarial_loss(logits, 1 - label),
            "a reshape without moving the class axis: neighbouring pixels have become classes":
                -torch.log_softmax(logits.reshape(-1, 2), 1)[:, label].reshape(n, -1).sum(1),
            "the sign: a loss is small when the verdict is right": -right,
            "softmax over the wrong axis: over the images": -torch.log_softmax(logits, 0)[:, label].sum((1, 2)),
            "softmax over the wrong axis: over a column of the map": -torch.log_softmax(logits, 2)[:, label].sum((1, 2)),
            "softmax over the wrong axis: over a row of the map": -torch.log_softmax(logits, 3)[:, label].sum((1, 2)),
            "softmax over the wrong axis: over the whole map":
                -logits.flatten(1).log_softmax(1).reshape(logits.shape)[:, label].sum((1, 2)),
            "log softmax is not taken: those are the logits": -logits[:, label].sum((1, 2)),
            "softmax taken twice": -torch.log_softmax(logits.softmax(1), 1)[:, label].sum((1, 2)),
            "probabilities are summed, not their logarithms": -given.sum((1, 2)),
            "one minus the probability is no cross-entropy: take the logarithm": (1 - given).sum((1, 2)),
            "the logarithm of the mean probability: take the logarithm patch by patch": -given.mean((1, 2)).log(),
            "two sigmoids in place of one softmax": both,
            "two sigmoids in place of one softmax, and a mean of both": both / 2,
            "logarithms to base 10: the loss is in nats": right / math.log(10),
            "logarithms to base 2: the loss is in nats": right / math.log(2),
            "the squares of the errors: that is another loss (LSGAN's)": (1 - given).square().sum((1, 2)),
        })
        expect_gradients(answer, losses.local_adversarial_loss, [logits, label], {0: "the logits"})
    turned = draw.order(n)
    expect_rule("an image's loss depends on its place in the batch", answer(logits[turned], label), right[turned])
    expect_rule("what is added to both logits must not matter", answer(logits + draw.number(1, 2), label), right, tolerance=1e-3)


def layers_without_gaps(draw):
    """Random (kernel, stride) of few or many layers, none of which steps over a pixel."""
    if draw.first:                                                            # strides multiply, and 1 x 1 has one
        return [(draw.integer(5, 7), 2), (draw.integer(5, 8), 3), (1, 2), (draw.integer(2, 6), 1)]
    count = draw.one_of(0, 1, 2, 3, 5, 12)
    if not count:
        return [(draw.integer(8, 11), draw.integer(5, 8)), (draw.integer(2, 5), 1)]       # a large stride
    layers, step = [], 1
    for _ in range(count):
        kernel = draw.integer(1, 7 if count < 12 else 4)
        side = networks.receptive_field([*layers, (kernel, 1)])
        stride = draw.integer(1, max(1, min(4, side // step, (16 if count < 12 else 4) // step)))
        layers, step = [*layers, (kernel, stride)], step * stride
    return layers


@check(networks.receptive_field, rounds=12)
def receptive_field(answer, draw):
    """Side of what one output sees, from (kernel, stride) of each layer."""
    layers = layers_without_gaps(draw)
    sides, steps = [kernel for kernel, _ in layers], [stride for _, stride in layers]
    right = networks.receptive_field(layers)
    expect(answer(layers), right, {
        "the strides have no effect: a layer behind a stride steps over several input pixels": 1 + sum(sides) - len(sides),
        "each layer adds its kernel: but one of its pixels has been counted already": sum(sides),
        "a layer's stride counts for the layers behind it, not for itself":
            1 + sum((side - 1) * math.prod(steps[:i + 1]) for i, side in enumerate(sides)),
        "strides add up: a step of a step is a product":
            1 + sum((side - 1) * (1 + sum(steps[:i]) - i) for i, side in enumerate(sides)),
        "only the stride just before a layer counts: each stride counts for all layers behind it":
            1 + sum((side - 1) * [1, *steps][i] for i, side in enumerate(sides)),
        "only the largest stride counts: strides multiply":
            1 + sum((side - 1) * max([1, *steps[:i]]) for i, side in enumerate(sides)),
        "each layer adds its whole kernel, times the step: one of its pixels has been counted already":
            1 + sum(side * math.prod(steps[:i]) for i, side in enumerate(sides)),
        "the layers are read from the output to the input": networks.receptive_field(layers[::-1]),
        "a stride of a 1 x 1 layer counts, too":
            networks.receptive_field([(side, step if side > 1 else 1) for side, step in layers]),
        "one too few: a single pixel is a field of 1": right - 1,
        "one too many": right + 1,
        "the last layer is missing": networks.receptive_field(layers[:-1]),
        "the first layer is missing": networks.receptive_field(layers[1:]),
        "that is the number of pixels: the side is asked": right ** 2,
        "that is the step between two outputs, not what one of them sees": math.prod(steps),
        "that is the product of the kernels": math.prod(sides),
    }, tolerance=1e-6)
    place = draw.integer(0, len(layers))
    expect_rule("a layer of 1 x 1 without stride must change nothing", answer([*layers[:place], (1, 1), *layers[place:]]), right)
    expect_rule("one more layer of 3 x 3 must add two steps", answer([*layers, (3, 1)]), right + 2 * math.prod(steps))
