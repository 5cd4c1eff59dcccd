"""The history buffer: refined images of the past, so that the discriminator does not forget them.  Taught in: 04."""

import torch


class HistoryBuffer:
    """At most `capacity` refined images, on whichever device and of whichever type the first batch has.

    generator: decides what is drawn and replaced; its owner saves and restores it.
    Paper: section 2.3, article Figure 5.
    """

    def __init__(self, capacity, generator):
        if capacity < 1:
            raise ValueError(f"capacity: expected at least 1, found {capacity}")
        self.capacity, self.generator, self.filled, self.images = capacity, generator, 0, None

    def __len__(self):
        return self.filled

    def sample(self, n):
        """n different stored images, drawn at random: a copy (n, C, H, W).  ValueError if fewer are stored."""
        if n > self.filled:
            raise ValueError(f"cannot draw {n} images from a history of {self.filled}")
        return self.images[self._places(self.filled)[:n]]

    def replace(self, images):
        """Store images (n, C, H, W): free places first, then random different places are overwritten, whole images.

        Raises ValueError for more images than the buffer holds, or of another shape than those stored.
        """
        self._check(images)
        if self.images is None:
            self.images = torch.empty(self.capacity, *images.shape[1:], dtype=images.dtype, device=images.device)
        free = min(self.capacity - self.filled, len(images))
        self.images[self.filled:self.filled + free] = images[:free].detach()
        if free < len(images):
            places = self._places(self.filled)[:len(images) - free] if self.filled else []
            self.images[places] = images[free:].detach()
        self.filled += free

    def exchange(self, images):
        """Store images (n, C, H, W) in random different places  ->  those that were there (n, C, H, W).

        Raises ValueError for more images than are stored, or of another shape.
        """
        self._check(images)
        if len(images) > self.filled:
            raise ValueError(f"cannot exchange {len(images)} images with a history of {self.filled}")
        places = self._places(self.filled)[:len(images)]
        given = self.images[places]
        self.images[places] = images.detach()
        return given

    def _places(self, n):
        return torch.randperm(n, generator=self.generator, device=self.generator.device)

    def _check(self, images):
        if images.ndim != 4 or len(images) > self.capacity:
            raise ValueError(f"expected at most {self.capacity} images (n, C, H, W), found {tuple(images.shape)}")
        if self.images is not None and images.shape[1:] != self.images.shape[1:]:
            raise ValueError(f"images are {tuple(images.shape[1:])}, the history holds {tuple(self.images.shape[1:])}")

    def state(self):
        """For a checkpoint: the stored images and their number."""
        return {"filled": self.filled, "images": None if self.images is None else self.images[:self.filled].clone()}

    def restore(self, state):
        """Undo to `state()`, bit for bit."""
        self.filled, self.images = 0, None
        if state["images"] is not None:
            self.replace(state["images"])


def mixed_batch(fresh, buffer):
    """A discriminator batch of b images: b/2 fresh refined and b/2 remembered ones; then b/2 fresh are remembered.

    fresh: (b, C, H, W).  While the history holds fewer than b/2, the batch is all fresh.
    Paper: section 2.3: "update B by replacing b/2 images with the newly refined ones".
    """
    half = len(fresh) // 2
    batch = fresh if len(buffer) < half else torch.cat([fresh[:len(fresh) - half], buffer.sample(half)])
    buffer.replace(fresh[:half])
    return batch


def pooled_batch(fresh, buffer):
    """The rule of CycleGAN's image pool, to compare: each image is judged fresh, or remembered in place of one that is judged.

    A coin decides, image by image.  While there are free places, images are judged fresh and remembered.
    fresh: (b, C, H, W), b at most the buffer's capacity.  Returns a batch of the same shape.
    Zhu et al., Unpaired image-to-image translation, ICCV 2017, section 4 (after SimGAN); `image_pool.py` of its code.
    """
    free = min(buffer.capacity - len(buffer), len(fresh))
    buffer.replace(fresh[:free])
    late = torch.arange(len(fresh), device=fresh.device) >= free
    coins = torch.rand(len(fresh), generator=buffer.generator, device=buffer.generator.device).to(fresh.device) < 0.5
    batch = fresh.clone()
    batch[late & coins] = buffer.exchange(fresh[late & coins]).to(fresh.dtype)
    return batch


def chance_to_survive(rounds, capacity, batch):
    """Chance that an image stored in a full history is still there after some rounds.  In [0, 1].

    Each round of a batch of b overwrites b/2 random different places of `capacity`, so an image survives one round
    with the chance 1 - (b/2)/capacity.  rounds: number or tensor.
    Raises ValueError if the history cannot hold half a batch.
    Paper: section 2.3 (the capacity is not published).

    >>> chance_to_survive(1, capacity=64, batch=32)
    0.75
    """
    half = batch // 2
    if half > capacity:
        raise ValueError(f"a history of {capacity} cannot hold half a batch of {batch}")
    return (1 - half / capacity) ** rounds
