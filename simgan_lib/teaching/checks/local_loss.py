"""Checks of notebook 03: local adversarial loss."""

import numpy as np
import torch

from ... import losses, networks
from .base import answer, drawn, expect


def local_adversarial_loss(mine):
    """Cross-entropy of each patch, summed over the patch map."""
    logits = 3 * drawn(3, 2, 4, 5)
    for label in (losses.REAL, losses.REFINED):
        right = losses.local_adversarial_loss(logits, label)
        patches = -torch.log_softmax(logits, 1)[:, label]
        pixels = -torch.log_softmax(logits.reshape(-1, 2), 1)[:, label].reshape(3, -1).sum(1)
        expect(answer(mine, logits, label), right, {
            "right shape, wrong value: mean or sum over the patches?": patches.mean((1, 2)),
            "one number for the whole batch: give one for each image": patches.sum(),
            "one number for the whole batch, and a mean: where did the patches and the images go?": patches.mean(),
            "the mean over images belongs to the training loop: give one number for each image": right.mean(),
            "one number for each patch: sum them, image by image": patches,
            "the labels are exchanged: which class is real?": losses.local_adversarial_loss(logits, 1 - label),
            "a reshape without moving the class axis: neighbouring pixels have become classes": pixels,
            "the sign: a loss is small when the verdict is right": -right,
            "softmax over the wrong axis": -torch.log_softmax(logits, 0)[:, label].sum((1, 2)),
            "log softmax is not taken: those are the logits": -logits[:, label].sum((1, 2)),
            "softmax taken twice": -torch.log_softmax(logits.softmax(1), 1)[:, label].sum((1, 2)),
            "probabilities are summed, not their logarithms": -logits.softmax(1)[:, label].sum((1, 2)),
        })


def receptive_field(mine):
    """Side of what one output sees, from (kernel, stride) of each layer."""
    gaze_discriminator = [(3, 2), (3, 2), (3, 1), (3, 1), (1, 1), (1, 1)]
    for layers in ([(3, 1)], [(3, 1), (3, 1)], [(7, 4), (5, 2)], [(3, 2), (3, 1)], gaze_discriminator):
        sides, steps = [kernel for kernel, _ in layers], [stride for _, stride in layers]
        late = 1 + sum((side - 1) * int(np.prod(steps[:i + 1])) for i, side in enumerate(sides))
        expect(answer(mine, layers), networks.receptive_field(layers), {
            "the strides have no effect: a layer behind a stride steps over several input pixels":
                1 + sum(sides) - len(sides),
            "each layer adds its kernel: but one of its pixels has been counted already": sum(sides),
            "a layer's stride counts for the layers behind it, not for itself": late,
            "one too few: a single pixel is a field of 1": networks.receptive_field(layers) - 1,
            "that is the step between two outputs, not what one of them sees": int(np.prod(steps)),
        })
