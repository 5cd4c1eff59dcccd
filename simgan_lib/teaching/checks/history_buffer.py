"""Checks of notebook 04: history buffer."""

import torch

from ... import history
from .base import Open, answer, attempt, expect, plain, wrong_if


def marked(first, last):
    """Images (n, 1, 2, 2) that can be told apart: all pixels of image k are k."""
    return torch.arange(first, last).float()[:, None, None, None].expand(-1, 1, 2, 2).clone()


def marks(images):
    """Which images these are, sorted.  Raises Wrong if one is none of those that were given."""
    pixels = plain(images).flatten(1)
    wrong_if(not (pixels == pixels[:, :1]).all(),
             "pixels of different images are mixed: whole images are stored and overwritten, not pixels")
    return sorted(int(value) for value in pixels[:, 0])


def history_buffer(mine):
    """A class with the constructor, length, `sample` and `replace` of the library's HistoryBuffer."""
    kept = [_filled(mine, seed) for seed in range(6)]
    wrong_if(all(old == kept[0] for old in kept),
             "the same places are overwritten whatever the generator says: draw them at random")
    buffer = mine(8, torch.Generator().manual_seed(0))
    images = marked(1, 9)
    attempt(buffer.replace, images)
    draws = [marks(attempt(buffer.sample, 2)) for _ in range(20)]
    wrong_if(any(a == b for a, b in draws), "sample draws one image twice: draw different ones")
    wrong_if(len({mark for pair in draws for mark in pair}) < 8,
             "sample never returns some of the stored images: draw from all of them, at random")
    images.zero_()
    attempt(buffer.sample, 8).zero_()
    wrong_if(marks(attempt(buffer.sample, 8)) != list(range(1, 9)),
             "what is stored changes when the caller's tensors change: store and return copies")
    attempt(buffer.replace, marked(1, 5).requires_grad_())
    wrong_if(attempt(buffer.sample, 8).requires_grad, "the stored images carry the refiner's graph along: detach them")


def _filled(make, seed):
    """Fill a history of 8 with 1..8 in two batches, overwrite with 9..12; which of the old ones are left."""
    buffer = attempt(make, 8, torch.Generator().manual_seed(seed))
    for first, expected in ((1, 4), (5, 8), (9, 8)):
        returned = attempt(buffer.replace, marked(first, first + 4))
        if returned is ... or returned is NotImplemented:
            raise Open("replace does nothing yet")
        wrong_if(len(buffer) == 0, "the history stays empty: is the result of an append dropped?")
        wrong_if(len(buffer) > 8, f"the history grows to {len(buffer)} images, beyond its capacity of 8")
        wrong_if(len(buffer) != expected,
                 f"{len(buffer)} images are stored where {expected} should be: are free places filled first?")
    stored = marks(attempt(buffer.sample, 8))
    fresh = sum(mark >= 9 for mark in stored)
    wrong_if(fresh == 0, "a full history takes nothing in any more: it remembers the first images for ever")
    wrong_if(fresh < 4, f"of 4 images only {fresh} were stored: were places drawn twice?")
    return [mark for mark in stored if mark < 9]


def mixed_batch(mine):
    """Half fresh, half remembered; then half of the fresh ones are remembered."""
    fresh = marked(101, 109)
    buffer = _holding(0)
    first = _marks_of_batch(mine, fresh, buffer, 8)
    wrong_if(len(buffer) == 0, "nothing is stored while the history is empty (its length is 0, so `if buffer:` is False): "
                               "it stays empty for ever")
    wrong_if(first != list(range(101, 109)), "while the history holds fewer than half a batch, the batch is all fresh images")
    small = [_marks_of_batch(mine, fresh, _holding(8, capacity=8, seed=seed), 8) for seed in range(5)]
    wrong_if(any(len(set(batch)) < 8 for batch in small),
             "an image occurs twice in the batch: draw from the history before storing the fresh ones")
    buffer = _holding(64)
    batch = _marks_of_batch(mine, fresh, buffer, 8)
    remembered = sum(mark <= 64 for mark in batch)
    wrong_if(remembered != 4, f"{remembered} of 8 images are remembered ones: half of them should be")
    stored = marks(buffer.sample(64))
    new = sum(mark > 100 for mark in stored)
    wrong_if(new == 0, "the fresh images are never stored")
    wrong_if(len(set(stored)) < 64, "an image is stored twice: store fresh ones, not the mixed batch")
    wrong_if(new != 4, f"{new} fresh images of 8 are stored: half of them should be")
    wrong_if(any(_marks_of_batch(mine, fresh, buffer, 8) == batch for _ in range(3)),
             "the same images are remembered each time: draw them at random")
    _marks_of_batch(mine, marked(101, 108), _holding(64), 7)


def _holding(n, capacity=64, seed=0):
    buffer = history.HistoryBuffer(capacity, torch.Generator().manual_seed(seed))
    if n:
        buffer.replace(marked(1, n + 1))
    return buffer


def _marks_of_batch(mine, fresh, buffer, size):
    batch = plain(answer(mine, fresh, buffer))
    wrong_if(batch.shape[1:] != fresh.shape[1:],
             f"expected a batch of images like {tuple(fresh.shape)}, found {tuple(batch.shape)}")
    wrong_if(len(batch) != size, f"the batch has {len(batch)} images where {size} came in")
    return marks(batch)


def chance_to_survive(mine):
    """The chance that an image is still in the history after some rounds."""
    for rounds, capacity, batch in ((4, 64, 32), (1, 64, 32), (10, 256, 32), (30, 1024, 64), (3, 100, 10)):
        half = batch / 2
        once = half / capacity
        right = history.chance_to_survive(rounds, capacity, batch)
        expect(answer(mine, rounds, capacity, batch), right, {
            "a whole batch is not stored, only half of it": (1 - batch / capacity) ** rounds,
            "that is the chance to be gone": 1 - right,
            "that is the chance to survive one round": 1 - once,
            "that is the chance to be overwritten in one round": once,
            "chances are added up, but each round strikes those that are left": max(0.0, 1 - rounds * once),
            "that is the chance to be overwritten in every single round": once ** rounds,
            "the places of one round are different ones: they cannot strike twice":
                (1 - 1 / capacity) ** (half * rounds),
        })
