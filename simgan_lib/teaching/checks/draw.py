"""Random inputs on which an answer is tried: other ones at each run, the same ones again from their seed."""

import random

import torch

ROUNDS = 8                # sets of inputs that an answer is tried on


class Draw:
    """Random inputs of one round.  `first` says that it is the first round: a common case, in which slips show best."""

    def __init__(self, seed, place=0):
        self.first, self.seed, self.place, self.choices = place == 0, seed, place, 0
        self.random = random.Random(f"{seed} {place}")
        self.generator = torch.Generator().manual_seed(self.random.getrandbits(60))

    def number(self, low, high):
        """A number between low and high."""
        return self.random.uniform(low, high)

    def integer(self, low, high):
        """A whole number from low to high, both included."""
        return self.random.randint(low, high)

    def one_of(self, common, *rare):
        """`common` in the first round, then each of them within the others, in random order: none is left to luck.

        Calls do not depend on each other: values of two choices meet in some rounds, but not all pairs in each run.
        """
        values, self.choices = [common, *rare], self.choices + 1
        if self.first:
            return common
        block, place = divmod(self.place - 1, max(ROUNDS - 1, len(values)))
        chance, places = random.Random(f"{self.seed} {self.choices} {block}"), range(len(values))
        turns = [*places] * max(1, (ROUNDS - 1) // len(values))
        turns += chance.sample(places, max(0, ROUNDS - 1 - len(turns)))
        return values[chance.sample(turns, len(turns))[place]]

    def values(self, *shape, scale=1.0):
        """Float tensor in [-scale, scale] with a gap around 0, so that no sign is in doubt."""
        values = torch.rand(shape, generator=self.generator) * 1.8 - 0.9
        return scale * (values + 0.1 * values.sign())

    def pixels(self, *shape):
        """uint8 tensor of gray levels, 0 and 255 among them."""
        pixels = torch.randint(256, shape, generator=self.generator, dtype=torch.uint8)
        pixels.view(-1)[self.order(pixels.numel())[:2]] = torch.tensor([0, 255], dtype=torch.uint8)[:pixels.numel()]
        return pixels

    def order(self, n):
        """The numbers 0 to n - 1 in random order."""
        return torch.randperm(n, generator=self.generator)

    def images(self, channels=(1, 3), least=1):
        """(n, c, h, w) of images: 3 of 4 x 5 in the first round, then few or many, odd or even, not less than `least` a side."""
        low = max(least, 1)
        sides = (max(4, low), max(5, low + 1)) if self.first else (self.integer(low, low + 7), self.integer(low, low + 7))
        return self.one_of(3, 1, 2, 5), self.one_of(*channels), *sides
