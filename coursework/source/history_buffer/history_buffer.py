# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: the history buffer
#
# | | |
# |---|---|
# | **You will be able to** | *vary* the share of memory in a mini-batch, *save* a buffer so that a run goes on as if never stopped, *measure* how old a buffer's images are, *write* a test that catches a broken buffer |
# | **You need** | notebook 04 of the kit, and its three exercises; section 2.3 of the SimGAN paper |
# | **Time** | 3 to 4 hours; a second of computing |
# | **Difficulty** | parts 1 and 2: as in the notebook; 3 and 4: a step further; 5: hard to get whole |
# | **Points** | 31: 27 marked by program, 4 by a person |
#
# Write where a cell says so. The cell below it tells at once what is wrong in a small example. Your marks come from other
# examples: other seeds, sizes and types of numbers. Each part has several criteria, and you get the points of those that you
# meet. What you print, and warnings, cost nothing. You may use all of `torch`, `numpy` and the kit.

# %%
import torch

from simgan_lib.history import HistoryBuffer

# %% [markdown]
# ## 1 · Another share of memory (4 points, 30 minutes)
#
# In the paper, one half of each batch is remembered. Let it be any share. `share_batch(fresh, buffer, share)` returns as many
# images as are in `fresh`, of their type. Of these, `int(share * len(fresh))` are drawn from the buffer, different ones; if it
# holds fewer, all that it has. The rest are fresh ones, each once, in any order. Afterwards `int(share * len(fresh))` of the
# fresh images are stored. Of the buffer use its length, `sample` and `replace` alone.
#
# Criteria: size and type (1), the right numbers in the batch (1), the right number stored (1), short buffers and the shares 0
# and 1 (1).


# %% answer="share"
def share_batch(fresh, buffer, share):
    """fresh: (b, C, H, W).  share: in [0, 1].  Returns a batch of the same shape."""
    ### BEGIN SOLUTION
    wanted = int(share * len(fresh))
    old = min(wanted, len(buffer))
    batch = torch.cat([fresh[:len(fresh) - old], buffer.sample(old)]) if old else fresh.clone()
    if wanted:
        buffer.replace(fresh[:wanted])
    return batch
    ### END SOLUTION


# %% check="share"
buffer = HistoryBuffer(20, torch.Generator().manual_seed(0))
buffer.replace(-torch.ones(10, 1, 2, 2))
batch = share_batch(torch.ones(8, 1, 2, 2), buffer, 0.25)
assert batch.shape == (8, 1, 2, 2), "the batch has another shape than the fresh images"
assert (batch[:, 0, 0, 0] < 0).sum() == 2, "a quarter of 8 images, 2, should be remembered ones (here: -1)"
assert len(buffer) == 12, "2 fresh images should have been stored"

# %% [markdown]
# ## 2 · How large must it be? (3 points, 20 minutes)
#
# `capacity_for(rounds, batch, chance)` returns the smallest capacity, a whole number, with which an image of a full buffer is
# still there after `rounds` rounds with at least the given chance. Each round overwrites half of `batch` (an even number).
# `chance` is above 0 and below 1.
#
# Criteria: large enough (1), no larger than needed (1), extreme cases (1).


# %% answer="capacity"
def capacity_for(rounds, batch, chance):
    """Returns a whole number of places."""
    ### BEGIN SOLUTION
    return int(-(-(batch / 2) // (1 - chance ** (1 / rounds))))
    ### END SOLUTION


# %% check="capacity"
assert capacity_for(1, 32, 0.75) == 64, "one round strikes 16 places; they should be a quarter of all"

# %% [markdown]
# ## 3 · Stop, and go on (7 points, 60 minutes)
#
# A run is stopped and goes on the next day, from a file. Write a class `ResumableBuffer(capacity, seed)` with a length,
# `sample` and `replace` as in notebook 04, and two methods more. `state()` returns a dict of plain values (tensors, numbers,
# texts, lists and dicts of them), which later calls do not change. `restore(state)` brings a buffer of the same capacity, fresh
# or used, into that state. From then on it must draw and overwrite just as the buffer that was never stopped.
#
# Criteria: a history buffer (1; without it, nothing else is tried), plain values (1), the images are back (1), it goes on in
# the same way (2), the state is a copy (1), an empty buffer (1).


# %% answer="resume"
class ResumableBuffer:
    """At most `capacity` images; chance comes from `seed` alone."""

    ### BEGIN SOLUTION
    def __init__(self, capacity, seed):
        self.inner = HistoryBuffer(capacity, torch.Generator().manual_seed(seed))

    def __len__(self):
        return len(self.inner)

    def sample(self, n):
        return self.inner.sample(n)

    def replace(self, images):
        self.inner.replace(images)

    def state(self):
        return {**self.inner.state(), "generator": self.inner.generator.get_state()}

    def restore(self, state):
        self.inner.restore(state)
        self.inner.generator.set_state(state["generator"])
    ### END SOLUTION


# %% check="resume"
one, other = ResumableBuffer(4, seed=0), ResumableBuffer(4, seed=1)
one.replace(torch.arange(4.0).reshape(4, 1, 1, 1))
other.restore(one.state())
assert len(other) == 4, "the images are not back"
assert torch.equal(one.sample(3), other.sample(3)), "other images are drawn, or in another order: what decides on chance?"

# %% [markdown]
# ## 4 · How old are its images? (5 points, 40 minutes)
#
# Measure it, for any kind of buffer. `mean_ages(Buffer, capacity, half, rounds)` makes a buffer by
# `Buffer(capacity, generator)`. In each round it stores `half` images. After each round it notes the mean age of all stored
# images: an image that has just come in has the age 0, and ages by 1 each round. It returns a tensor of shape `(rounds,)`. Of
# the buffer use its length, `sample` and `replace` alone.
#
# Criteria: shape and first round (1), a buffer that overwrites its oldest images (2), one that never overwrites (1), a history
# buffer (1).


# %% answer="age"
def mean_ages(Buffer, capacity, half, rounds):
    """Returns (rounds,): the mean age after each round, in rounds."""
    ### BEGIN SOLUTION
    buffer, ages = Buffer(capacity, torch.Generator().manual_seed(0)), []
    for now in range(rounds):
        buffer.replace(torch.full((half, 1, 1, 1), float(now)))
        ages.append(now - buffer.sample(len(buffer)).mean())
    return torch.stack(ages)
    ### END SOLUTION


# %% check="age"
ages = mean_ages(HistoryBuffer, 8, 2, 4)
assert ages.shape == (4,), "one number a round is asked"
assert torch.allclose(ages.float(), torch.tensor([0, 0.5, 1, 1.5])), "while it fills, the ages are 0, 1/2, 1, 3/2: is one round off?"

# %% [markdown]
# ## 5 · The test that catches a broken buffer (8 points, 60 minutes)
#
# Several public ports of SimGAN have a broken buffer, and nobody noticed. `check_buffer(Buffer)` is given a class with
# `Buffer(capacity, generator)`, a length, `sample` and `replace`. It returns if the buffer is right, and raises
# `AssertionError` if it is not. Right means: free places are filled first; then random old images are overwritten, each new image in
# a place of its own; `sample(n)` returns `n` different images, whole and as they were given, and takes none out; what is
# stored is a copy; there are never more than `capacity`.
#
# It will be given three right buffers, which differ inside, and eight broken ones: a point for each that it catches. It gets nothing if
# it refuses a right one. How a buffer is made cannot be seen from outside. Give it a few hundred calls, not thousands: it has a minute for all.


# %% answer="test"
def check_buffer(Buffer):
    """Raises AssertionError for a broken buffer."""
    ### BEGIN SOLUTION
    survived = 0
    for seed in range(12):
        buffer = Buffer(8, torch.Generator().manual_seed(seed))
        known = torch.arange(20.0).reshape(20, 1, 1, 1).repeat(1, 1, 2, 2)
        first = known[:4].clone()
        buffer.replace(first)
        first.fill_(99)
        buffer.replace(known[4:8])
        for place in (8, 11):
            buffer.replace(known[place:place + 3])
            assert len(buffer) == 8, "it is full, and stays so"
            drawn = buffer.sample(8)
            numbers = {int(image) for image in drawn[:, 0, 0, 0]}
            assert len(buffer) == 8, "never more, and drawing takes none out"
            assert len(numbers) == 8 and 99 not in numbers, "different ones, and copies"
            assert (drawn == drawn[:, :, :1, :1]).all(), "whole images"
            assert {place, place + 1, place + 2} <= numbers, "what is new is there"
        survived += len(numbers & set(range(4)))
    assert survived, "random ones go, not the oldest"
    ### END SOLUTION


# %% check="test"
class DeadBuffer(HistoryBuffer):
    def replace(self, images):
        torch.cat([torch.empty(0, *images.shape[1:]), images])          # the result goes nowhere


check_buffer(HistoryBuffer)
try:
    check_buffer(DeadBuffer)
except AssertionError:
    print("caught")
else:
    raise AssertionError("a buffer that stays empty is not caught")

# %% [markdown]
# ## 6 · In your words (4 points, 20 minutes)
#
# In notebook 04, a buffer of 64 places was worth no more than none, and one of 1,024 cured the circling. Why is it the *age* of the images
# that counts, and not the size of the buffer? What would you do to the capacity if the refiner learned twice as fast, and what if the batch
# were twice as large? Five to ten sentences.

# %% [markdown] written="words" points=4
# ### BEGIN SOLUTION
# *Model answer.* The discriminator must still know what the refiner did a whole turn ago, or the refiner can go back there. So the memory must
# reach back as long as a turn takes. In a full buffer an image lives 2B/b rounds on average. With B = 64 and b = 32 that is 4 rounds, and a turn
# took 60 to 100: everything in the buffer looks like the present. With 1,024 it is 64 rounds. A refiner that learns twice as fast takes half as
# many rounds for a turn, so half the capacity reaches as far back in its own time. A batch twice as large overwrites twice as many places a
# round, so the capacity must double.
#
# *Marking guide.* 1: the mean age, or the survival law, with B and b. 1: compared with the length of a turn. 1: the batch, with the reason.
# 1: the learning rate; either direction, if the reason fits (a faster refiner turns faster, or, over a fixed number of rounds, strays further).
# No point for "larger is better" alone.
# ### END SOLUTION
