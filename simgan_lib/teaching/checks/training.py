"""Checks of notebook 05: training SimGAN."""

import torch

from ... import losses
from .base import check, expect, expect_gradients, expect_rule


def patch_maps(draw):
    """Two tensors of logits (n, 2, h, w), in either order of memory, as networks give them."""
    n, _, height, width = draw.images()
    order, scale = draw.one_of(torch.contiguous_format, torch.channels_last), draw.one_of(3.0, 0.03, 5.0)
    return [draw.values(n, 2, height, width, scale=scale).contiguous(memory_format=order) for _ in range(2)]


@check(losses.refiner_loss)
def refiner_loss(answer, draw):
    """The refiner's loss, one number an image: fool the discriminator, and stay near the input."""
    logits, _ = patch_maps(draw)
    shape = len(logits), *draw.images()[1:]
    refined, synthetic = draw.values(*shape), draw.values(*shape)
    weight = draw.one_of(draw.number(0.2, 0.4), draw.number(2, 9), 0.01, 0.0)
    for features in (None, draw.one_of(losses.local_contrast, losses.image_gradients, losses.blurred)):
        _refiner_loss(answer, logits, refined, synthetic, weight, features)


def _refiner_loss(answer, logits, refined, synthetic, weight, features):
    kept = features or losses.identity
    fool = losses.local_adversarial_loss(logits, losses.REAL)
    caught = losses.local_adversarial_loss(logits, losses.REFINED)
    stay = losses.self_regularization(refined, synthetic, features)
    arguments = logits, refined, synthetic, weight, features
    right = losses.refiner_loss(*arguments)
    expect(answer(*arguments), right, {
        "the refiner helps the discriminator: which verdict does it want for its images?": caught + weight * stay,
        "fooling as the opposite of being caught: that gradient vanishes when it is needed": -caught + weight * stay,
        "the difference of both verdicts: one cross-entropy is asked": fool - caught + weight * stay,
        "both verdicts are wanted: one cross-entropy is asked": fool + caught + weight * stay,
        "the weight is missing": fool + stay,
        "the weight is on the wrong term": weight * fool + stay,
        "the weight is on both terms": weight * (fool + stay),
        "the weight is shared out, 1 - weight for the other term: it is on one term alone": (1 - weight) * fool + weight * stay,
        "divided by the weight": fool + stay / (weight or 1),
        "no adversarial term: the refiner would learn to do nothing": weight * stay,
        "no self-regularization: the labels would be lost": fool,
        "staying near is punished: check a sign": fool - weight * stay,
        "the distance is in pixels, whatever `features` is": fool + weight * losses.self_regularization(refined, synthetic),
        "squares of differences: the distance is a sum of absolute values":
            fool + weight * (kept(refined) - kept(synthetic)).square().flatten(1).sum(1),
        "one number for the whole batch: give one for each image": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
        "the adversarial term as one number for all images": fool.mean() + weight * stay,
        "the self-regularization as one number for all images": fool + weight * stay.mean(),
        "self-regularization as a mean over pixels: mean or sum?": fool + weight * stay / refined[0].numel(),
        "the adversarial term as a mean over patches: mean or sum?": fool / logits[0, 0].numel() + weight * stay,
    })
    expect_gradients(answer, losses.refiner_loss, arguments, {0: "the logits", 1: "refined"})
    expect_rule("a weight larger by 1 must add the distance once", answer(*arguments[:3], weight + 1, features), right + stay)
    if features is None:
        expect_rule("without `features` the pixels are compared", answer(*arguments[:4]), right)


@check(losses.discriminator_loss)
def discriminator_loss(answer, draw):
    """The discriminator's loss, one number a pair: call refined patches refined, and real ones real."""
    on_refined, on_real = patch_maps(draw)
    refined = losses.local_adversarial_loss(on_refined, losses.REFINED)
    real = losses.local_adversarial_loss(on_real, losses.REAL)
    not_refined, not_real = (losses.local_adversarial_loss(logits, label)
                             for logits, label in ((on_refined, losses.REAL), (on_real, losses.REFINED)))
    right = losses.discriminator_loss(on_refined, on_real)
    expect(answer(on_refined, on_real), right, {
        "both labels are exchanged: which class is real?": not_refined + not_real,
        "refined images are to be called refined: that is the refiner's wish, not the discriminator's": not_refined + real,
        "real images are to be called real": refined + not_real,
        "the real images are missing: calling everything refined would do": refined,
        "the refined images are missing: calling everything real would do": real,
        "a minus between the two: one verdict would be rewarded for being wrong": refined - real,
        "a minus between the two: one verdict would be rewarded for being wrong, and the other way round": real - refined,
        "the sign: a loss is small when the verdicts are right": -right,
        "the product of both: the sum is asked": refined * real,
        "the larger of both: the sum is asked": torch.maximum(refined, real),
        "half of it: the paper adds both sums": right / 2,
        "the mean over patches: mean or sum?": right / on_real[0, 0].numel(),
        "the refined images twice": 2 * refined,
        "the real images twice": 2 * real,
        "smoothed labels: the paper has hard ones": refined + 0.9 * real + 0.1 * not_real,
        "smoothed labels on both sides: the paper has hard ones":
            0.9 * right + 0.1 * (not_refined + not_real),
        "one number for the whole batch: give one for each pair": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
        "one number for each image of both kinds: add them, pair by pair": torch.cat([refined, real]),
        "two numbers for each pair: add them": torch.stack([refined, real], 1),
        "differences of logits: that is Wasserstein's loss, not the cross-entropy":
            (on_real[:, 1] - on_refined[:, 1]).sum((1, 2)),
        "squares of errors: that is another loss (LSGAN's)":
            ((on_refined.softmax(1)[:, 1] - 1) ** 2 + on_real.softmax(1)[:, 1] ** 2).sum((1, 2)),
    })
    expect_gradients(answer, losses.discriminator_loss, [on_refined, on_real], {0: "the refined images", 1: "the real images"})
    expect_rule("a real image's part must not depend on its refined partner",
                answer(on_refined, on_real.flip(0)), refined + real.flip(0))
