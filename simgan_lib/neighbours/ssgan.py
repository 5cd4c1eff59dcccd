"""SS-GAN: a GAN whose discriminator also says how real images were rotated, so as not to forget what they look like.

Chen, Zhai, Ritter, Lucic, Houlsby: Self-Supervised GANs via Auxiliary Rotation Loss, CVPR 2019, arXiv 1811.11212.
Taught in: notebook 12.
"""

from dataclasses import asdict, dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

from ..images import to_float, to_uint8
from ..networks import evaluated, from_seed
from ..system.checkpoints import check_finite
from ..system.digests import images_digest
from ..system.errors import UserError
from ..system.settings import MANY, Flag, Number, OneOf, Settings, Whole
from ..training import TrainingFailed
from ..training_config import RATE
from .rotation import MODES, rotate_batch, rotation_loss
from .sngan import resnet_discriminator, resnet_generator, small_discriminator, small_generator

NETWORKS = {"resnet": (resnet_generator, resnet_discriminator), "small": (small_generator, small_discriminator)}
MOMENT = Number(0, 1, below=True)
LOOKED = 100              # steps between two looks at the weights: looking waits for the device


@dataclass(frozen=True)
class SSGANConfig(Settings):
    """Numbers of one training run.  A step is one round: several discriminator updates, then one of the generator.

    alpha = beta = 0 is the plain GAN, bit for bit.
    """

    steps: Whole(1, MANY)
    network: OneOf(NETWORKS) = "small"           # resnet: SNGAN's, for 32 x 32
    batch: Whole(4, 65_536) = 64
    z: Whole(1, 65_536) = 128                    # numbers of noise behind an image
    discriminator_updates: Whole(1, 1000) = 5
    alpha: Number(0, 1000) = 0.2                 # weight of the rotation loss of the generator, on its own images
    beta: Number(0, 1000) = 1.0                  # weight of that of the discriminator, on real images
    mode: OneOf(MODES) = "quarters"              # of `rotate_batch`
    lr: RATE = 2e-4
    beta1: MOMENT = 0.0                          # Adam's
    beta2: MOMENT = 0.9
    decay: Flag() = True                         # the rate falls in a line to 0 at the last step


PRESETS = {
    "quick": SSGANConfig(steps=600, z=32, discriminator_updates=1, lr=1e-3, beta1=0.5, beta2=0.99, decay=False),
    # CIFAR-10, as kwotsin/mimicry trains it; google/compare_gan's own numbers in the second.
    "cifar10": SSGANConfig(steps=100_000, network="resnet"),
    "compare_gan": SSGANConfig(steps=40_000, network="resnet", mode="last_quarter", beta1=0.5, beta2=0.999, decay=False),
}


@dataclass(frozen=True)
class Record:
    """What one step did.  Values are 0-dimensional tensors, None where there was no such loss.

    discriminator, generator: hinge losses, mean over the batch.  rotation_real, rotation_fake: rotation losses of the
    discriminator and of the generator before their weights, nats; ln 4 = 1.39 is guessing.
    """

    step: int
    total: int
    discriminator: torch.Tensor
    generator: torch.Tensor
    rotation_real: torch.Tensor | None = None
    rotation_fake: torch.Tensor | None = None

    def numbers(self):
        """The record as plain numbers, for a table, a plot or JSON."""
        return {k: v.item() if torch.is_tensor(v) else v for k, v in asdict(self).items() if v is not None}


def discriminator_loss(discriminator, real, fake, beta=1.0, mode="all", terms=None):
    """The discriminator's: real images should score above 1, fakes below -1; and beta times the rotation loss of real ones.

    discriminator: as `sngan.Discriminator`, with `turned`.  real, fake: float (N, C, S, S), upright; no gradient goes back into
    fake.  mode: of `rotate_batch`.  Returns a scalar.  beta = 0: nothing is turned.
    terms: a dict that takes up both terms, "discriminator" and, if it was asked, "rotation_real".
    Paper: SS-GAN, with the hinge loss of its experiments.  Taught in: notebook 12.
    """
    judged = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake.detach())).mean()
    return _together(discriminator, judged, real, beta, mode, terms, ("discriminator", "rotation_real"))


def generator_loss(discriminator, fake, alpha=0.2, mode="all", terms=None):
    """The generator's: the higher its images score, the better; and alpha times their own rotation loss.  Else as above."""
    return _together(discriminator, -discriminator(fake).mean(), fake, alpha, mode, terms, ("generator", "rotation_fake"))


def _together(discriminator, judged, images, weight, mode, terms, names):
    found = {names[0]: judged}
    if weight:
        turned, turns = rotate_batch(images, mode)
        found[names[1]] = rotation_loss(discriminator.turned(turned), turns).mean()
        judged = judged + weight * found[names[1]]
    if terms is not None:
        terms |= {name: value.detach() for name, value in found.items()}
    return judged


class SSGAN:
    """One run: iterate over `run()`; `state` and `restore` at any step.

    images: an ImageSet of square images; labels are never looked at.  Real or fake is judged on upright images alone; the
    discriminator learns rotations from real images alone, the generator from its own.
    Raises UserError if there are no images, or their size does not fit the network.
    """
    LEARNED = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer")

    def __init__(self, config, images, seed=0, device="cpu"):
        self.config, self.device, self.done, self.seed = config, torch.device(device), 0, seed
        self.images, (n, channels, height, width) = images.images, images.images.shape
        if not n or height != width:
            raise UserError(f"images to learn from are {tuple(self.images.shape)}, expected some, and square ones: "
                            "`rotation.central_square` cuts them so")
        made = from_seed(seed, self.networks, channels, width)
        self.generator, self.discriminator = (network.to(self.device) for network in made)
        self.random = torch.Generator(self.device).manual_seed(seed)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), config.lr, (config.beta1, config.beta2), fused=True)
            for network in (self.generator, self.discriminator))

    def networks(self, channels, side):
        """(generator, discriminator) with fresh weights, for images (N, channels, side, side)."""
        generator, discriminator = NETWORKS[self.config.network]
        return generator(channels, side, self.config.z), discriminator(channels, side)

    def run(self):
        """Yield a Record a step until the configured number of steps is done.  TrainingFailed if a weight is no number."""
        while self.done < self.config.steps:
            self._set_rate()
            for _ in range(self.config.discriminator_updates):
                seen = self.update_discriminator()
            seen |= self.update_generator()
            self.done += 1
            if self.done % LOOKED == 0 or self.done == self.config.steps:
                self._check()
            yield Record(self.done, self.config.steps, **{name: value.detach() for name, value in seen.items()})

    def update_discriminator(self):
        """One step on the discriminator's loss: real images and fakes upright, and rotations of the real ones."""
        real, terms = self.draw(), {}
        with torch.no_grad():
            fake = self.generator(self.noise())
        self.discriminator.requires_grad_(True)
        loss = discriminator_loss(self.discriminator, real, fake, self.config.beta, self.config.mode, terms)
        self._step(self.discriminator_optimizer, loss)
        return terms

    def update_generator(self):
        """One step on the generator's loss: its images upright, and their rotations; the discriminator only answers."""
        self.discriminator.requires_grad_(False)
        terms = {}
        loss = generator_loss(self.discriminator, self.generator(self.noise()), self.config.alpha, self.config.mode, terms)
        self._step(self.generator_optimizer, loss)
        return terms

    def draw(self):
        """A random batch of the images, as float in [-1, 1] on the run's device (N, C, S, S)."""
        picked = torch.randint(len(self.images), (self.config.batch,), generator=self.random, device=self.device)
        return to_float(self.images[picked.to(self.images.device)].to(self.device))

    def noise(self):
        return torch.randn(self.config.batch, self.config.z, generator=self.random, device=self.device)

    def _step(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _set_rate(self):
        left = 1 - self.done / self.config.steps if self.config.decay else 1
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = self.config.lr * left

    # ---- state ----
    @cached_property
    def _identity(self):
        return {"config": asdict(self.config), "seed": self.seed, "device": self.device.type, "data": images_digest(self.images)}

    def state(self):
        """All that the rest of the run depends on, for `system.checkpoints.save_state`.  TrainingFailed as `run`."""
        self._check()
        return {**self._identity, "done": self.done, "random": self.random.get_state(),
                **{name: getattr(self, name).state_dict() for name in self.LEARNED}}

    def restore(self, state):
        """Go on from what `state()` gave, bit for bit.  Raises UserError if it belongs to another run."""
        for name, value in self._identity.items():
            if state.get(name) != value:
                raise UserError(f"belongs to another run: {name} is {state.get(name)!r} there, {value!r} here")
        for name in self.LEARNED:
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        Whole(0, self.config.steps).check("done", state["done"])
        self.done = state["done"]

    def _check(self):
        for name in ("generator", "discriminator"):
            check_finite(getattr(self, name).state_dict(), f"step {self.done}: the {name}", TrainingFailed)


@torch.no_grad()
def samples(generator, n, seed=0, batch=256):
    """n images of a `sngan.Generator`  ->  uint8 (n, C, S, S) on the CPU.  Batch norm uses its running means.

    Raises TrainingFailed if they are not numbers.
    """
    device = next(generator.parameters()).device
    noise = torch.randn(n, generator.z, generator=torch.Generator(device).manual_seed(seed), device=device)
    with evaluated(generator):
        found = torch.cat([generator(part) for part in noise.split(batch)])
    if not found.isfinite().all():
        raise TrainingFailed("images are not numbers; try a smaller lr")
    return to_uint8(found).cpu()
