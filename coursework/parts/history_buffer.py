"""What is asked in the assignment on the history buffer, and how it is marked.

The buffers here that a student's code is lent stay in the grader's process: it sees calls and answers alone.
"""

import torch

from simgan_lib.history import HistoryBuffer, chance_to_survive
from simgan_lib.teaching import checks
from simgan_lib.teaching.checks import Wrong, expect
from simgan_lib.teaching.checks.base import Answer, plain, wrong_if
from simgan_lib.teaching.checks.history_buffer import Shelf, images_of, which

from ..grading.marking import Part, catching, criterion


# ---- 1. another share of memory ----
def _shared(answer, draw, stored=None, share=None):
    """One batch  ->  (batch, fresh, how many to remember, places of its images, of what is stored now, stored before)."""
    size = draw.one_of(8, 16, 24)
    share = draw.one_of(0.25, 0.5, 0.75, 0.125) if share is None else share
    wanted = int(share * size)
    stored = 2 * size if stored is None else stored(wanted)
    known = images_of(draw, stored + size, (1, 2, 3), draw.one_of(torch.float32, torch.float64, torch.uint8))
    buffer = Shelf(8 * size, torch.Generator().manual_seed(draw.integer(0, 10**6)), known[:stored])
    fresh = known[stored:]
    batch = answer(fresh, buffer, share)
    wrong_if(not isinstance(batch, torch.Tensor), f"expected a tensor, found {type(batch).__name__}")
    wrong_if(batch.shape != fresh.shape, f"expected a batch {tuple(fresh.shape)}, found {tuple(batch.shape)} (share {share})")
    kept = buffer.sample(len(buffer)) if len(buffer) else fresh[:0]
    return batch, fresh, wanted, which(batch, known), which(kept, known) if len(kept) else [], stored


@criterion(1, "a batch of the size and the type that came in")
def share_shape(answer, draw):
    batch, fresh, *_ = _shared(answer, draw)
    wrong_if(batch.dtype != fresh.dtype, f"the batch is {batch.dtype}, the fresh images are {fresh.dtype}: keep their type")


@criterion(1, "the right number of fresh and of remembered images, each once")
def share_number(answer, draw):
    _, fresh, wanted, places, _, stored = _shared(answer, draw)
    size = len(fresh)
    found = sum(place < stored for place in places)
    wrong_if(found != wanted, f"{found} of {size} images are remembered ones, where {wanted} should be")
    wrong_if(len(set(places)) < size, "an image occurs twice in the batch: draw different ones, before the fresh ones are stored")


@criterion(1, "as many fresh images are stored as were asked from memory")
def share_stored(answer, draw):
    *_, wanted, _, now, stored = _shared(answer, draw)
    new = len({place for place in now if place >= stored})
    wrong_if(new != wanted or len(now) != stored + wanted, f"{new} fresh images are stored, where {wanted} should be")


@criterion(1, "a buffer that holds fewer than are asked, and the shares 0 and 1")
def share_edges(answer, draw):
    kind = draw.one_of("short", "empty", "none", "all")
    share = {"none": 0.0, "all": 1.0}.get(kind)
    stored = {"short": lambda wanted: wanted - 1, "empty": lambda wanted: 0}.get(kind)
    *_, wanted, places, now, stored = _shared(answer, draw, stored, share)
    found, due = sum(place < stored for place in places), min(wanted, stored)
    case = f"(share {wanted} of {len(places)}, {stored} stored)"
    wrong_if(found != due, f"{found} images are remembered ones, where {due} should be {case}")
    new = sum(place >= stored for place in now)
    wrong_if(new != wanted, f"{new} fresh images are stored, where {wanted} should be {case}")


# ---- 2. how large must it be? ----
def _capacity(answer, rounds, batch, chance):
    value = plain(answer(rounds, batch, chance))
    wrong_if(value.numel() != 1, f"one number is asked, found the shape {tuple(value.shape)}")
    wrong_if(not value.isfinite() or value != value.round(), f"a number of places is a whole number, found {value.item():g}")
    return int(value)


def _enough(capacity, rounds, batch, chance):
    """1, 0, or None where rounding decides."""
    if capacity < batch // 2:
        return 0
    beyond = chance_to_survive(rounds, capacity, batch) - chance
    return None if abs(beyond) < 1e-12 else int(beyond > 0)


def _least(answer, case):
    rounds, batch, chance = case
    found = _capacity(answer, *case)
    asked = f"(batch {batch}, {rounds} rounds, chance {chance:g})"
    wrong_if(_enough(found, *case) == 0, f"{found} places are too few {asked}")
    wrong_if(_enough(found - 1, *case) == 1, f"{found} places, where fewer would do {asked}: is it rounded up once, at the "
                                             "end, and is it half a batch that a round overwrites?")


@criterion(1, "large enough")
def capacity_enough(answer, draw):
    case = draw.integer(2, 60), 2 * draw.integer(2, 40), draw.number(0.2, 0.9)
    found = _capacity(answer, *case)
    wrong_if(found > 100 * case[0] * case[1], f"{found} places for {case[0]} rounds of {case[1]} images are far too many")
    wrong_if(_enough(found, *case) == 0, f"with {found} places, an image is still there after {case[0]} rounds less often than "
                                         f"asked (batch {case[1]}, chance {case[2]:.2f})")


@criterion(1, "and no larger than needed")
def capacity_least(answer, draw):
    _least(answer, (draw.integer(2, 60), 2 * draw.integer(2, 40), draw.number(0.2, 0.9)))


@criterion(1, "one round, and images that are almost never or almost surely there")
def capacity_edges(answer, draw):
    _least(answer, (draw.one_of(1, 30), 2 * draw.integer(2, 20), draw.one_of(0.999, 1e-6, 0.35)))


# ---- 3. a buffer that goes on where it stopped ----
@criterion(1, "it is a history buffer (the check of notebook 04)", rounds=2, gate=True)
def state_buffer(answer, draw):
    made = answer.mine

    class Seeded:
        def __new__(cls, capacity, generator):
            return made(capacity, generator.initial_seed())

    checks.history_buffer.trial(Answer(Seeded), draw)


def _sampled(answer, buffer, n):
    images = answer.attempt(buffer.sample, n)
    wrong_if(not isinstance(images, torch.Tensor) or images.shape[:1] != (n,), f"sample({n}) returns no tensor of {n} images")
    return images


def _filled(answer, draw, capacity=6, images=(4, 3, 2)):
    """(the student's buffer after some batches, all images, the seed)."""
    seed = draw.integer(0, 10**6)
    buffer = answer.attempt(answer.mine, capacity, seed)
    known = draw.values(sum(images), 1, 2, 2)
    for batch in known.split(list(images)):
        answer.attempt(buffer.replace, batch.clone())
        if len(buffer) > 2:
            answer.attempt(buffer.sample, 2)
    return buffer, known


def _restored(answer, draw, state, capacity=6):
    buffer = answer.attempt(answer.mine, capacity, draw.integer(0, 10**6))
    answer.attempt(buffer.restore, _copied(state))
    return buffer


def _copied(value):
    """As if it had been saved and loaded.  Raises Wrong for what is no plain value."""
    if isinstance(value, dict):
        return {_copied(key): _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    plain = value is None or type(value) in (bool, int, float, str)
    wrong_if(not plain, f"the state holds a {getattr(value, '__name__', type(value).__name__)}: a file of weights alone takes "
                        "dicts, lists, tensors, numbers and texts")
    return value


def _state(answer, buffer):
    state = answer.attempt(buffer.state)
    wrong_if(not isinstance(state, dict) or not state, f"state() returns {type(state).__name__}: a dict with content is asked")
    return state


@criterion(1, "the state is a dict of plain values")
def state_plain(answer, draw):
    buffer, _ = _filled(answer, draw)
    _copied(_state(answer, buffer))


@criterion(1, "the images are there again")
def state_images(answer, draw):
    buffer, known = _filled(answer, draw)
    again = _restored(answer, draw, _state(answer, buffer))
    wrong_if(len(again) != len(buffer), f"{len(again)} images are back of {len(buffer)}")
    n = len(buffer)
    same = sorted(which(_sampled(answer, again, n), known)) == sorted(which(_sampled(answer, buffer, n), known))
    wrong_if(not same, "other images are back than were saved")


@criterion(2, "it draws and overwrites as the one that was never stopped")
def state_goes_on(answer, draw):
    buffer, _ = _filled(answer, draw)
    again = _restored(answer, draw, _state(answer, buffer))
    for _ in range(4):
        more = draw.values(2, 1, 2, 2)
        one, other = (_sampled(answer, each, 3) for each in (buffer, again))
        expect(other, one, {"the same images in another order: is the order of what is stored kept?": one[other_order(one, other)]})
        for each in (buffer, again):
            answer.attempt(each.replace, more.clone())


def other_order(one, other):
    """Places in `one` of the images of `other`; its own order if they are others."""
    try:
        return which(other, one)
    except Wrong:
        return list(range(len(one)))


@criterion(1, "a state stays as it was when it was taken")
def state_snapshot(answer, draw):
    buffer, known = _filled(answer, draw, images=(3, 3))
    state = _state(answer, buffer)
    for _ in range(3):
        answer.attempt(buffer.replace, 0.01 * draw.values(6, 1, 2, 2))
    again = _restored(answer, draw, state)
    wrong_if(len(again) != 6, f"{len(again)} images are back of 6")
    try:
        which(_sampled(answer, again, 6), known)
    except Wrong:
        raise Wrong("images are back that came after the state was taken: it must hold copies") from None


@criterion(1, "an empty buffer, and one that was full before it was restored")
def state_empty(answer, draw):
    empty, _ = _filled(answer, draw, images=())
    state = _copied(_state(answer, empty))
    full, known = _filled(answer, draw)
    answer.attempt(full.restore, state)
    wrong_if(len(full) != 0, f"restored from an empty one, it holds {len(full)} images")
    answer.attempt(full.replace, known[:2].clone())
    wrong_if(sorted(which(_sampled(answer, full, 2), known)) != [0, 1], "after that it does not store as a new one does")


# ---- 4. how old are its images? ----
class Plain:
    """What every buffer here has in common.  Kinds differ in what `_store` and `_drawn` do, never in their names."""

    def __init__(self, capacity, generator):
        self.capacity, self.generator, self._images = capacity, generator, []

    def __len__(self):
        return len(self._images)

    def _order(self, n):
        return torch.randperm(n, generator=self.generator).tolist()

    def sample(self, n):
        """n different stored images."""
        if n > len(self._images):
            raise ValueError(f"cannot draw {n} images from a history of {len(self._images)}")
        return self._drawn(n)

    def replace(self, images):
        """Store images."""
        if images.ndim != 4 or len(images) > self.capacity:
            raise ValueError(f"expected at most {self.capacity} images (n, C, H, W), found {tuple(images.shape)}")
        self._store(images)

    def _drawn(self, n):
        return torch.stack([self._images[place] for place in self._order(len(self._images))[:n]])

    def _store(self, images):
        images = list(images.detach().clone())
        free = self.capacity - len(self._images)
        for place, image in zip(self._order(len(self._images)), images[free:]):
            self._images[place] = image
        self._images += images[:free]


class Queue(Plain):
    def _store(self, images):
        self._images = (self._images + list(images.detach().clone()))[-self.capacity:]


class Hoard(Plain):
    def _store(self, images):
        self._images = (self._images + list(images.detach().clone()))[:self.capacity]


def _ages(kind, capacity, half, rounds):
    """Mean age of what is stored, after each round, for kinds in which chance has no part."""
    buffer, ages = kind(capacity, torch.Generator().manual_seed(0)), []
    for now in range(rounds):
        buffer.replace(torch.full((half, 1, 1, 1), float(now)))
        ages.append(now - buffer.sample(len(buffer)).mean())
    return torch.stack(ages)


def _aged(answer, draw, kind):
    half, times, rounds = draw.one_of(2, 3, 4), draw.one_of(4, 2, 3), draw.one_of(12, 9)
    capacity = half * times + draw.one_of(0, 1)
    found = plain(answer(kind, capacity, half, rounds))
    wrong_if(tuple(found.shape) != (rounds,), f"expected one number a round, {(rounds,)}, found the shape {tuple(found.shape)}")
    return found, _ages(kind, capacity, half, rounds)


@criterion(1, "one number a round, and no age in the first")
def age_shape(answer, draw):
    found, _ = _aged(answer, draw, Plain)
    expect(found[0], 0, {"what has just come in has the age 0": 1})


@criterion(2, "the ages in a buffer that overwrites its oldest images")
def age_queue(answer, draw):
    found, right = _aged(answer, draw, Queue)
    expect(found, right, {"that is the age of the oldest image": torch.arange(len(right)), "ages grow with time: is the sign "
                          "turned?": -right, "one round too old": right + 1, "that is the round in which they came":
                          torch.arange(len(right)) - right})


@criterion(1, "the ages in a buffer that never overwrites")
def age_hoard(answer, draw):
    found, right = _aged(answer, draw, Hoard)
    expect(found, right, {"a law is not a measurement: look at what this buffer holds": torch.zeros(())})


@criterion(1, "the ages in a history buffer", rounds=3)
def age_random(answer, draw):
    found = plain(answer(Plain, 600, 100, 40))
    wrong_if(found.shape != (40,), f"expected one number a round, (40,), found the shape {tuple(found.shape)}")
    expect(found[:6], torch.arange(6) / 2)                      # while it fills, chance has no part
    late = found[20:].mean()
    wrong_if(not (late - 5).abs() < 1, f"after many rounds the mean age is {late:.1f}, where 600 / 100 - 1 = 5 is near")


# ---- 5. the test that catches a broken buffer ----
class Doubles(Plain):
    def _drawn(self, n):
        return torch.stack([self._images[int(torch.randint(len(self._images), (), generator=self.generator))] for _ in range(n)])


class Overflows(Plain):
    def _store(self, images):
        self._images += list(images.detach().clone())


class Drains(Plain):
    def _drawn(self, n):
        return torch.stack([self._images.pop() for _ in range(n)])


class Borrows(Plain):
    def _store(self, images):
        free = self.capacity - len(self._images)
        for place, image in zip(self._order(len(self._images)), list(images.detach())[free:]):
            self._images[place] = image
        self._images += list(images.detach())[:free]


class Empties(Plain):
    def _store(self, images):
        if len(self._images) + len(images) > self.capacity:
            self._images = []
        super()._store(images)


class Mixes(Plain):
    def _drawn(self, n):
        images = super()._drawn(n)
        images[:, :, :1] = images.flip(0)[:, :, :1]
        return images


class Ring(Plain):
    """Right: what is stored lies in another order."""

    def _store(self, images):
        super()._store(images.flip(0))
        self._images = self._images[1:] + self._images[:1]


class Tensor(Plain):
    """Right: the kit's own."""

    def __init__(self, capacity, generator):
        super().__init__(capacity, generator)
        self._kept = HistoryBuffer(capacity, generator)

    def __len__(self):
        return len(self._kept)

    def sample(self, n):
        """n different stored images."""
        return self._kept.sample(n)

    def replace(self, images):
        """Store images."""
        self._kept.replace(images)


RIGHT = {"a list": Plain, "another order": Ring, "the kit's": Tensor}
BROKEN = {
    "one that never overwrites": Hoard, "one that draws an image twice": Doubles, "one that grows beyond its capacity": Overflows,
    "one from which drawing takes images out": Drains, "one that stores the caller's own tensor": Borrows,
    "one that is emptied when it is full": Empties, "one that mixes the pixels of two images": Mixes,
    "one that forgets the oldest instead of random ones": Queue,
}


PARTS = [
    Part("share", "share_batch", (share_shape, share_number, share_stored, share_edges)),
    Part("capacity", "capacity_for", (capacity_enough, capacity_least, capacity_edges)),
    Part("resume", "ResumableBuffer",
         (state_buffer, state_plain, state_images, state_goes_on, state_snapshot, state_empty), seconds=60),
    Part("age", "mean_ages", (age_shape, age_queue, age_hoard, age_random), seconds=40),
    Part("test", "check_buffer", (catching(8, RIGHT, BROKEN),), seconds=60),
]
