"""How fast does a discriminator forget?  SS-GAN's cycle of ten tasks, a probe of its features, and its memory of past fakes.

In the cycle a discriminator learns to tell one kind of picture from nine others, each kind in its turn, and then all of them
once more.  What it remembers shows in the first steps after it comes back to a kind.
Chen et al., CVPR 2019, arXiv 1811.11212, Figures 2 and 3.  Taught in: notebook 12.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from ..images import to_float
from ..networks import evaluated, from_seed
from ..system.errors import UserError
from ..system.settings import MANY, Number, Settings, Whole
from ..training_config import RATE
from .rotation import rotate_batch, rotation_loss
from .sngan import small_discriminator

# What the discriminator learns beside its task: nothing; how images are turned; the same with labels that are shuffled, and
# so mean nothing (the control); all ten kinds (the bound: SS-GAN does without labels).
ARMS = ("none", "rotation", "shuffled", "labels")


@dataclass(frozen=True)
class CycleConfig(Settings):
    """Numbers of one cycle.  In the paper 1,000 steps a task on CIFAR-10; here 100, on digits."""

    steps: Whole(1, MANY) = 100                # a task
    cycles: Whole(1, 1000) = 2
    batch: Whole(1, 65_536) = 64
    lr: RATE = 1e-3
    beta: Number(0, 1000) = 1.0                # weight of what is learned beside the task
    looks: tuple = (5, 10, 20, 50, 100)        # steps after a switch at which the test images are asked

    def __post_init__(self):
        super().__post_init__()
        for step in self.looks:
            Whole(1, self.steps).check("looks", step)


@dataclass(frozen=True)
class Told:
    """How well scores tell two kinds apart, each in [0, 1]; chance is 0.5, for the accuracy the larger kind's share.

    accuracy, balanced_accuracy: with the scores' sign as the verdict; the latter is the mean of both kinds' own accuracy.
    auc: the chance that one of the first kind scores higher than one of the second, whatever the threshold.
    """

    balanced_accuracy: float
    auc: float
    accuracy: float


@dataclass(frozen=True)
class CycleRecord(Told):
    """A look at the test images.  iteration: steps since the start, step: since the switch, from 1; cycle, task: from 0."""

    iteration: int
    cycle: int
    task: int
    step: int


def told(scores, positive):
    """Told of scores (N,), where `positive`, bool (N,), should score above 0 and the rest below.

    Raises ValueError unless both kinds occur.
    """
    scores, positive = np.asarray(torch.as_tensor(scores).detach().cpu()), np.asarray(torch.as_tensor(positive).cpu())
    if scores.shape != positive.shape or not 0 < positive.sum() < len(positive):
        raise ValueError(f"expected one score an image and both kinds, found {scores.shape} scores and {int(positive.sum())} "
                         f"of {len(positive)} of the first kind")
    said = scores > 0
    return Told(float(balanced_accuracy_score(positive, said)), float(roc_auc_score(positive, scores)),
                float(accuracy_score(positive, said)))


# ---- the cycle ----
class ForgettingCycle:
    """One discriminator through all tasks: iterate over `run()`; afterwards `discriminator.trunk` gives its features.

    train, test: ImageSets of square images with the label `kind`, int64 (N,); task t is to tell the t-th kind from the others.
    arm: one of ARMS.  Weights at the start and batches are the same in all arms of a seed.
    Raises UserError for another arm, and for sets without kinds, of other sizes, or of a test set that lacks a kind.
    """

    def __init__(self, train, test, arm="none", config=None, seed=0, device="cpu"):
        if arm not in ARMS:
            raise UserError(f"arm: expected one of {', '.join(ARMS)}, found {arm!r}")
        self.kinds = checked_kinds(train, test).to(device)
        self.arm, self.config, self.device = arm, config or CycleConfig(), torch.device(device)
        self.train, self.test = ((each.images.to(device), each.labels["kind"].to(device)) for each in (train, test))
        self.generator, self.shuffling = (torch.Generator(device).manual_seed(seed + add) for add in (0, 1_000_003))
        channels, side = train.images.shape[1:3]
        self.discriminator = from_seed(seed, small_discriminator, channels, side, False).to(device)
        self.naming = from_seed(seed, nn.Linear, 64, len(self.kinds)).to(device)       # the head of the arm "labels"
        learned = [*self.discriminator.parameters(), *self.naming.parameters()]
        self.optimizer = torch.optim.Adam(learned, lr=self.config.lr, fused=True)

    def run(self):
        """Yield a CycleRecord at each look."""
        c, iteration = self.config, 0
        for cycle in range(c.cycles):
            for task in range(len(self.kinds)):
                for step in range(1, c.steps + 1):
                    self.update(task)
                    iteration += 1
                    if step in c.looks:
                        yield CycleRecord(**vars(self.looked(task)), iteration=iteration, cycle=cycle, task=task, step=step)

    def update(self, task):
        """One step on a batch: the task's cross-entropy on upright images, and beta times what the arm learns beside it."""
        images, kinds = self.train
        picked = torch.randint(len(images), (self.config.batch,), generator=self.generator, device=self.device)
        kinds, (shown, turns) = kinds[picked], self.turned(to_float(images[picked]))
        features = self.discriminator.trunk(shown)                      # the upright images first
        logits = self.discriminator.verdict(features[:len(kinds)])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, (kinds == self.kinds[task]).float())
        if self.arm == "labels":
            loss = loss + self.config.beta * F.cross_entropy(self.naming(features), torch.searchsorted(self.kinds, kinds))
        elif self.arm != "none":
            loss = loss + self.config.beta * rotation_loss(self.discriminator.rotation(features), turns).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def turned(self, images):
        """(what is shown, the labels of its rotations): each image in four rotations, or upright alone where none are learned."""
        if self.arm in ("none", "labels"):
            return images, None
        shown, turns = rotate_batch(images, "all")
        if self.arm == "shuffled":
            turns = turns[torch.randperm(len(turns), generator=self.shuffling, device=self.device)]
        return shown, turns

    @torch.no_grad()
    def looked(self, task):
        """Told of the test images: the task's kind against all others."""
        images, kinds = self.test
        return told(self.discriminator.verdict(features_of(self.discriminator, images))[:, 0], kinds == self.kinds[task])

    def probe(self):
        """`linear_probe` of the discriminator's features, with all kinds' labels."""
        (images, kinds), (test, test_kinds) = self.train, self.test
        return linear_probe(features_of(self.discriminator, images), kinds, features_of(self.discriminator, test), test_kinds)


def forgetting_cycle(train, test, arm="none", config=None, seed=0, device="cpu"):
    """All CycleRecords of one `ForgettingCycle`."""
    return list(ForgettingCycle(train, test, arm, config, seed, device).run())


def checked_kinds(train, test):
    """The kinds in order (K,).  Raises UserError as `ForgettingCycle`."""
    for name, images in (("the images to learn from", train), ("the test images", test)):
        if "kind" not in images.labels or not len(images) or images.images.shape[2] != images.images.shape[3]:
            raise UserError(f"{name}: expected square ones with the label kind, found {tuple(images.images.shape)} with "
                            f"{', '.join(images.labels) or 'no label'}")
    kinds, tested = train.labels["kind"].unique(), test.labels["kind"].unique()
    if train.images.shape[1:] != test.images.shape[1:] or not torch.equal(kinds, tested) or len(kinds) < 2:
        raise UserError(f"expected the same kinds, two at least, and one size to learn from and to test on, found {kinds.tolist()} "
                        f"and {tested.tolist()}, {tuple(train.images.shape[1:])} and {tuple(test.images.shape[1:])}")
    return kinds


def at(records, step, cycle=None, measure="auc"):
    """A measure `step` steps after a switch, mean over tasks.  cycle: from 0; None: all.  ValueError if nobody looked then."""
    seen = [getattr(record, measure) for record in records if record.step == step and cycle in (None, record.cycle)]
    if not seen:
        raise ValueError(f"no look {step} steps after a switch in {'any cycle' if cycle is None else f'cycle {cycle}'}")
    return float(np.mean(seen))


def carry_over(records, step=10, measure="auc"):
    """How much better the second cycle starts than the first: `at` of the second less that of the first.

    Compare arms: a little above 0 also where a network, which began untrained, has become quicker at any task.
    """
    return at(records, step, 1, measure) - at(records, step, 0, measure)


# ---- features and memory ----
@torch.no_grad()
def features_of(discriminator, images, batch=1024):
    """Last features (N, F) of a `sngan.Discriminator` on uint8 images (N, C, S, S), on its device.  It is left as it was."""
    device = next(discriminator.parameters()).device
    with evaluated(discriminator):                                   # or each look would be a power iteration
        return torch.cat([discriminator.trunk(to_float(part.to(device))) for part in images.split(batch)])


def linear_probe(features, labels, test_features, test_labels):
    """Accuracy in [0, 1] on test features (M, D) of a logistic regression that learned from features (N, D), labels (N,).

    Each feature is first brought to mean 0 and deviation 1.
    Raises ValueError for features that are not finite, or do not go with their labels.
    """
    features, test_features = (np.asarray(torch.as_tensor(each).detach().cpu(), dtype=float) for each in (features, test_features))
    labels, test_labels = (np.asarray(torch.as_tensor(each).cpu()) for each in (labels, test_labels))
    for x, y in ((features, labels), (test_features, test_labels)):
        if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
            raise ValueError(f"expected finite features (N, D) and labels (N,), found {x.shape} and {y.shape}")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(features, labels)
    return float(probe.score(test_features, test_labels))


def remembered(past, real):
    """How well a discriminator of now tells fakes of the past from real images  ->  {k: Told}.

    past: {k: scores (N,) that it gives to what was generated k steps ago}.  real: its scores (M,) of real images.
    Scores are logits that are positive for real, so that 0 is the discriminator's own threshold; of SimGAN's patches take
    the mean of (real - refined) logits.  Balanced accuracy below 0.5: it takes old fakes for real.
    """
    real, found = torch.as_tensor(real), {}
    for k, scores in past.items():
        both = torch.cat([real, torch.as_tensor(scores).to(real.device)])
        found[k] = told(both, torch.arange(len(both)) < len(real))
    return found
