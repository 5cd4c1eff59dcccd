"""Checks of notebook 05: training SimGAN."""

from ... import losses
from .base import answer, drawn, expect


def refiner_loss(mine):
    """The refiner's loss, one number an image: fool the discriminator, and stay near the input."""
    logits, refined, synthetic, weight = 3 * drawn(3, 2, 2, 3), drawn(3, 1, 4, 5), drawn(3, 1, 4, 5, seed=1), 0.3
    fool = losses.local_adversarial_loss(logits, losses.REAL)
    caught = losses.local_adversarial_loss(logits, losses.REFINED)
    stay = losses.self_regularization(refined, synthetic)
    right = losses.refiner_loss(logits, refined, synthetic, weight)
    expect(answer(mine, logits, refined, synthetic, weight), right, {
        "the refiner helps the discriminator: which verdict does it want for its images?": caught + weight * stay,
        "fooling as the opposite of being caught: that gradient vanishes when it is needed": -caught + weight * stay,
        "the weight is missing": fool + stay,
        "the weight is on the wrong term": weight * fool + stay,
        "no adversarial term: the refiner would learn to do nothing": weight * stay,
        "no self-regularization: the labels would be lost": fool,
        "staying near is punished: check a sign": fool - weight * stay,
        "one number for the whole batch: give one for each image": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
        "self-regularization as a mean over pixels: mean or sum?": fool + weight * stay / refined[0].numel(),
    })


def discriminator_loss(mine):
    """The discriminator's loss, one number a pair: call refined patches refined, and real ones real."""
    on_refined, on_real = 3 * drawn(3, 2, 2, 3), 3 * drawn(3, 2, 2, 3, seed=1)
    refined = losses.local_adversarial_loss(on_refined, losses.REFINED)
    real = losses.local_adversarial_loss(on_real, losses.REAL)
    right = losses.discriminator_loss(on_refined, on_real)
    expect(answer(mine, on_refined, on_real), right, {
        "both labels are exchanged: which class is real?": losses.discriminator_loss(on_real, on_refined),
        "refined images are to be called refined: that is the refiner's wish, not the discriminator's":
            losses.local_adversarial_loss(on_refined, losses.REAL) + real,
        "real images are to be called real": refined + losses.local_adversarial_loss(on_real, losses.REFINED),
        "the real images are missing: calling everything refined would do": refined,
        "the refined images are missing: calling everything real would do": real,
        "a minus between the two: one verdict would be rewarded for being wrong": refined - real,
        "half of it: the paper adds both sums": right / 2,
        "the mean over patches: mean or sum?": right / 6,
        "one number for the whole batch: give one for each pair": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
    })
