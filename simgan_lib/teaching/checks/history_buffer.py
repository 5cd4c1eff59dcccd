"""Checks of notebook 04: history buffer."""

import inspect
import itertools
import math
from collections import Counter

import torch

from ... import history
from .base import Open, check, expect, expect_rule, plain, which, wrong_if


def images_of(draw, n, shape, kind, scale=1.0):
    """n images, at most 255, of a type of numbers.  Each differs from the others, and none is all 0."""
    if kind == torch.float32:
        return draw.values(n, *shape, scale=scale)
    images = draw.pixels(n, *shape).to(kind)
    images[:, 0, 0, 0] = (draw.order(255)[:n] + 1).to(kind)
    return images


class Shelf:
    """A history with its constructor's arguments, a length, `sample` and `replace`, and with nothing else to lean on."""

    def __init__(self, capacity, generator, images):
        self.capacity, self.generator, self.__kept = capacity, generator, history.HistoryBuffer(capacity, generator)
        if len(images):
            self.replace(images)

    def __len__(self):
        return len(self.__kept)

    def __repr__(self):
        return f"a buffer of {len(self)}"

    def sample(self, n):
        """n different images."""
        return self.__kept.sample(n)

    def replace(self, images):
        """Free places first, then random ones."""
        self.__kept.replace(images)


class Tried:
    """A learner's buffer, whose every call may fail in the learner's way."""

    def __init__(self, answer, capacity, seed):
        self.answer, self.capacity = answer, capacity
        self.buffer = answer.attempt(answer.mine, capacity, torch.Generator().manual_seed(seed))

    def __len__(self):
        return self.answer.attempt(len, self.buffer)

    def sample(self, n, like):
        """n images.  like: one of those that were stored; shape and type must be its."""
        before = len(self)
        case, nothing = f"(sample({n}) while {before} of {self.capacity} images are stored)", "sample returns nothing yet"
        images = self.answer.ask(case, nothing, self.buffer.sample, n)
        if self.answer.blank:
            for fewer in range(1, before):                        # is it half written?
                self.answer.ask(case, nothing, self.buffer.sample, fewer)
            self.answer.complete()
        wrong_if(not isinstance(images, torch.Tensor), f"sample returns {type(images).__name__}: a tensor is asked")
        wrong_if(images.shape != (n, *like.shape),
                 f"sample({n}) returns the shape {tuple(images.shape)}, expected {(n, *like.shape)}")
        wrong_if(images.dtype != like.dtype, f"stored as {like.dtype}, the images come back as {images.dtype}")
        wrong_if(images.requires_grad, "the stored images carry the refiner's graph along: detach them")
        wrong_if(len(self) != before,
                 f"after sample({n}) the history holds {len(self)} images, before it {before}: drawing takes nothing out")
        return images

    def replace(self, images):
        """Store images, and look at the number of those stored."""
        before, copy = len(self), images.detach().clone()
        right = min(self.capacity, before + len(images))
        try:
            returned = self.answer.attempt(self.buffer.replace, images)
            if (returned is ... or returned is NotImplemented) and len(self) != right:
                raise Open("replace stores nothing yet")
        except Open as reason:
            case = f"(replace of {len(images)} images while {before} of {self.capacity} are stored)"
            self.answer.missing.append((str(reason), case))
            return self.answer.complete()
        wrong_if(not images.detach().equal(copy), "replace changes the tensor that it is given")
        held = len(self)
        if held == 0:
            self._open_if_unwritten()
        wrong_if(held == 0, "the history stays empty: is the result of an append dropped?")
        wrong_if(held > self.capacity, f"the history grows to {held} images, beyond its capacity of {self.capacity}")
        wrong_if(held < before, f"{before} images were stored, and {held} are left: a full history is not emptied")
        wrong_if(held != right, f"{held} images are stored where {right} should be: are free places filled first?")

    def _open_if_unwritten(self):
        if self.answer.unwritten():
            raise Open("replace stores nothing yet")
        try:
            drawn = self.buffer.sample(1)
        except Exception:
            return
        if drawn is None or drawn is ...:
            raise Open("neither method has been written yet")


@check(history.HistoryBuffer)
def history_buffer(answer, draw):
    """A class with the constructor, length, `sample` and `replace` of a history buffer."""
    wrong_if(callable(answer.mine) and not inspect.isclass(answer.mine),
             f"a class is asked for, found {type(answer.mine).__name__}: others inherit from it")
    capacity = draw.one_of(8, 1, 2, 5, 16)
    kind = draw.one_of(torch.float32, torch.uint8, torch.int16, torch.float64, torch.float16)
    shape = draw.one_of((1, 2, 2), (2, 1, 1), (3, 4, 5))
    batches = [4, 2, 4, 3] if draw.first else [draw.integer(1, capacity) for _ in range(5)]
    known = images_of(draw, sum(batches), shape, kind, scale=draw.one_of(1.0, 1e-2))
    buffer, given = Tried(answer, capacity, seed=draw.integer(0, 10**6)), 0
    wrong_if(len(buffer) != 0, f"a new history holds {len(buffer)} images")
    stored = set()
    for n in batches:
        fresh = known[given:given + n].clone()
        buffer.replace(fresh.requires_grad_() if draw.one_of(False, True) and kind.is_floating_point else fresh)
        fresh.detach().zero_()                                    # the caller's tensor goes on to live its own life
        stored = _stored_rightly(buffer, known, stored, set(range(given, given + n)))
        given += n
        buffer.sample(len(buffer), known[0]).zero_()              # and so does what was drawn
        wrong_if(not buffer.sample(len(buffer), known[0]).flatten(1).any(1).all(),
                 "what is stored changes when the tensor that `sample` returned changes: return a copy")
    if draw.first:
        _random(answer, draw, shape)


def _stored_rightly(buffer, known, before, fresh):
    """What the history holds after `fresh` came: all of it, and of the rest as many as there is room for."""
    drawn = buffer.sample(len(buffer), known[0])
    wrong_if(not drawn.flatten(1).any(1).all(), "what is stored changes when the caller's tensor changes: store a copy")
    now = which(drawn, known)
    wrong_if(len(set(now)) < len(now),
             "sample draws one image twice, or one image is stored twice: draw different ones, store each once")
    kept = len(fresh & set(now))
    wrong_if(kept == 0, "a full history takes nothing in any more: it remembers the first images for ever")
    wrong_if(kept < len(fresh),
             f"of {len(fresh)} images only {kept} were stored: were places drawn twice, or what did not fit dropped?")
    wrong_if(not set(now) <= before | fresh, "an image is back that had been overwritten")
    return set(now)


def _random(answer, draw, shape):
    """Whether the generator, and it alone, decides what is drawn and what is overwritten, and nothing else does."""
    for held, more in ((8, 2), (6, 4)):                           # of 8: full, and with two places free
        _drawn_at_random(answer, draw, draw.values(held, *shape))
        _overwritten_at_random(answer, draw, draw.values(held + more + 2, *shape), held, more)


def _drawn_at_random(answer, draw, known):
    buffer, held = Tried(answer, 8, draw.integer(0, 10**6)), len(known)
    buffer.replace(known.clone())
    draws = [which(buffer.sample(3, known[0]), known) for _ in range(60)]
    wrong_if(any(len(set(drawn)) < 3 for drawn in draws), "sample draws one image twice: draw different ones")
    _spread(draws, held, "sample never returns some of the stored images", "sample returns some image each time",
            "sample returns the same images again and again: each call draws anew, with what `generator` gives next",
            "sample returns few sets of images: draw each image at random, not neighbours")


def _overwritten_at_random(answer, draw, known, held, more):
    gone, again = [], 0
    for _ in range(60):
        twins = []
        for luck, seed in enumerate([draw.integer(0, 10**6)] * 2):    # twice the same generator; torch's global one differs
            buffer = Tried(answer, 8, seed)
            torch.rand(luck)
            buffer.replace(known[:held].clone())
            drawn = which(buffer.sample(3, known[0]), known)
            torch.rand(luck)
            buffer.replace(known[held:held + more].clone())
            left = which(buffer.sample(8, known[0]), known)
            buffer.replace(known[-2:].clone())
            twins.append((drawn, sorted(left), sorted(which(buffer.sample(8, known[0]), known))))
        wrong_if(twins[0] != twins[1], "the same generator, and other images are drawn or overwritten: draw with `generator=`")
        gone.append(frozenset(range(held)) - set(twins[0][1]))
        again += more == 2 and not {held, held + 1} & set(twins[0][2])
    _spread(gone, held, "some places are never overwritten", "some place is overwritten each time",
            "the same places are overwritten whatever the generator says: draw them at random",
            "few pairs of places are ever overwritten: draw each place at random, not neighbours, nor the first ones")
    wrong_if(again > 30, "the same places are overwritten again and again: each call draws anew, with what `generator` gives next")


def _spread(sets, held, never, always, one, few):
    """Whether sets of `held` numbers are many, and none of the numbers in none or in all of them.  Raises Wrong with a sentence."""
    times = Counter(itertools.chain(*sets))
    wrong_if(len(set(map(frozenset, sets))) == 1, one)
    wrong_if(len(times) < held, f"{never}: draw from all of them, at random")
    wrong_if(max(times.values()) == len(sets), f"{always}: draw from all of them, at random")
    wrong_if(len(set(map(frozenset, sets))) <= 3 * held // 2, few)


@check(history.mixed_batch)
def mixed_batch(answer, draw):
    """Half fresh, half remembered; then half of the fresh ones are remembered."""
    batch = draw.one_of(8, 2, 3, 7, 12)
    half, capacity = batch // 2, draw.one_of(64, batch, batch + 1)
    kind = draw.one_of(torch.float32, torch.float64, torch.uint8)
    for filled in sorted({0, half - 1, half, half + 1, batch - 1, (half + capacity) // 2, capacity}):
        if filled <= capacity:
            _one_batch(answer, draw, images_of(draw, filled + batch, (1, 2, 3), kind), batch, capacity)
    if draw.first:
        known = draw.values(64 + 8, 1, 2, 3)
        wrong_if(len({_one_batch(answer, draw, known, 8, 64) for _ in range(4)}) == 1 and not answer.blank,
                 "the same images are remembered each time: draw them at random")


def _one_batch(answer, draw, known, size, capacity):
    """Ask for one batch: the last `size` of the known images are fresh, the others stored.  Returns which of these are in it."""
    filled, half = len(known) - size, size // 2
    buffer = Shelf(capacity, torch.Generator().manual_seed(draw.integer(0, 10**6)), known[:filled])
    fresh = known[filled:]
    returned = answer(fresh, buffer)
    if answer.blank:
        return frozenset()
    batch = plain(returned)
    wrong_if(batch.shape[1:] != fresh.shape[1:],
             f"expected a batch of images like {tuple(fresh.shape)}, found {tuple(batch.shape)}")
    wrong_if(len(batch) != size, f"the batch has {len(batch)} images where {size} came in")
    found, asked = (str(images.dtype).removeprefix("torch.") for images in (returned, fresh))
    wrong_if(found != asked, f"the batch has the type {found}, the fresh images {asked}: keep their type")
    places = which(batch, known)
    remembered = frozenset(place for place in places if place < filled)
    kept = buffer.sample(len(buffer)) if len(buffer) else fresh[:0]
    wrong_if(kept.dtype != fresh.dtype, f"stored as {kept.dtype}, the fresh images are {fresh.dtype}: keep their type")
    stored = which(kept, known) if len(kept) else []
    new = sum(place >= filled for place in stored)
    wrong_if(not filled and not new, "nothing is stored while the history is empty (its length is 0, so `if buffer:` is False): "
                                     "it stays empty for ever")
    wrong_if(sum(place < filled for place in places) > len(remembered), "a remembered image is repeated: draw different ones")
    wrong_if(len(set(places)) < size, "an image occurs twice in the batch: draw from the history before storing the fresh ones")
    wrong_if(remembered and filled < half, f"while the history holds fewer than half a batch ({filled} of {half}), "
                                           "the batch is all fresh images")
    wrong_if(not remembered and filled == half, f"a history of just half a batch ({half}) is enough: draw from it")
    held = f"(the history held {filled} of {capacity})"
    wrong_if(filled >= half and len(remembered) != half,
             f"{len(remembered)} of {size} images are remembered ones {held}: half of them should be, {half}")
    wrong_if(new == 0, "the fresh images are never stored")
    wrong_if(len(set(stored)) < len(stored), "an image is stored twice: store fresh ones, not the mixed batch")
    wrong_if(new != half, f"{new} fresh images of {size} are stored {held}: half should be, {half}")
    return remembered


@check(history.chance_to_survive)
def chance_to_survive(answer, draw):
    """The chance that an image is still in the history after some rounds."""
    batch = 2 * draw.integer(2, 30)
    half, rounds = batch // 2, draw.one_of(draw.integer(2, 5), 0, 1, 30)
    capacity = half * draw.integer(2, 9) + draw.one_of(half // 2, 0, 1, 10 * batch)
    once = half / capacity
    right = history.chance_to_survive(rounds, capacity, batch)
    expect(answer(rounds, capacity, batch), right, {
        "a whole batch is not stored, only half of it": max(0.0, 1 - batch / capacity) ** rounds,
        "that is the chance to be gone": 1 - right,
        "that is the chance to survive one round": 1 - once,
        "that is the chance to be overwritten in one round": once,
        "chances are added up, but each round strikes those that are left": max(0.0, 1 - rounds * once),
        "chances are added up (and fall below 0), but each round strikes those that are left": 1 - rounds * once,
        "that is the chance to be overwritten in every single round": once ** rounds,
        "the places of one round are different ones: they cannot strike twice": (1 - 1 / capacity) ** (half * rounds),
        "only one image is overwritten in a round": (1 - 1 / capacity) ** rounds,
        "one round too many": (1 - once) ** (rounds + 1),
        "one round too few": (1 - once) ** max(0, rounds - 1),
        "that is the limit of many small rounds: here a round is not small": math.exp(-rounds * once),
        "that is a half-life: the chance is halved only after ln 2 times 2B/b rounds": 0.5 ** (rounds * batch / capacity),
        "the share of places is rounded": (1 - 1 / max(1, capacity // half)) ** rounds,
        "capacity and batch are exchanged": abs(1 - capacity / 2 / batch) ** rounds,
        "a chance lies between 0 and 1: those are percent": 100 * right,
        "times the number of rounds: each round multiplies": rounds * (1 - once),
    })
    more = draw.integer(1, 5)
    expect_rule("the chances of two spells, one after the other, must multiply",
                answer(rounds + more, capacity, batch), right * history.chance_to_survive(more, capacity, batch))
