"""The failure gallery: ways in which a run of SimGAN goes wrong, each made on purpose, with the number that shows it.

A failure is data: what is changed, a signature (one number of an outcome), the threshold that parts failing from healthy
runs, and the cure.  Thresholds were chosen over two to four seeds (`python studies/failures.py`); notebook 07 shows one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from ..evaluation.artefacts import diversity
from ..evaluation.pupil import pupil_centres
from ..evaluation.realism import mean_change
from ..history import HistoryBuffer
from ..images import ImageSet, to_float
from ..losses import REFINED, local_adversarial_loss
from ..training import PRESETS, Training, refine

# Small, so that all can be shown in a minute: what fails here fails at full size, too.
HEALTHY = replace(PRESETS["quick"], width=8, batch=8, steps=30, refiner_warmup=60, discriminator_warmup=20, buffer=256,
                  refiner_lr=1e-3, discriminator_lr=1e-3, regularization=0.07, ema_decay=0.9)


# ---- two bugs of public ports ----
class DeadBuffer(HistoryBuffer):
    """An append whose result is dropped: the history stays empty for ever.  (Three public ports.)  Taught in: 04, 07."""

    def replace(self, images):
        np.append(np.empty((0, *images.shape[1:])), images.detach(), axis=0)           # the result goes nowhere


def mixed_up(logits):
    """What becomes of logits (N, 2, h, w) that are reshaped to rows of two without moving the class axis last.

    The two "classes" of a row are neighbouring patches of one class.  (Three public ports.)  Taught in: 03, 07.
    """
    rows = logits.reshape(len(logits), -1, 2)                                          # neighbours have become classes
    return rows.mT.reshape(logits.shape)


def scrambled(logits, label):
    """The local loss with this mistake, one number an image."""
    return local_adversarial_loss(mixed_up(logits), label)


# ---- runs that are built wrongly ----
class DeadHistoryTraining(Training):
    """A run whose history takes nothing in."""

    def __init__(self, config, *data, **how):
        super().__init__(config, *data, **how)
        self.buffer = DeadBuffer(config.buffer, self.generator)


class ScrambledTraining(Training):
    """A run both of whose players are taught by the scrambled loss."""

    def judged(self, images):
        return mixed_up(super().judged(images))


class StridedTraining(Training):
    """A refiner that shrinks its maps by two and enlarges them by a transposed convolution of 3 x 3.

    Such a kernel covers every other pixel twice as often: a checkerboard (Odena et al. 2016).  The paper's refiner has
    neither strides nor pooling.
    """

    def networks(self, *size):
        (refiner, discriminator), f = super().networks(*size), self.config.width
        refiner.blocks = nn.Sequential(nn.Conv2d(f, f, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(f, f, 3, 2, 1), nn.ReLU())
        return refiner, discriminator


class MisalignedTraining(Training):
    """A run that crops the refined images three pixels off, while whoever uses the refiner does not.

    The refiner learns to draw everything three pixels to the right; the labels stay behind.  Its losses fall as in a
    healthy run, the self-regularization to a somewhat higher end.
    """

    def refined(self, synthetic):
        return nn.functional.pad(super().refined(synthetic)[..., 3:], (0, 3, 0, 0), mode="replicate")


# ---- what is looked at ----
@dataclass(frozen=True)
class Outcome:
    """A finished run and what it made: `entering` and `refined` have labels; `real` has none."""

    run: Training
    records: list
    entering: ImageSet
    refined: ImageSet
    real: ImageSet


def pixel_change(outcome):
    """Mean |refined - synthetic|, gray levels."""
    return mean_change(outcome.entering.images, outcome.refined.images)


def discriminator_loss(outcome):
    """Mean loss a patch over the last 20 rounds, nats; ln 2 = 0.69 is a guess."""
    return float(np.mean([r["discriminator"] for r in outcome.records if r["phase"] == "adversarial"][-20:]))


def diversity_kept(outcome):
    """How much refined images differ from each other, compared with what entered."""
    return diversity(outcome.refined) / diversity(outcome.entering)


def grid_strength(outcome):
    """Gray levels of a grid of period two, across, down or both, that the refiner adds at fixed places (root mean square).

    In the mean change of the images: grain has another phase in each of them.
    """
    change = (outcome.refined.images.float() - outcome.entering.images.float()).mean(0)          # (C, H, W)
    rows, columns = torch.arange(change.shape[1])[:, None], torch.arange(change.shape[2])
    # And a mean over 6 x 6 pixels: an edge is at one place, a grid goes on.
    found = [nn.functional.avg_pool2d(change * (-1.0) ** along, 6, 2) for along in (rows, columns, rows + columns)]
    return torch.stack(found).square().sum(0).mean().sqrt().item()


def pupils_lost(outcome, n=100):
    """Share of images whose pupil is not within 2 px of its label any more, or cannot be found."""
    off = (pupil_centres(outcome.refined[:n]) - outcome.refined.labels["pupil"][:n]).norm(dim=1)
    return 1 - (off <= 2).float().mean().item()


def remembered(outcome):
    """Images in the history."""
    return float(len(outcome.run.buffer))


@torch.no_grad()
def verdict_gap(outcome):
    """The discriminator's mean probability of "refined" on refined images, less that on real ones."""
    judged = [outcome.run.discriminator(to_float(images.images[:256])).softmax(1)[:, REFINED].mean()
              for images in (outcome.refined, outcome.real)]
    return (judged[0] - judged[1]).item()


# ---- the gallery ----
@dataclass(frozen=True)
class Failure:
    """What is changed in a healthy run, how it shows, and what helps.

    shared: changes that the healthy run has, too, so that it can be seen early or cheaply.  A run fails that lies on the
    side `fails` ("above" or "below") of the threshold.
    """

    signature: Callable
    fails: str
    threshold: float
    cure: str
    changes: dict = field(default_factory=dict)
    shared: dict = field(default_factory=dict)
    training: type = Training

    def found(self, outcome):
        """Whether the signature says that this run failed."""
        value = self.signature(outcome)
        return value > self.threshold if self.fails == "above" else value < self.threshold

    def outcome(self, entering, real, seed=0, healthy=False, config=HEALTHY):
        """Run it, or the healthy run beside it, on uint8 images with labels and on real ones  ->  Outcome."""
        config = replace(config, **self.shared | ({} if healthy else self.changes))
        run = (Training if healthy else self.training)(config, entering, real, seed=seed)
        records = [record.numbers() for record in run.run()]
        shown = entering[:256]
        return Outcome(run, records, shown, refine(run.result, shown), real)


GALLERY = {
    "identity collapse": Failure(
        pixel_change, "below", 8.0, "a smaller lambda, or another scaling: see the conversion in notebook 05",
        # psi = identity: local contrast is blind to tone, and would let that change.
        changes={"regularization": 20.0, "features": "identity", "refiner_lr": 3e-3}),
    "discriminator too strong": Failure(
        discriminator_loss, "below", 0.5, "fewer updates or a smaller rate for the discriminator, more for the refiner",
        changes={"discriminator_updates": 3, "discriminator_lr": 3e-3, "refiner_updates": 1, "refiner_lr": 1e-4}),
    "mode collapse": Failure(
        diversity_kept, "below", 0.5, "a smaller rate, and self-regularization: losing the input must cost something",
        changes={"regularization": 0.0, "refiner_warmup": 0, "refiner_lr": 2e-2}),
    "checkerboard": Failure(
        grid_strength, "above", 3.0, "no strides in the refiner, or enlarge first and convolve then",
        # Early: it is there after a few updates, and the adversary's chance has hardly a say.
        shared={"steps": 1, "refiner_warmup": 30, "discriminator_warmup": 1}, training=StridedTraining),
    "label drift": Failure(
        pupils_lost, "above", 0.45, "one crop for training and use; measure pupils against labels, not against the loss",
        # psi = identity: without a healthy pull towards the input, local contrast now and then lets all go white.
        changes={"features": "identity"}, training=MisalignedTraining),
    "dead history": Failure(
        remembered, "below", 1, "store in place; a test that asks for the length after storing",
        shared={"steps": 3, "refiner_warmup": 1, "discriminator_warmup": 5}, training=DeadHistoryTraining),
    "scrambled local loss": Failure(
        verdict_gap, "below", 0.55, "move the class axis last before reshaping, or take the softmax over axis 1",
        # The refiner has hardly learned to copy: a discriminator that is taught rightly tells its gray veils at once.
        shared={"steps": 1, "refiner_warmup": 5, "discriminator_warmup": 40}, training=ScrambledTraining),
}


def gallery(entering, real, seed=0, names=GALLERY):
    """Run them: yields (name, failing Outcome, healthy Outcome).

    entering: labelled images for the refiner.  real: unlabelled ones.  One healthy run serves all failures with the same
    `shared` settings.
    """
    healthy = {}
    for name in names:
        failure = GALLERY[name]
        shared = str(failure.shared)
        if shared not in healthy:
            healthy[shared] = failure.outcome(entering, real, seed, healthy=True)
        yield name, failure.outcome(entering, real, seed), healthy[shared]
