"""Algorithm 1 on several devices: each rank takes its part of every batch, and all hold one and the same run.

What is drawn at random is drawn for the whole batch, on every rank alike: of one generator, not of one a rank.  Each then
takes its part.  So a run does not depend on how many ranks it has, but for the order in which sums are taken; and another
number of ranks, or one process, takes up what it left.
"""

from .networks import smooth_noise
from .system.digests import images_digest, kit_digest, module_digest
from .system.errors import UserError
from .system.ranks import ALONE
from .training import Training, TrainingFailed


class ParallelTraining(Training):
    """A Training whose batches are divided among ranks.  config.batch is the whole batch, of all ranks together.

    The history is one: each rank keeps all of it, and remembers and draws what one process would, from the refined images
    of all ranks.  Losses are means over the batch, so gradients and records are averaged over ranks: gradients in one
    message before each step of an optimizer.  DistributedDataParallel expects one pass of a network before its gradients are
    taken, and the discriminator judges two batches; so it is not used.
    ranks: a `system.ranks.Ranks`; all of them make the run, and run it.
    Raises UserError as `Training`, if the batch cannot be divided, if it is to be normalised, or if a rank was given other
    settings or images.
    """

    def __init__(self, config, synthetic, real, seed=0, device="cpu", features=None, ranks=ALONE):
        if config.batch % ranks.size:
            raise UserError(f"batch: expected a multiple of {ranks.size}, the number of ranks, found {config.batch}")
        if config.batch_norm and ranks.size > 1:
            raise UserError(f"batch_norm: expected false with {ranks.size} ranks, each of which would normalise its part of "
                            "a batch alone, found true")
        self.ranks, self.parts = ranks, ranks.size
        share = config.batch // ranks.size
        self.own = slice(ranks.rank * share, (ranks.rank + 1) * share)
        super().__init__(config, synthetic, real, seed, device, features)
        self.remember_whole, self.remember = self.remember, self._remember_together
        for optimizer in (self.refiner_optimizer, self.discriminator_optimizer):
            optimizer.register_step_pre_hook(self._average_gradients)
        ranks.agree(kit_digest(), "the kit's code")
        for part in self._identity.values():
            for name, value in part.items():
                ranks.agree(repr(value), name)

    def draw(self, images):
        """This rank's part of a random batch.  All is fetched and then cut: bytes cost little beside convolutions."""
        return super().draw(images)[self.own]

    def refined(self, synthetic):
        """As of `Training`, with this rank's part of the noise."""
        noise = smooth_noise(self.config.batch, self.config.noise, synthetic.shape[2:], self.generator)
        return self.refiner(synthetic, None if noise is None else noise[self.own])

    def update_refiner(self, adversarial=True):
        """As of `Training`; what was measured is the mean over ranks."""
        return self._over_ranks(super().update_refiner(adversarial))

    def update_discriminator(self):
        """As of `Training`; what was measured is the mean over ranks."""
        return self._over_ranks(super().update_discriminator())

    def _over_ranks(self, seen):
        return dict(zip(seen, self.ranks.averaged(list(seen.values()))))

    def _remember_together(self, fresh, buffer):
        return self.remember_whole(self.ranks.gathered(fresh), buffer)[self.own]

    def _average_gradients(self, optimizer, *_):
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        for gradient, mean in zip(gradients, self.ranks.averaged(gradients)):
            gradient.copy_(mean)

    def state(self):
        """As of `Training`, and the same on all ranks: TrainingFailed if their weights or histories have gone apart."""
        state = super().state()
        held = [module_digest(self.refiner), module_digest(self.discriminator)]
        if self.buffer is not None and len(self.buffer):
            held.append(images_digest(self.buffer.images[:len(self.buffer)]))
        self.ranks.agree(" ".join(held), f"step {self.done}: weights or history", TrainingFailed)
        return state
