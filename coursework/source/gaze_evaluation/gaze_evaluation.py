# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: honest evaluation of gaze estimators
#
# | | |
# |---|---|
# | **You will be able to** | *split* images by person and day, *compare* with a constant answer, *say* how sure a difference is, *write* a test that catches a leaking split |
# | **You need** | notebook 09 of the kit (from "How sure are we?" on) and its exercises; notebook 11 for the data |
# | **Time** | 3 to 4 hours; seconds of computing |
# | **Difficulty** | parts 1 and 2: as in the notebook; 3: a step further; 4: hard to get whole |
# | **Points** | 24: 20 marked by program, 4 by a person |
#
# Write where a cell says so. The cell below it tells at once what is wrong in a small example. Your marks come from other
# examples: other seeds, sizes and numbers of people and days. What you print, and warnings, cost nothing. You may use all of
# `torch`, `numpy`, `scipy` and the kit.

# %%
import torch

# %% [markdown]
# ## 1 · People to test on, days to choose on (4 points, 30 minutes)
#
# Images of a person resemble each other, and images of one day do so even more. `three_sets(person, day, tested, last)` returns three
# tensors of places, `(train, validation, test)`, each in any order. The test set holds all images of the people in `tested`. Of
# each other person, the images of that person's own last `last` days (the largest of this person's day numbers) are for
# validation; the rest is for training. A person with too few days keeps the first one for training. Images come in any order;
# numbers of people and of days have gaps.
#
# Criteria: the test set (1), the days (2), people of few days (1).


# %% answer="split"
def three_sets(person, day, tested, last):
    """person, day: whole numbers (N,).  tested: numbers of people (K,).  last: 1 or more.  Returns three tensors of places."""
    ### BEGIN SOLUTION
    test, late = torch.isin(person, tested), torch.zeros(len(person), dtype=torch.bool)
    for name in person.unique():
        days = day[person == name].unique()
        first_late = max(1, len(days) - last)
        late |= (person == name) & torch.isin(day, days[first_late:])
    return tuple(part.nonzero()[:, 0] for part in (~test & ~late, ~test & late, test))
    ### END SOLUTION


# %% check="split"
train, validation, test = three_sets(torch.tensor([7, 3, 7, 3, 3]), torch.tensor([1, 5, 1, 2, 2]), torch.tensor([7]), 1)
assert sorted(test.tolist()) == [0, 2], "the test set should hold both images of person 7"
assert validation.tolist() == [1], "the last day of person 3 is day 5: image 1 alone"
assert sorted(train.tolist()) == [3, 4], "what is left, images 3 and 4, is for training"

# %% [markdown]
# ## 2 · What a constant answer achieves (3 points, 20 minutes)
#
# An estimator that has learned nothing from the pixels can still answer the mean direction of its training set.
# `constant_errors(train, test)` returns this answer's error in degrees at each test image. Gaze is (pitch, yaw) in radians, as in
# `simgan_lib.gaze`. The mean direction is the mean of the unit vectors, not of the angles; the error is the angle between
# two directions.
#
# Criteria: gaze nearly straight ahead (1), gaze all around (2).


# %% answer="baseline"
def constant_errors(train, test):
    """train: (N, 2).  test: (M, 2).  Returns (M,) degrees."""
    ### BEGIN SOLUTION
    from simgan_lib.gaze import angular_error_deg, gaze_angles, gaze_vector
    direction = gaze_angles(gaze_vector(train.double()).mean(0))
    return angular_error_deg(direction.expand(len(test), 2), test)
    ### END SOLUTION


# %% check="baseline"
errors = constant_errors(torch.tensor([[0.0, 0.2], [0.0, -0.2]]), torch.tensor([[0.0, 0.0], [0.1, 0.0]]))
assert errors.shape == (2,), "one number for each test image is asked"
assert abs(errors[0]) < 0.1, "the mean direction is straight ahead, and so is the first test image"
assert abs(errors[1] - 5.73) < 0.1, "0.1 radians are 5.73 degrees"

# %% [markdown]
# ## 3 · Is one estimator better? (5 points, 60 minutes)
#
# Two estimators are tried on the same images. `difference_interval(one, other, day, seed)` returns `(mean, low, high)`: the mean of
# `one - other` over all images, and a 95 % interval of it by the percentile bootstrap. Whole days are drawn with replacement, as many as
# there are; each sample gives the mean over all images of the days drawn. Both estimators are seen on the same draw. Take at
# least 3,000 samples. For a single day, `low` and `high` are `None`.
#
# Criteria: the mean (1), the interval (3), a single day (1).


# %% answer="difference"
def difference_interval(one, other, day, seed):
    """one, other: errors (N,).  day: whole numbers (N,).  Returns (mean, low, high)."""
    ### BEGIN SOLUTION
    from simgan_lib.evaluation.statistics import bootstrap_interval
    found = bootstrap_interval((one - other).numpy(), seed, day.numpy(), 3000)
    return found["mean"], found["low"], found["high"]
    ### END SOLUTION


# %% check="difference"
mean, low, high = difference_interval(torch.tensor([3.0, 3, 9, 9]), torch.tensor([2.0, 2, 6, 6]), torch.tensor([1, 1, 2, 2]), 0)
assert abs(mean - 2) < 1e-4, "the differences are 1, 1, 3 and 3"
assert abs(low - 1) < 1e-4 and abs(high - 3) < 1e-4, "of two days, a quarter of the draws takes the first twice: its mean is 1"
assert difference_interval(torch.ones(3), torch.zeros(3), torch.zeros(3).long(), 0)[1:] == (None, None), "one day has no interval"

# %% [markdown]
# ## 4 · The test that catches a leaking split (8 points, 60 minutes)
#
# `check_split(split)` is given a function `split(person, day, generator)`, which returns two tensors of places, `(train, test)`. Your
# test makes up people and days, at least three people. It returns if the split is right, and raises `AssertionError` if it is not. Right
# means: each image is in one of the two sets, once; no person is in both; neither set is empty. The places may come in any
# order, and a set may hold one person or many. The split draws with the generator alone.
#
# It will be given three right splits and eight broken ones: a point for each that it catches. It gets nothing if it refuses a right one.
# A few dozen calls are enough; it has a minute for all.


# %% answer="test"
def check_split(split):
    """Raises AssertionError for a split that leaks or loses images."""
    ### BEGIN SOLUTION
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        person = torch.randint(5, (60,), generator=generator) * 3 + 4
        day = torch.randint(4, (60,), generator=generator)
        train, test = split(person, day, generator)
        assert sorted(train.tolist() + test.tolist()) == list(range(60)), "each image once"
        assert len(train) and len(test), "neither is empty"
        assert not set(person[train].tolist()) & set(person[test].tolist()), "nobody is in both"
    ### END SOLUTION


# %% check="test"
def everything_in_both(person, day, generator):
    places = torch.arange(len(person))
    return places, places


def one_held_out(person, day, generator):
    return (person != person[0]).nonzero()[:, 0], (person == person[0]).nonzero()[:, 0]


check_split(one_held_out)
try:
    check_split(everything_in_both)
except AssertionError:
    print("caught")
else:
    raise AssertionError("a split that tests on its training images is not caught")

# %% [markdown]
# ## 5 · In your words (4 points, 20 minutes)
#
# A paper reports 5.1° for its method and 5.6° for another one, on 3,000 images of one person, split at random by image. It adds
# "the standard error over images is 0.05°, so the difference is highly significant". What can be concluded, and what not? What would
# you ask the authors to do? Five to ten sentences.

# %% [markdown] written="words" points=4
# ### BEGIN SOLUTION
# *Model answer.* Images of the same day are nearly the same image, so a random split tests on near-copies of the training set. Both errors are
# too small for a new day, and a method that memorises may profit more, so even the order can change. The standard error takes 3,000 images as
# independent; what is independent is days, and there are few of them. An honest interval draws whole days and is much wider. Of other people
# nothing can be said at all: there is one. I would ask for a split by person (or by day, with the claim limited to that person), for a paired
# interval of the difference over people or days, for several seeds, and for the error of a constant answer, without which 5° cannot be judged.
#
# *Marking guide.* 1: the random split leaks, and why (same day, same person). 1: images are not independent; days or people are drawn.
# 1: one person says nothing of others. 1: at least two demands that would help (split, paired interval, baseline, seeds). No point for "more
# data" alone.
# ### END SOLUTION
