"""The numbers of a training run, and the presets: how large, how fast, and which of the ideas are on.  Taught in: notebook 05."""

from dataclasses import dataclass, replace

import torch

from .losses import FEATURES
from .networks import LAYERS, Refiner
from .system.errors import UserError
from .system.settings import MANY, Flag, Number, OneOf, Settings, Whole

OPTIMIZERS = {
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate, fused=True),
    # beta1 = 0.5: the adversary moves, old gradients mislead (usual for GANs since DCGAN).
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True),
}
RATE = Number(0, 10, above=True)


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """Numbers of one training run.  A step is one round of Algorithm 1: K_g refiner and K_d discriminator updates.

    regularization is the paper's lambda for the summed L1 distance in [-1, 1] of what is seen of one image, against a
    cross-entropy summed over its patches.  Batches are averaged, so lambda and rates do not depend on the batch size.
    """

    steps: Whole(1, MANY)                       # rounds after both warm-ups
    batch: Whole(1, 65_536) = 32
    refiner_updates: Whole(1, 1000) = 2         # K_g
    refiner_updates_most: Whole(0, 1000) = 0    # to which K_g rises while the discriminator wins (`rising`); 0: it stays
    discriminator_updates: Whole(1, 1000) = 1   # K_d
    regularization: Number(0, 10_000) = 0.5     # lambda
    features: OneOf(FEATURES) = "identity"      # psi of the self-regularization
    refiner_warmup: Whole(0, MANY) = 100        # updates on self-regularization alone
    discriminator_warmup: Whole(0, MANY) = 20   # updates of the discriminator alone
    warmup_weight: Number(0, 1000) = 1.0        # of the refiner's loss in its warm-up: SGD's steps grow with it, Adam's do not
    buffer: Whole(0, MANY) = 1024               # images in the history buffer; 0: no history (ablation)
    image_pool: Flag() = False                  # True: the history is used as CycleGAN's image pool is (ablation)
    local: Flag() = True                        # False: one verdict an image (ablation)
    batch_norm: Flag() = False                  # True: the discriminator has batch normalisation, as the article's
    optimizer: OneOf(OPTIMIZERS) = "adam"       # or "sgd", as the paper
    refiner_lr: RATE = 3e-4
    discriminator_lr: RATE = 3e-4
    ema_decay: Number(0, 1, below=True) = 0.99  # of the refiner's running mean weights; 0: the last weights, as the paper
    width: Refiner.WIDTH = 64                   # feature maps of the refiner
    blocks: Refiner.BLOCKS = 4                  # residual blocks of the refiner
    noise: Refiner.NOISE = 0                    # channels of smooth noise that the refiner gets beside the image
    residual: Flag() = False                    # True: the refiner paints a change of its input, not a whole image (ablation)
    mixed_precision: Flag() = True              # False: float32 throughout, even where the hardware multiplies bfloat16
    first_kernel: Refiner.FIRST_KERNEL = 3      # of the refiner
    discriminator_layers: OneOf(LAYERS) = "gaze"    # the published ones of which task
    window: Whole(0, 4096) = 0      # side of what training sees of an image, at random places; 0: all of it
    edges: Refiner.EDGES = "margin"             # how the refiner continues what it sees beyond its edges
    LATER = ("first_kernel", "discriminator_layers", "window", "edges", "batch_norm", "refiner_updates_most")

    def __post_init__(self):
        super().__post_init__()
        least, said = (self.batch, "a batch") if self.image_pool else (self.batch // 2, "half a batch")
        if 0 < self.buffer < least:
            raise UserError(f"buffer: expected 0 (no history) or at least {said} ({least}), found {self.buffer}")
        if self.window and (self.noise or not self.local):
            raise UserError(f"window: expected 0 with noise or one verdict an image, which span it, found {self.window}")
        if self.buffer and not least:
            raise UserError("batch: expected at least 2, half of which goes into the history, found 1")
        if self.batch_norm and self.batch < 2:
            raise UserError("batch: expected at least 2 with batch_norm, which takes a mean over them, found 1")
        if 0 < self.refiner_updates_most < self.refiner_updates:
            raise UserError(f"refiner_updates_most: expected 0 (K_g stays) or at least refiner_updates ({self.refiner_updates}), "
                            f"found {self.refiner_updates_most}")

    @property
    def total(self):
        """All units of progress: warm-up updates and rounds."""
        return self.refiner_warmup + self.discriminator_warmup + self.steps

    def refiner(self, channels):
        """A Refiner as configured, for images of so many channels, with fresh weights."""
        kind = {"noise": self.noise, "residual": self.residual, "edges": self.edges}
        return Refiner(channels, self.width, self.blocks, self.first_kernel, **kind)


PRESETS = {
    "quick": TrainingConfig(steps=300, width=32, features="local_contrast", regularization=0.2),
    # Noise: without it the refiner, which sees 19 pixels, cannot vary the light over an eye as real light varies.
    "full": TrainingConfig(steps=2000, features="local_contrast", regularization=0.1, ema_decay=0.998, buffer=8192,
                           refiner_warmup=200, discriminator_warmup=50, noise=1),
    # The published numbers, not the published run: means over the batch make SGD's steps 512 times smaller than the paper's
    # sums (docs/deviations.md).  Lambda weighs the warm-up, too: without it SGD's first steps turn all images black.
    "paper": TrainingConfig(steps=20000, batch=512, refiner_updates=2, discriminator_updates=1, regularization=0.01,
                            refiner_warmup=1000, discriminator_warmup=200, warmup_weight=0.01, buffer=8192, optimizer="sgd",
                            refiner_lr=1e-3, discriminator_lr=1e-3, ema_decay=0.0),
}

# What the paper says of training for gaze, whatever its size: lambda by a private reply, the rate of SGD, no mean of the weights.
AS_PUBLISHED = {"features": "identity", "regularization": 0.01, "ema_decay": 0.0, "noise": 0, "refiner_updates": 2,
                "discriminator_updates": 1, "refiner_lr": 1e-3, "discriminator_lr": 1e-3}

# Depth images of hands.  psi is the identity: a gray level is a distance, 1.2 mm, and may not drift as light may.  Residual,
# but for the paper's: a hand that is painted anew takes far more updates until it is itself again.
HAND_PRESETS = {
    # Images of 96x96: with the layers for gaze a verdict sees a quarter of a side, as those for hands a third of 224.
    # Windows: most of an image is background; half a side shows some of the hand, wherever it lies, in a quarter of the time.
    # Lambda: of three tried on stand-in hands that report nothing: 0.02 moves the hand, at 0.3 outlines only shrink.
    "quick": TrainingConfig(steps=600, batch=8, width=16, blocks=2, residual=True, regularization=0.1, buffer=256,
                            refiner_warmup=40, refiner_lr=1e-3, discriminator_lr=1e-3, window=48),
    # Lambda: the 1,024 pixels of a verdict are held as much, together, as the 16 of `quick`: 1.6 a verdict.
    "full": TrainingConfig(steps=2000, blocks=10, first_kernel=7, discriminator_layers="hands", residual=True,
                           regularization=0.0016, ema_decay=0.998, buffer=2048, refiner_warmup=200, discriminator_warmup=50),
    # Published for hands: both networks' layers, K_g, the warm-ups.  All other numbers are those for gaze, for want of others.
    "paper": replace(PRESETS["paper"], blocks=10, first_kernel=7, discriminator_layers="hands", refiner_warmup=500),
}
