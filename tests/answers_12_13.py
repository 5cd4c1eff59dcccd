"""Right and wrong answers to the exercises of notebooks 12 and 13, written apart from the checks.

BANK: {check: ([right answer, ...], [(wrong answer, words of the message that it must get), ...])}.
"""

import functools

import numpy as np
import torch
from torch.nn import functional as F

from simgan_lib.neighbours import rotation, ssgan


# ---- 12.1 rotate_batch: images (n, c, s, s) -> (turned (4 n, c, s, s), labels) ----
def rotated(images, turns=(0, 1, 2, 3), axes=(2, 3), turn=torch.rot90):
    return torch.cat([turn(images, k, axes) for k in turns]), torch.arange(4).repeat_interleave(len(images))


def by_flips(images):
    """A quarter turn against the clock is a transpose and then a flip of the rows."""
    quarter = images.transpose(2, 3).flip(2)
    half = images.flip((2, 3))
    three = images.flip(2).transpose(2, 3)
    return torch.cat([images, quarter, half, three]), torch.cat([torch.full((len(images),), k) for k in range(4)])


def transposed(images, *parts, labels=None):
    return torch.cat([images, *parts]), torch.arange(4).repeat_interleave(len(images)) if labels is None else labels


def one_after_the_other(images):
    turned = [torch.rot90(image, k, (1, 2)) for image in images for k in range(4)]
    return torch.stack(turned), torch.arange(4).repeat(len(images))


def labelled(change):
    return lambda images: (rotated(images)[0], change(torch.arange(4).repeat_interleave(len(images)), images))


ROTATE_BATCH = [
    rotated, by_flips, rotation.rotate_batch,
    lambda images: list(rotated(images)),
    lambda images: (torch.stack([torch.rot90(images, k, (-2, -1)) for k in range(4)]).flatten(0, 1),
                    torch.tensor([k for k in range(4) for _ in images])),
    lambda images: (torch.from_numpy(np.concatenate([np.rot90(images.numpy(), k, (2, 3)) for k in range(4)])),
                    torch.from_numpy(np.repeat(np.arange(4), len(images)))),
], [
    (lambda x: transposed(x, x.mT, torch.rot90(x, 2, (2, 3)), x.mT.flip(2, 3)), "transpose"),
    (lambda x: transposed(x, x.mT, x.flip(2), x.mT.flip(2)), "transpose"),
    (lambda x: transposed(x, x.mT, x.flip(2, 3), x.mT), "transpose"),
    (lambda x: transposed(x, x.flip(3), x.flip(2, 3), x.flip(2)), "mirror"),
    (functools.partial(rotated, turns=(0, 3, 2, 1)), "against the clock"),
    (functools.partial(rotated, turns=(0, -1, -2, -3)), "against the clock"),
    (functools.partial(rotated, turns=(1, 2, 3)), "are missing"),
    (functools.partial(rotated, turns=(1, 2, 3, 0)), "come first"),
    (functools.partial(rotated, turns=(0, 0, 0, 0)), "nothing is turned"),
    (one_after_the_other, "stand together"),
    (lambda x: (one_after_the_other(x)[0], rotated(x)[1]), "stand together"),
    (lambda x: (rotated(x)[0], one_after_the_other(x)[1]), ""),
    (labelled(lambda labels, x: labels + 1), "begin at 0"),
    (labelled(lambda labels, x: 90 * labels), "degrees"),
    (labelled(lambda labels, x: labels.float()), "whole numbers"),
    (labelled(lambda labels, x: 0 * labels), ""),
    (labelled(lambda labels, x: F.one_hot(labels, 4)), "shape"),
    (labelled(lambda labels, x: torch.arange(4)), ""),
    (lambda x: rotated(x)[0], "two things"),
    (lambda x: (rotated(x)[0] * 0.5, rotated(x)[1]), "0.5 times"),
    (lambda x: rotated(x.flip(0)) if len(x) > 1 else rotated(x), ""),
]


# ---- 12.2 and 12.3: SS-GAN's losses ----
def turned(judge, images, loss=lambda logits, labels: F.cross_entropy(logits, labels)):
    images, labels = rotated(images)
    return loss(judge.turned(images), labels)


def hinge(judge, real, fake):
    return F.relu(1 - judge(real)).mean() + F.relu(1 + judge(fake)).mean()


def right_discriminator(judge, real, fake, beta, fool=lambda fake: fake.detach(), verdict=hinge, turns=turned):
    return verdict(judge, real, fool(fake)) + beta * turns(judge, real)


def by_hand(judge, real, fake, beta):
    images, labels = by_flips(real)
    chance = judge.turned(images).log_softmax(1)
    return ((1 - judge(real)).clamp(min=0).mean() + (1 + judge(fake.detach())).clamp(min=0).mean()
            - beta * chance[torch.arange(len(labels)), labels].mean())


def at_once(judge, real, fake, beta):
    """Both sets through the discriminator in one batch."""
    on_real, on_fake = judge(torch.cat([real, fake.detach()])).split([len(real), len(fake)])
    return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean() + beta * turned(judge, real)


def none_where_no_weight(judge, real, fake, beta):
    loss = hinge(judge, real, fake.detach())
    return loss + beta * turned(judge, real) if beta else loss


def without_graph(judge, real, fake, beta):
    with torch.no_grad():
        on_fake = F.relu(1 + judge(fake)).mean()
    return F.relu(1 - judge(real)).mean() + on_fake + beta * turned(judge, real)


def half_taught(judge, real, fake, beta):
    return hinge(judge, real, fake.detach()) + beta * turned(judge, real).detach()


def with_fakes(judge, real, fake, beta):
    return hinge(judge, real, fake.detach()) + beta * (turned(judge, real) + turned(judge, fake.detach()))


def binary(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, 4).float())


def verdict(on_real=lambda v: F.relu(1 - v).mean(), on_fake=lambda v: F.relu(1 + v).mean()):
    return functools.partial(right_discriminator, verdict=lambda judge, real, fake: on_real(judge(real)) + on_fake(judge(fake)))


ROTATION_DISCRIMINATOR_LOSS = [
    right_discriminator, by_hand, at_once, none_where_no_weight,
    lambda judge, real, fake, beta: ssgan.discriminator_loss(judge, real, fake, beta),
    functools.partial(right_discriminator, turns=lambda judge, real: turned(judge, real, F.cross_entropy) + 0),
], [
    (functools.partial(right_discriminator, verdict=lambda judge, real, fake: hinge(judge, rotated(real)[0], rotated(fake)[0])),
     "upright"),
    (functools.partial(right_discriminator, verdict=lambda judge, real, fake: hinge(judge, rotated(real)[0], fake)), "upright"),
    (with_fakes, "real ones alone"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + beta * turned(judge, torch.cat([real, fake.detach()])),
     "real ones alone"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + beta * turned(judge, fake.detach()), "in place of real"),
    (functools.partial(right_discriminator, turns=lambda judge, real: turned(judge, real, binary)), "binary"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + turned(judge, real), "beta is missing"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()), "no rotation loss"),
    (lambda judge, real, fake, beta: beta * hinge(judge, real, fake.detach()) + turned(judge, real), "wrong term"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) - beta * turned(judge, real), "sign"),
    (lambda judge, real, fake, beta: right_discriminator(judge, fake, real, beta), ""),
    (verdict(lambda v: F.relu(1 + v).mean(), lambda v: F.relu(1 - v).mean()), "exchanged"),
    (verdict(lambda v: -v.mean(), lambda v: v.mean()), "Wasserstein"),
    (verdict(lambda v: F.softplus(-v).mean(), lambda v: F.softplus(v).mean()), "in place of the hinge"),
    (verdict(lambda v: F.relu(1 - v).sum(), lambda v: F.relu(1 + v).sum()), "sums"),
    (verdict(lambda v: F.relu(1 - v).mean() / 2, lambda v: F.relu(1 + v).mean() / 2), "mean of both"),
    (functools.partial(right_discriminator, turns=lambda judge, real: 4 * len(real) * turned(judge, real)), "take its mean"),
    (functools.partial(right_discriminator, fool=lambda fake: fake), "detach"),
    (without_graph, "gradient"),
    (half_taught, "gradient"),
    (functools.partial(right_discriminator, turns=lambda judge, real: F.cross_entropy(
        judge.turned(torch.cat([real, real.mT, real.flip(2, 3), real.mT])), rotated(real)[1])), ""),
    (functools.partial(right_discriminator, turns=lambda judge, real: F.cross_entropy(
        judge.turned(real), torch.zeros(len(real), dtype=torch.long))), ""),
]


def right_generator(judge, fake, alpha, score=lambda v: -v.mean(), turns=turned):
    return score(judge(fake)) + alpha * turns(judge, fake)


ROTATION_GENERATOR_LOSS = [
    right_generator,
    lambda judge, fake, alpha: ssgan.generator_loss(judge, fake, alpha),
    lambda judge, fake, alpha: -judge(fake).sum() / len(fake) - alpha * judge.turned(by_flips(fake)[0]).log_softmax(1)[
        torch.arange(4 * len(fake)), by_flips(fake)[1]].mean(),
    lambda judge, fake, alpha: torch.stack([-judge(fake).mean(), alpha * turned(judge, fake)]).sum(),
    lambda judge, fake, alpha: right_generator(judge, fake, alpha) if alpha else -judge(fake).mean(),
], [
    (lambda judge, fake, alpha: -judge(rotated(fake)[0]).mean() + alpha * turned(judge, fake), "upright"),
    (functools.partial(right_generator, score=lambda v: v.mean()), "convict"),
    (functools.partial(right_generator, score=lambda v: F.relu(1 - v).mean()), "hinge"),
    (functools.partial(right_generator, score=lambda v: F.softplus(-v).mean()), "plain score"),
    (functools.partial(right_generator, score=lambda v: -v.sum()), "sums"),
    (lambda judge, fake, alpha: right_generator(judge, fake, -alpha), "hides"),
    (lambda judge, fake, alpha: right_generator(judge, fake, 1), "alpha is missing"),
    (lambda judge, fake, alpha: right_generator(judge, fake, 0), "no rotation loss"),
    (lambda judge, fake, alpha: -alpha * judge(fake).mean() + turned(judge, fake), "wrong term"),
    (functools.partial(right_generator, turns=lambda judge, fake: turned(judge, fake, binary)), "binary"),
    (functools.partial(right_generator, turns=lambda judge, fake: 4 * len(fake) * turned(judge, fake)), "take its mean"),
    (lambda judge, fake, alpha: right_generator(judge, fake.detach(), alpha), "no gradient"),
    (lambda judge, fake, alpha: -judge(fake).mean() + alpha * turned(judge, fake.detach()), "gradient"),
    (lambda judge, fake, alpha: -judge(fake.detach()).mean() + alpha * turned(judge, fake), "gradient"),
    (functools.partial(right_generator, turns=lambda judge, fake: F.cross_entropy(
        judge.turned(torch.cat([fake, fake.mT, fake.flip(2, 3), fake.mT])), rotated(fake)[1])), ""),
]

BANK = {"rotate_batch": ROTATE_BATCH, "rotation_discriminator_loss": ROTATION_DISCRIMINATOR_LOSS,
        "rotation_generator_loss": ROTATION_GENERATOR_LOSS}
