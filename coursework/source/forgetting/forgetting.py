# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: what a discriminator forgets
#
# | | |
# |---|---|
# | **You will be able to** | *undo* rotations by their labels, *measure* how much of earlier tasks was forgotten, *build* a batch in which old tasks stay present, *write* a test that catches a broken self-supervision |
# | **You need** | notebook 12 of the kit, and its exercises; Chen et al., *Self-Supervised GANs via Auxiliary Rotation Loss*, CVPR 2019 |
# | **Time** | 2 to 3 hours; a second of computing |
# | **Difficulty** | parts 1 and 3: easy; 2: a step further; 4: hard to get whole |
# | **Points** | 19: 15 marked by program, 4 by a person |
#
# Write where a cell says so. The cell below it tells at once what is wrong in a small example. Your marks come from other
# examples: other seeds, sizes and types of numbers. Each part has several criteria, and you get the points of those that you
# meet. What you print, and warnings, cost nothing. You may use all of `torch`, `numpy` and the kit.

# %%
import torch

from simgan_lib.neighbours.rotation import rotate_batch

# %% [markdown]
# ## 1 · Turned back (4 points, 20 minutes)
#
# A label `r` says that an image was turned by `r` quarter turns *against* the clock. `turned_back(images, labels)` returns the
# images as they were before, in the same order. A label may be any whole number: 5 is the same turn as 1, and so is -3.
#
# Criteria: shape, and upright images as they are (1), each image upright again (2), labels beyond a whole turn (1).


# %% answer="back"
def turned_back(images, labels):
    """images: (N, C, S, S).  labels: int64 (N,).  Returns (N, C, S, S)."""
    ### BEGIN SOLUTION
    return torch.stack([torch.rot90(image, -int(label), (1, 2)) for image, label in zip(images, labels)])
    ### END SOLUTION


# %% check="back"
upright = torch.arange(16.0).reshape(1, 1, 4, 4)
turned, labels = rotate_batch(upright)
assert turned_back(turned, labels).shape == turned.shape, "another shape than the images that came in"
assert torch.equal(turned_back(turned, labels), upright.repeat(4, 1, 1, 1)), "an image is not upright: turned on, in place of back?"

# %% [markdown]
# ## 2 · How much was forgotten? (4 points, 40 minutes)
#
# A network learns `T` tasks, one after the other. `accuracy[t, k]` is how well it does task `k` after it has learned task `t`.
# `forgotten(accuracy)` returns a number for each task but the last: its best accuracy from when it was learned until *before* the last
# task, minus its accuracy at the end. A task that is done better than ever at the end has a negative number.
#
# Criteria: one number for each task but the last (1), the right numbers (2), negative ones (1).


# %% answer="forgot"
def forgotten(accuracy):
    """accuracy: (T, T), a row a time.  Returns (T - 1,)."""
    ### BEGIN SOLUTION
    last = len(accuracy) - 1
    return torch.stack([accuracy[k:last, k].max() - accuracy[last, k] for k in range(last)])
    ### END SOLUTION


# %% check="forgot"
example = torch.tensor([[0.9, 0.1, 0.0], [0.6, 0.8, 0.1], [0.5, 0.9, 0.7]])
assert len(forgotten(example)) == 2, "three tasks: a number for the first two"
assert torch.allclose(torch.as_tensor(forgotten(example)).float(), torch.tensor([0.4, -0.1])), "0.9 fell to 0.5; 0.8 rose to 0.9"

# %% [markdown]
# ## 3 · A batch in which the old stays present (2 points, 15 minutes)
#
# The simplest cure is to show old images again. `joint_batch(fresh, remembered)` returns `(images, labels)`: all images of both
# sets, each once, whole, in any order; and for each of them 0 if it is a fresh one, 1 if it is remembered.
#
# Criteria: the images (1), the labels (1).


# %% answer="joint"
def joint_batch(fresh, remembered):
    """fresh, remembered: (n, C, H, W) each.  Returns images (2n, C, H, W), labels (2n,)."""
    ### BEGIN SOLUTION
    labels = torch.cat([torch.zeros(len(fresh)), torch.ones(len(remembered))])
    return torch.cat([fresh, remembered]), labels
    ### END SOLUTION


# %% check="joint"
images, labels = joint_batch(torch.zeros(2, 1, 3, 3), torch.ones(2, 1, 3, 3))
assert len(images) == len(labels) == 4, "four images, and a label for each"
assert all(float(image.mean()) == float(label) for image, label in zip(images, labels)), "here each image is filled with its own label"

# %% [markdown]
# ## 4 · The test that catches a broken rotation (5 points, 60 minutes)
#
# The second task of SS-GAN is worth nothing if images are mirrored in place of turned, or if labels stand at other images.
# `check_rotation(rotate)` is given a function. From images `(n, C, S, S)` it makes `(turned, labels)`: each image in all four rotations, `4n`
# images in *any* order, and for each of them the number of quarter turns against the clock, 0 to 3. Your test returns if the
# function is right, and raises `AssertionError` if it is not.
#
# It will be given three right functions, which differ in the order, and ten broken ones: half a point for each that it catches. It gets
# nothing if it refuses a right one.


# %% answer="test"
def check_rotation(rotate):
    """Raises AssertionError for a broken rotation."""
    ### BEGIN SOLUTION
    images = torch.arange(2 * 3 * 16.0).reshape(2, 3, 4, 4)
    turned, labels = rotate(images)
    assert turned.shape == (8, 3, 4, 4) and labels.shape == (8,), "each image in four rotations"
    found = set()
    for image, label in zip(turned, labels.tolist()):
        assert label in (0, 1, 2, 3), "quarter turns"
        matches = [i for i in range(2) if torch.equal(torch.rot90(images[i], label, (1, 2)), image)]
        assert len(matches) == 1, "one of the images, turned as its label says"
        found.add((matches[0], label))
    assert len(found) == 8, "each image in each rotation"
    ### END SOLUTION


# %% check="test"
def mirrored(images):
    return torch.cat([images, images.flip(3), images.flip(2), images.mT]), rotate_batch(images)[1]


check_rotation(rotate_batch)
try:
    check_rotation(mirrored)
except AssertionError:
    print("caught")
else:
    raise AssertionError("images that are mirrored, not turned, are not caught")

# %% [markdown]
# ## 5 · In your words (4 points, 20 minutes)
#
# SS-GAN gives the discriminator a second task to keep it from forgetting; SimGAN gives it a history. Which of the two answers the complaint
# that *the refiner may come back to an artefact that nobody punishes any more*? What would you measure to find out whether the other one
# helps, too, and which result would show that it does not? Five to ten sentences.

# %% [markdown] written="words" points=4
# ### BEGIN SOLUTION
# *Model answer.* The history answers it: refined images of before, artefact included, are shown again, so the discriminator must go on calling them
# refined. A second task about rotations keeps features that tell up from down. It says nothing about artefacts, and a feature that only
# tells an artefact may be lost. To find out, train with neither, with each, and with both, over several seeds. Let the refiner stop making an artefact, and
# measure how the discriminator's accuracy on stored images with that artefact falls over the rounds after. If the curve with rotations falls as fast
# as the one with neither, within the spread of seeds, the second task does not keep this knowledge. A better picture at the end would be no
# proof: it may have other causes.
#
# *Marking guide.* 1: the history, since it shows the old images again. 1: the second task keeps other features; no claim about artefacts follows. 1: a measurement
# of the discriminator on *old* refined images, against a run without. 1: a result that would speak against it, with seeds or an interval.
# ### END SOLUTION
