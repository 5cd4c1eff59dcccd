"""Algorithm 1 of the paper as a loop that can be watched, stopped, killed and taken up again.  Taught in: notebook 05."""

import copy
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import torch

from .history import HistoryBuffer, mixed_batch, pooled_batch
from .images import random_windows, to_float, to_uint8
from .losses import FEATURES, REAL, REFINED, discriminator_loss, refiner_loss, self_regularization
from .monitor import Monitor, TrainingFailed
from .networks import LAYERS, GlobalDiscriminator, PatchDiscriminator, count_parameters, from_seed, smooth_noise
from .rising import RefinerUpdates
from .system.checkpoints import check_finite
from .system.device import autocast_for, check_memory, keep_freed_memory
from .system.digests import images_digest, module_digest
from .system.errors import UserError
from .system.settings import Whole
from .training_config import HAND_PRESETS, OPTIMIZERS, PRESETS, TrainingConfig  # noqa: F401  (the presets are offered here, too)


@dataclass(frozen=True)
class Record:
    """What one step did.  Values are 0-dimensional tensors, None where the step had no such update.

    discriminator: cross-entropy a patch (nats; ln 2 = 0.69 when it is fooled).  adversarial: the refiner's, a patch.
    regularization: mean |refined - synthetic| of the features, a pixel.  right_real, right_refined: share of patches
    that the discriminator judged rightly.  refiner_updates: K_g of the round, where it may rise.
    """

    step: int
    total: int
    phase: str
    discriminator: torch.Tensor | None = None
    adversarial: torch.Tensor | None = None
    regularization: torch.Tensor | None = None
    right_real: torch.Tensor | None = None
    right_refined: torch.Tensor | None = None
    refiner_updates: int | None = None

    def numbers(self):
        """The record as plain numbers, for a table, a plot or JSON."""
        return {k: v.item() if torch.is_tensor(v) else v for k, v in asdict(self).items() if v is not None}


class Training:
    """One run: networks, optimizers, buffer, random state.  Iterate over `run()`; `state` and `restore` at any step.

    synthetic, real: ImageSets of one image size; labels are never looked at.  Data on `device` are used there, data
    elsewhere (memory-mapped, say) are fetched batch by batch.
    features: a psi of one's own in place of config.features, such as `features.LearnedFeatures`: a torch module, whose
    make and weights can be compared when a run is taken up again.
    Raises UserError if sizes differ, a set is empty, images are too small, memory does not suffice, or features is no module.
    """
    LEARNED = ("refiner", "averaged", "discriminator", "refiner_optimizer", "discriminator_optimizer")
    parts = 1                                 # into which a batch is divided: see `parallel`

    def __init__(self, config, synthetic, real, seed=0, device="cpu", features=None):
        if synthetic.images.shape[1:] != real.images.shape[1:] or not len(synthetic) or not len(real):
            raise UserError(f"images to refine are {tuple(synthetic.images.shape)}, real ones {tuple(real.images.shape)}: "
                            "expected some of each, of equal channels and size")
        if not isinstance(features, torch.nn.Module | None):
            raise UserError(f"features: expected a torch module, whose weights a resumed run can compare, found {features!r}")
        self.config, self.device, self.done, self.seed, self.monitor = config, torch.device(device), 0, seed, Monitor()
        self.synthetic, self.real = synthetic.images, real.images
        check_memory(self._least_memory(*self._seen), self.device, "this training")
        keep_freed_memory()
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.given, self.features = features, FEATURES[config.features] if features is None else features.to(self.device)
        made = from_seed(seed, self.networks, *self._seen)
        self.refiner, self.discriminator = (network.to(self.device, memory_format=torch.channels_last) for network in made)
        self.averaged = copy.deepcopy(self.refiner).requires_grad_(False)
        optimizer = OPTIMIZERS[config.optimizer]
        self.refiner_optimizer = optimizer(self.refiner.parameters(), config.refiner_lr)
        self.discriminator_optimizer = optimizer(self.discriminator.parameters(), config.discriminator_lr)
        self.buffer = HistoryBuffer(config.buffer, self.generator) if config.buffer else None
        self.remember = pooled_batch if config.image_pool else mixed_batch
        self.refiner_updates = RefinerUpdates(config.refiner_updates, config.refiner_updates_most)

    def networks(self, channels, height, width):
        """(refiner, discriminator) with fresh weights, for images (N, channels, height, width)."""
        c = self.config
        layers = LAYERS[c.discriminator_layers]
        return c.refiner(channels), (PatchDiscriminator(channels, layers, c.batch_norm) if c.local else
                                     GlobalDiscriminator(channels, (height, width), layers, c.batch_norm))

    @property
    def _seen(self):
        """(channels, height, width) of what the networks see of an image."""
        return self.synthetic.shape[1], *(min(self.config.window or side, side) for side in self.synthetic.shape[2:])

    def _least_memory(self, channels, height, width):
        """Bytes: weights, gradients and a moment of each; a batch, its maps in bfloat16; the history.  Nothing is made yet."""
        c = self.config
        with torch.device("meta"):
            refiner, discriminator = self.networks(channels, height, width)
        if min(height, width) <= refiner.mirrored:
            raise UserError(f"training sees {height} x {width} of an image: expected more than {refiner.mirrored} pixels a side")
        weights, maps = sum(map(count_parameters, (refiner, discriminator))), c.batch // self.parts * c.width * (2 * c.blocks + 1)
        return 12 * weights + c.batch * self.synthetic[:1].numel() + (2 * maps + 4 * c.buffer * channels) * height * width

    # ---- Algorithm 1 ----
    aid = staticmethod(lambda real: 0)        # added to eq. 2, from the real batch: see `neighbours.aided`

    def run(self):
        """Yield a Record a step until the configured number of steps is done."""
        c = self.config
        while self.done < c.total:
            if self.done < c.refiner_warmup:
                phase, seen = "refiner warm-up", self.update_refiner(adversarial=False)
            elif self.done < c.refiner_warmup + c.discriminator_warmup:
                phase, seen = "discriminator warm-up", self.update_discriminator()
            else:
                phase, seen = "adversarial", self._round()
            self.done += 1
            self.monitor.watch(record := Record(self.done, c.total, phase, **seen))
            yield record

    def _round(self):
        c, updates = self.config, self.refiner_updates.now
        for _ in range(updates):
            seen = self.update_refiner()
        for _ in range(c.discriminator_updates):
            seen |= self.update_discriminator()
        if not c.refiner_updates_most:
            return seen
        self.refiner_updates.note(seen["discriminator"])
        return seen | {"refiner_updates": updates}

    def update_refiner(self, adversarial=True):
        """One step on the refiner's loss (eq. 5); in its warm-up on the self-regularization alone (eq. 4)."""
        synthetic, terms = self.draw(self.synthetic), {}
        self.discriminator.requires_grad_(False)                  # its gradients are not wanted: saves a third
        with self._autocast():
            refined = self.refined(synthetic)
            logits = self.judged(refined) if adversarial else None
        if adversarial:
            loss = refiner_loss(logits.float(), refined.float(), synthetic, self.config.regularization, self.features, terms)
        else:
            kept = self_regularization(refined.float(), synthetic, self.features)
            loss, terms["regularization"] = self.config.warmup_weight * kept, kept.detach()
        self._step(self.refiner_optimizer, loss.mean())
        self._average()
        measured = {"regularization": terms["regularization"].mean() / synthetic[0].numel()}
        return measured | ({"adversarial": terms["adversarial"].mean() / logits[0, REAL].numel()} if adversarial else {})

    def update_discriminator(self):
        """One step on the discriminator's loss (eq. 2), half of its refined images being remembered ones."""
        with torch.no_grad(), self._autocast():
            fresh = self.refined(self.draw(self.synthetic)).float()
        refined = fresh if self.buffer is None else self.remember(fresh, self.buffer)
        real, terms = self.draw(self.real), {}
        self.discriminator.requires_grad_(True)
        with self._autocast():
            on_refined, on_real = self.judged(refined), self.judged(real)
        loss = discriminator_loss(on_refined.float(), on_real.float(), terms).mean()
        self._step(self.discriminator_optimizer, loss + self.aid(real))
        return {"discriminator": (terms["refined"].mean() + terms["real"].mean()) / (2 * on_real[0, REAL].numel()),
                "right_real": (on_real.detach().argmax(1) == REAL).float().mean(),
                "right_refined": (on_refined.detach().argmax(1) == REFINED).float().mean()}

    def refined(self, synthetic):
        """The refiner's answer to float images (N, C, H, W) on the run's device, with fresh noise where it takes any."""
        return self.refiner(synthetic, smooth_noise(len(synthetic), self.config.noise, synthetic.shape[2:], self.generator))

    def judged(self, images):
        """The discriminator's logits (N, 2, h, w) on float images (N, C, H, W).

        With batch normalisation each batch, real or refined, is normalised by itself.  In the refiner's update, too: there
        the discriminator has to judge as it did when it learned, not by statistics that mix both kinds.  With a history it may
        then learn to tell batches, not images: docs/deviations.md, *Batch normalisation*.
        """
        return self.discriminator(images)

    def draw(self, images):
        """A random batch of uint8 `images`, or windows of them, as float in [-1, 1] on the run's device (N, C, H, W)."""
        picked = torch.randint(len(images), (self.config.batch,), generator=self.generator, device=self.device)
        batch = images[picked.to(images.device)]
        if (size := self._seen[1:]) != batch.shape[2:]:
            batch = random_windows(batch, size, self.generator)
        return to_float(batch.to(self.device, non_blocking=True)).contiguous(memory_format=torch.channels_last)

    def _autocast(self):
        return autocast_for(self.device) if self.config.mixed_precision else nullcontext()

    def _step(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _average(self):
        """Follow the refiner with a running mean of its weights: single steps of a GAN jitter, their mean does not."""
        decay = min(self.config.ema_decay, self.done / (self.done + 10))    # short at first, lest the initial weights stay in it
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.refiner.parameters()), 1 - decay)

    # ---- state ----
    def state(self):
        """All that the rest of the run depends on, as nested dicts of tensors and numbers.  TrainingFailed if a weight is NaN."""
        self._check_weights(TrainingFailed)
        return {**self._identity, "done": self.done, **{name: getattr(self, name).state_dict() for name in self.LEARNED},
                "buffer": self.buffer.state() if self.buffer is not None else None,
                "generator": self.generator.get_state(), "monitor": self.monitor.bad,
                "refiner_updates": self.refiner_updates.state()}

    @cached_property
    def _identity(self):
        """What makes it this run and no other."""
        return {"config": asdict(self.config),
                "data": {"seed": self.seed, "device": self.device.type, "images to refine": images_digest(self.synthetic),
                         "real images": images_digest(self.real),
                         "given features": None if self.given is None else module_digest(self.given)}}

    def _check_weights(self, error=UserError):
        for name in ("refiner", "averaged", "discriminator"):
            check_finite(getattr(self, name).state_dict(), f"step {self.done}: the {name} network", error)

    def restore(self, state):
        """Go on from what `state()` gave, if need be for other `steps`.  UserError for another configuration or other data."""
        state = {**state, "config": self.config.completed(state["config"]) | {"steps": self.config.steps}}
        for part, expected in self._identity.items():
            for name, value in expected.items():
                if state[part].get(name) != value:
                    there = repr(state[part][name]) if name in state[part] else "not set"
                    raise UserError(f"belongs to another run: {name} is {there} there, {value!r} here")
        for name in self.LEARNED:
            getattr(self, name).load_state_dict(state[name])
        if self.buffer is not None:
            if (kept := state["buffer"]["images"]) is not None and kept.shape[1:] != self._seen:
                raise UserError(f"the history there holds images of {tuple(kept.shape[1:])}")
            self.buffer.restore({k: v.to(self.device) if torch.is_tensor(v) else v for k, v in state["buffer"].items()})
        self.generator.set_state(state["generator"])
        if self.config.refiner_updates_most:                      # a state from before it could rise has none
            self.refiner_updates.restore(state["refiner_updates"])
        self.monitor.bad = {name: int(state["monitor"][name]) for name in self.monitor.bad}
        Whole(0, self.config.total).check("done", state["done"])
        self.done = state["done"]
        self._check_weights()

    @property
    def result(self):
        """The refiner to use: the running mean, or the last weights where ema_decay is 0."""
        return self.averaged


def refine(refiner, images, batch=256, progress=None, seed=0):
    """Refine an ImageSet: images change, labels and groups stay (that is the point of self-regularization).

    refiner: a Refiner on any device.  progress: called as progress(done, total).  seed: of the noise, where the
    refiner takes any: another seed, other light on the same eyes.
    Raises UserError for images of other channels than the refiner's or too small for it, and for weights that are not finite.
    """
    parts = [part.images for part in refined_parts(refiner, images, batch, progress, seed)]
    return replace(images, images=torch.cat(parts) if parts else images.images, source=f"refined from: {images.source}")


@torch.no_grad()
def refined_parts(refiner, images, batch=256, progress=None, seed=0):
    """Yield what `refine` gives, ImageSets of `batch` images: for a set that is larger than memory."""
    keep_freed_memory()
    device, size = next(refiner.parameters()).device, images.images.shape[2:]
    if images.images.shape[1] != refiner.channels or min(size) <= refiner.mirrored:
        raise UserError(f"images to refine are {tuple(images.images.shape[1:])}: expected {refiner.channels} channels and "
                        f"more than {refiner.mirrored} pixels a side")
    check_finite(refiner.state_dict(), "the refiner")
    generator = torch.Generator(device).manual_seed(seed)
    for start in range(0, len(images), batch):
        part = images[start:start + batch]
        pixels = to_float(part.images.to(device)).contiguous(memory_format=torch.channels_last)
        with autocast_for(device):
            refined = refiner(pixels, smooth_noise(len(part), refiner.noise, size, generator))
        yield replace(part, images=to_uint8(refined).to(images.images.device))
        if progress:
            progress(min(start + batch, len(images)), len(images))
