"""Training of the style-based generator on unlabelled images: a loop as `training.Training`'s."""

import copy
import math
from dataclasses import asdict, dataclass
from functools import cached_property

import torch

from ..images import to_float
from ..networks import count_parameters, from_seed
from ..system.checkpoints import check_finite
from ..system.device import check_memory, keep_freed_memory
from ..system.digests import images_digest
from ..system.errors import UserError
from ..system.settings import MANY, Number, Settings, Whole
from ..training import TrainingFailed
from ..training_config import RATE
from .style_gan import HALVINGS, LATENT, WIDTH, StyleDiscriminator, StyleGenerator
from .style_losses import Changes, gradient_penalty, relativistic_loss

BETAS = (0.0, 0.99)       # Adam's, as StyleGAN2's: no momentum, since the adversary moves
LOOK = 20                 # steps between two looks whether a loss is still a number: looking waits for the device


@dataclass(frozen=True)
class StyleConfig(Settings):
    """Numbers of one training run.  A step is one update of each network."""

    steps: Whole(1, MANY)
    batch: Whole(2, 65_536) = 16
    learning_rate: RATE = 2e-3
    penalty: Number(0, 10_000) = 0.2             # gamma of R1 and R2: half the squared gradient, a penalty an image
    penalty_every: Whole(1, 1000) = 8            # steps from one penalty to the next, which weighs so many times more
    ema_decay: Number(0, 1, below=True) = 0.998  # of the running mean of the generator's weights
    augment: Number(0, 1) = 0.0                  # share of the images changed on their way to the discriminator
    width: WIDTH = 16                            # feature maps at the image's size
    widest: WIDTH = 64                           # and at most
    latent: LATENT = 64                          # numbers in z and in a style
    halvings: HALVINGS = 3                       # sizes below the image's


PRESETS = {
    "quick": StyleConfig(steps=40, batch=8, width=8, widest=16, latent=16),
    "full": StyleConfig(steps=8000),   # the generator of eyes that comes with the kit
    "short": StyleConfig(steps=1000),  # an eighth of it: studies/segmentation.py asks what that costs
    # A proposal: never run.
    "gpu": StyleConfig(steps=100_000, batch=64, penalty_every=1, width=64, widest=256, latent=256),
}


@dataclass(frozen=True)
class StyleRecord:
    """What one step did.  discriminator, generator: their losses, nats a pair (ln 2 = 0.69 where neither wins).  right:
    share of pairs of which the real image got the higher verdict.  penalty: gamma (R1 + R2) / 2, None in steps without.
    0-dimensional tensors.
    """

    step: int
    total: int
    discriminator: torch.Tensor
    generator: torch.Tensor
    right: torch.Tensor
    penalty: torch.Tensor | None = None

    def numbers(self):
        """The record as plain numbers, for a table, a plot or JSON."""
        return {k: v.item() if torch.is_tensor(v) else v for k, v in asdict(self).items() if v is not None}


class StyleTraining:
    """One run: networks, optimizers, random state.  Iterate over `run()`; `state` and `restore` at any step.

    images: an ImageSet, whose labels are never looked at.  `result`: the generator to use, the running mean.
    Raises UserError if there are no images, they are too small, or the memory does not suffice.
    """

    LEARNED = ("generator", "averaged", "discriminator", "generator_optimizer", "discriminator_optimizer")

    def __init__(self, config, images, seed=0, device="cpu"):
        if not len(images):
            raise UserError("images to learn from: expected some, found none")
        self.config, self.device, self.done, self.seed = config, torch.device(device), 0, seed
        self.images = images.images
        check_memory(self._least_memory(), self.device, "this training")
        keep_freed_memory()
        self.random = torch.Generator(self.device).manual_seed(seed)
        made = from_seed(seed, self.networks)
        self.generator, self.discriminator = (each.to(self.device, memory_format=torch.channels_last) for each in made)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(each.parameters(), config.learning_rate, BETAS) for each in (self.generator, self.discriminator))

    def networks(self):
        """(generator, discriminator) with fresh weights, for the run's images."""
        c, (channels, *size) = self.config, self.images.shape[1:]
        return (StyleGenerator(channels, size, c.width, c.widest, c.latent, c.halvings),
                StyleDiscriminator(channels, size, c.width, c.widest, c.halvings))

    def _least_memory(self):
        """Bytes: weights, gradients and moments of each; the maps of a batch at the images' size.  Nothing is made yet."""
        with torch.device("meta"):
            parameters = sum(map(count_parameters, self.networks()))
        return 16 * parameters + 32 * self.config.batch * self.config.width * math.prod(self.images.shape[2:])

    # ---- one step ----
    def run(self):
        """Yield a StyleRecord a step until the configured number of steps is done.  TrainingFailed if a loss is no number."""
        while self.done < self.config.steps:
            real, fake = self.draw(), self.made()
            changes = Changes(len(real), real.shape[2:], self.config.augment, self.random)
            seen = self.update_discriminator(changes(real), changes(fake.detach()))
            seen |= self.update_generator(changes(real), changes(fake))
            self.done += 1
            record = StyleRecord(self.done, self.config.steps, **seen)
            if self.done % LOOK == 0 and not all(map(math.isfinite, record.numbers().values())):
                raise TrainingFailed(f"step {self.done}: a loss is not a number; try a smaller learning_rate or a larger penalty")
            yield record

    def made(self):
        """A batch of the generator's images, to be learned from; the mean style follows."""
        n = self.config.batch
        w = self.generator.style(self.generator.latents(n, self.random))
        self.generator.mean_style.lerp_(w.detach().mean(0), 0.01)
        return self.generator.synthesis(w, self.generator.noise(n, self.random))

    def draw(self):
        """A random batch of the images, as float in [-1, 1] on the run's device."""
        picked = torch.randint(len(self.images), (self.config.batch,), generator=self.random, device=self.device)
        return to_float(self.images[picked.to(self.images.device)].to(self.device))

    def update_discriminator(self, real, fake):
        """One step: real above fake; now and then the penalties, too."""
        self.discriminator.requires_grad_(True)
        on_real, on_fake = self.discriminator(real), self.discriminator(fake)
        loss, seen = relativistic_loss(on_real, on_fake).mean(), {}
        seen |= {"discriminator": loss.detach(), "right": (on_real > on_fake).float().mean()}
        if self.config.penalty and self.done % self.config.penalty_every == 0:
            penalty = self.config.penalty * sum(gradient_penalty(self.discriminator, each).mean() for each in (real, fake))
            loss, seen["penalty"] = loss + self.config.penalty_every * penalty, penalty.detach()
        self._step(self.discriminator_optimizer, loss)
        return seen

    def update_generator(self, real, fake):
        """One step: fake above real.  The running mean follows."""
        self.discriminator.requires_grad_(False)
        loss = relativistic_loss(self.discriminator(fake), self.discriminator(real)).mean()
        self._step(self.generator_optimizer, loss)
        self._average()
        return {"generator": loss.detach()}

    def _step(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _average(self):
        """Follow the generator with a running mean of its weights and of its mean style; early on the mean is short."""
        decay = min(self.config.ema_decay, self.done / (self.done + 10))
        torch._foreach_lerp_(list(self.averaged.state_dict().values()), list(self.generator.state_dict().values()), 1 - decay)

    # ---- state ----
    def state(self):
        """All that the rest of the run depends on, as nested dicts of tensors and numbers.  TrainingFailed if a weight is NaN."""
        self._check_weights(TrainingFailed)
        return {"identity": self._identity, "done": self.done, "random": self.random.get_state(),
                **{name: getattr(self, name).state_dict() for name in self.LEARNED}}

    def restore(self, state):
        """Go on from what `state()` gave; with more steps than there, if so configured.

        Raises UserError if it belongs to another configuration or other data.
        """
        for name, value in self._identity.items():
            if state["identity"].get(name) != value:
                raise UserError(f"belongs to another run: {name} is {state['identity'].get(name)!r} there, {value!r} here")
        Whole(0, self.config.steps).check("done", state["done"])
        for name in self.LEARNED:
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.done = state["done"]
        self._check_weights()

    @cached_property
    def _identity(self):
        """What makes it this run and no other.  Not the number of steps: nothing in a step depends on it."""
        config = {name: value for name, value in asdict(self.config).items() if name != "steps"}
        return {**config, "seed": self.seed, "device": self.device.type, "images": images_digest(self.images)}

    def _check_weights(self, error=UserError):
        for name in ("generator", "averaged", "discriminator"):
            check_finite(getattr(self, name).state_dict(), f"step {self.done}: the {name} network", error)

    @property
    def result(self):
        """The generator to use: the running mean."""
        return self.averaged
