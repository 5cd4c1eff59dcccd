"""Checks of notebook 12: rotations, and SS-GAN's losses."""

import torch
from torch import nn
from torch.nn import functional as F

from ...neighbours import rotation, ssgan
from ...neighbours.sngan import Discriminator
from .base import check, expect, expect_gradients, expect_rule, wrong_if


def squares(draw):
    """(n, c, s, s) of square images: a few or one, odd sides and even ones."""
    n, channels, side, _ = draw.images(least=3)
    return n, channels, side, side


@check(rotation.rotate_batch)
def rotate_batch(answer, draw):
    """Each image in four rotations, and by how many quarter turns."""
    images = draw.values(*squares(draw))
    right, labels = rotation.rotate_batch(images, "all")
    found = answer(images)
    wrong_if(not isinstance(found, (tuple, list)) or len(found) != 2, "two things are asked: the turned images, and their labels")
    turned, said = found
    wrong_if(isinstance(said, torch.Tensor) and said.is_floating_point(),
             "labels are whole numbers: a cross-entropy takes fractions for probabilities")
    expect(turned, right, _wrong_turns(images))
    expect(said, labels, {
        "labels one image after the other, but the images stand one rotation after the other": labels.reshape(4, -1).T.reshape(-1),
        "labels from 1 to 4: they begin at 0": labels + 1,
        "labels in degrees: count quarter turns": 90 * labels,
        "all images have the same label": 0 * labels,
        "the labels run with the clock": (4 - labels) % 4,
    })


def _wrong_turns(images):
    """{sentence: what this mistake makes of the images}."""
    def all_of(*parts):
        return torch.cat([images, *parts])
    quarter, half, three = (torch.rot90(images, k, (2, 3)) for k in (1, 2, 3))
    across, down = images.flip(3), images.flip(2)
    return {
        "each image's four rotations stand together: first all upright images, then all of one quarter turn":
            torch.stack([images, quarter, half, three], 1).flatten(0, 1),
        "a transpose mirrors the image: it is no rotation; transpose and flip": all_of(images.mT, half, half.mT),
        "a transpose mirrors: one flip in addition makes a quarter turn, two do not": all_of(images.mT, half, images.mT.flip(2, 3)),
        "a transpose alone mirrors, and so does a flip": all_of(images.mT, down, images.mT.flip(2)),
        "a transpose stands for both quarter turns": all_of(images.mT, half, images.mT),
        "the second and the fourth are exchanged: turn against the clock": all_of(three, half, quarter),
        "a flip is no half turn: it mirrors left and right": all_of(quarter, across, three),
        "a flip is no half turn: it mirrors top and bottom": all_of(quarter, down, three),
        "flips are no rotations: they mirror": all_of(across, half, down),
        "nothing is turned": all_of(images, images, images),
        "the upright images come first, not last": torch.cat([quarter, half, three, images]),
        "the upright images are missing": torch.cat([quarter, half, three]),
    }


class Judge(Discriminator):
    """A small discriminator that notes which images were judged real or fake."""

    def __init__(self, channels, side, generator):
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(channels * side * side, 6), nn.Tanh()), 6, spectral=False)
        self.requires_grad_(False)
        for weights in self.parameters():
            weights.copy_(0.6 * torch.randn(weights.shape, generator=generator))
        self.requires_grad_(True)
        self.judged = []

    def forward(self, images):
        self.judged.append(images)
        return super().forward(images)


def _rotation_term(judge, images):
    turned, labels = rotation.rotate_batch(images, "all")
    return F.cross_entropy(judge.turned(turned), labels)


def _binary(judge, images):
    turned, labels = rotation.rotate_batch(images, "all")
    return F.binary_cross_entropy_with_logits(judge.turned(turned), F.one_hot(labels, 4).float())


TURNED = "turned images enter the real/fake loss: real or fake is judged on upright images alone"


def tried(answer, judge, upright, *arguments):
    """What an answer gives.  Wrong if it asks real or fake of anything but the images `upright` (n, c, s, s)."""
    judge.judged.clear()
    found = answer(judge, *arguments)
    for batch in [] if answer.blank else judge.judged:
        wrong_if(batch.shape[1:] != upright.shape[1:] or not (batch[:, None] == upright).flatten(2).all(2).any(1).all(), TURNED)
    return found


@check(ssgan.discriminator_loss)
def rotation_discriminator_loss(answer, draw):
    """SS-GAN's loss of the discriminator: hinge on upright images, rotations of real ones."""
    shape = squares(draw)
    real, fake = draw.values(*shape), draw.values(draw.one_of(shape[0], 1, 4), *shape[1:])
    judge, beta = Judge(*shape[1:3], draw.generator), draw.one_of(draw.number(0.3, 0.7), 1.5, 0.0)
    right = ssgan.discriminator_loss(judge, real, fake, beta)
    on_real, on_fake = judge(real), judge(fake)
    turned, of_fakes = _rotation_term(judge, real), _rotation_term(judge, fake)
    hinge = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
    all_real, all_fake = (judge(rotation.rotate_batch(images, "all")[0]) for images in (real, fake))
    expect(tried(answer, judge, torch.cat([real, fake]), real, fake, beta), right, {
        TURNED: F.relu(1 - all_real).mean() + F.relu(1 + all_fake).mean() + beta * turned,
        "the rotations of generated images are learned, too: the discriminator's are of real ones alone":
            hinge + beta * (turned + of_fakes),
        "the rotations of all images are learned, in one batch: the discriminator's are of real ones alone":
            hinge + beta * _rotation_term(judge, torch.cat([real, fake])),
        "the rotations of generated images are learned, in place of real ones": hinge + beta * of_fakes,
        "a binary cross-entropy: the four angles exclude each other": hinge + beta * _binary(judge, real),
        "beta is missing": hinge + turned,
        "no rotation loss": hinge,
        "beta weighs the wrong term": beta * hinge + turned,
        "the rotation loss has the wrong sign": hinge - beta * turned,
        "real and fake are exchanged": F.relu(1 + on_real).mean() + F.relu(1 - on_fake).mean() + beta * turned,
        "no hinge: what is clear already should count no more": (1 - on_real).mean() + (1 + on_fake).mean() + beta * turned,
        "no hinge: that is a Wasserstein loss": on_fake.mean() - on_real.mean() + beta * turned,
        "cross-entropy in place of the hinge": F.softplus(-on_real).mean() + F.softplus(on_fake).mean() + beta * turned,
        "sums in place of means: the loss would grow with the batch":
            F.relu(1 - on_real).sum() + F.relu(1 + on_fake).sum() + beta * turned,
        "the mean of both hinges: they are added": hinge / 2 + beta * turned,
        "the rotation loss is summed: take its mean": hinge + beta * turned * 4 * len(real),
    })
    if not answer.blank:
        _learned_by_the_judge(answer.mine, judge, real, fake, beta)


def _learned_by_the_judge(mine, judge, real, fake, beta):
    """Wrong unless the discriminator's weights get the library's gradients, and the generator none."""
    made, weights = fake.clone().requires_grad_(), list(judge.parameters())
    loss = mine(judge, real.clone(), made, beta)
    wrong_if(not (isinstance(loss, torch.Tensor) and loss.requires_grad),
             "the values are right, but no gradient reaches the discriminator's weights")
    back, *found = torch.autograd.grad(loss, [made, *weights], materialize_grads=True)
    wrong_if(back.any(), "a gradient goes back into the generator: detach the generated images")
    right = torch.autograd.grad(ssgan.discriminator_loss(judge, real, fake, beta), weights, materialize_grads=True)
    for one, other in zip(found, right):
        expect_rule("the values are right, but not the gradient of the discriminator's weights: is a term detached?", one, other,
                    tolerance=1e-3)


@check(ssgan.generator_loss)
def rotation_generator_loss(answer, draw):
    """SS-GAN's loss of the generator: upright images should pass for real, and their rotations be seen."""
    shape = squares(draw)
    fake, judge = draw.values(*shape), Judge(*shape[1:3], draw.generator)
    alpha = draw.one_of(draw.number(0.2, 0.6), 1.5, 0.0)
    right, judged, turned = ssgan.generator_loss(judge, fake, alpha), judge(fake), _rotation_term(judge, fake)
    expect(tried(answer, judge, fake, fake, alpha), right, {
        TURNED: -judge(rotation.rotate_batch(fake, "all")[0]).mean() + alpha * turned,
        "the generator hides its rotations: check the sign": -judged.mean() - alpha * turned,
        "the generator helps to convict its images: check the sign": judged.mean() + alpha * turned,
        "a hinge: the generator's score has none": F.relu(1 - judged).mean() + alpha * turned,
        "a binary cross-entropy: the four angles exclude each other": -judged.mean() + alpha * _binary(judge, fake),
        "alpha is missing": -judged.mean() + turned,
        "no rotation loss": -judged.mean(),
        "alpha weighs the wrong term": -alpha * judged.mean() + turned,
        "cross-entropy in place of the plain score": F.softplus(-judged).mean() + alpha * turned,
        "sums in place of means: the loss would grow with the batch": -judged.sum() + alpha * turned,
        "the rotation loss is summed: take its mean": -judged.mean() + alpha * turned * 4 * len(fake),
    })
    expect_gradients(answer, ssgan.generator_loss, [judge, fake, alpha], {1: "the generated images"})
