"""What is asked in the assignment on forgetting, and how it is marked."""

import torch

from simgan_lib.neighbours.rotation import TURNS, rotate_batch
from simgan_lib.teaching.checks import expect
from simgan_lib.teaching.checks.base import plain, which, wrong_if

from ..grading.marking import Part, catching, criterion


# ---- 1. turned back ----
def _turned(draw, order=True):
    """(turned images, labels, the upright ones)."""
    images = draw.values(draw.one_of(3, 2, 5), draw.one_of(1, 3), side := draw.one_of(4, 3, 6), side)
    turned, labels = rotate_batch(images)
    place = draw.order(len(turned)) if order else torch.arange(len(turned))
    return turned[place], labels[place], images.repeat(TURNS, 1, 1, 1)[place]


@criterion(1, "a batch of the shape that came in, and upright images as they are")
def back_shape(answer, draw):
    turned, _, _ = _turned(draw)
    expect(answer(turned, torch.zeros(len(turned), dtype=torch.int64)), turned)


@criterion(2, "each image is upright again")
def back_upright(answer, draw):
    turned, labels, upright = _turned(draw)
    again = torch.stack([torch.rot90(image, int(label), (1, 2)) for image, label in zip(turned, labels)])
    expect(answer(turned, labels), upright, {"turned on, not back: a quarter turn became a half turn": again,
                                             "a flip is no turn: it mirrors": turned.flip(3)})


@criterion(1, "labels beyond a whole turn, and less than none")
def back_beyond(answer, draw):
    turned, labels, upright = _turned(draw)
    expect(answer(turned, labels + TURNS * draw.one_of(1, -1, 2)), upright)


# ---- 2. how much was forgotten? ----
def forgotten(accuracy):
    """(T, T), after task t on task k  ->  (T - 1,): the best before the end, since it was learned, minus that at the end."""
    return torch.stack([accuracy[k:-1, k].amax() - accuracy[-1, k] for k in range(accuracy.shape[1] - 1)])


def _accuracies(draw):
    tasks = draw.one_of(3, 2, 5)
    return draw.values(tasks, tasks).abs()


@criterion(1, "one number for each task but the last")
def forgot_shape(answer, draw):
    accuracy = _accuracies(draw)
    wanted, found = (len(accuracy) - 1,), plain(answer(accuracy)).shape
    wrong_if(tuple(found) != wanted, f"expected one number for each task but the last, {wanted}, found the shape {tuple(found)}")


@criterion(2, "the fall from the best to the end")
def forgot_values(answer, draw):
    accuracy = _accuracies(draw)
    accuracy[-1] *= 0.1
    right, last = forgotten(accuracy), accuracy[-1, :-1]
    expect(answer(accuracy), right, {
        "the sign is turned: what was lost is positive": -right,
        "that is the fall from when the task had just been learned: it may have risen since": accuracy.diagonal()[:-1] - last,
        "the best of all rows: is a task known before it was learned?": accuracy[:-1, :-1].amax(0) - last,
        "rows and columns are exchanged: a row is a time": forgotten(accuracy.T)})


@criterion(1, "what became better at the end is less than nothing")
def forgot_negative(answer, draw):
    accuracy = _accuracies(draw)
    accuracy[-1] += 1
    right = forgotten(accuracy)
    expect(answer(accuracy), right, {"a task that is known better than ever has a negative number: it was made zero": 0 * right,
                                     "a task that is known better than ever has a negative number: its sign is lost": right.abs()})


# ---- 3. a batch for two tasks ----
@criterion(1, "as many fresh as remembered images, whole ones")
def joint_images(answer, draw):
    _joint(answer, draw)


@criterion(1, "each with its own task's label")
def joint_labels(answer, draw):
    places, labels, n = _joint(answer, draw)
    right = torch.tensor([place >= n for place in places]).double()
    expect(plain(labels), right, {"exchanged: a remembered image has the label 1": 1 - right})


def _joint(answer, draw):
    n = draw.one_of(4, 3, 6)
    known = draw.values(2 * n, draw.one_of(1, 3), 4, 4)
    returned = answer(known[:n], known[n:])
    wrong_if(not isinstance(returned, (tuple, list)) or len(returned) != 2, "two things are asked: images, and their labels")
    places = which(returned[0], known)
    wrong_if(sorted(places) != list(range(2 * n)),
             f"{len(set(places))} different images of {2 * n} are in the batch, {len(places)} in all")
    return places, returned[1], n


# ---- 4. the test that catches a broken rotation ----
def _shuffled(images):
    turned, labels = rotate_batch(images)
    order = torch.arange(len(turned)).flip(0)
    return turned[order], labels[order]


def _one_by_one(images):
    pairs = [(torch.rot90(image, k, (1, 2)), k) for image in images for k in range(TURNS)]
    return torch.stack([image for image, _ in pairs]), torch.tensor([k for _, k in pairs])


def _with(turn):
    """A rotation whose turns are made by `turn(images, k)`."""
    def rotate(images):
        return torch.cat([turn(images, k) for k in range(TURNS)]), torch.arange(TURNS).repeat_interleave(len(images))
    return rotate


def _relabelled(change):
    def rotate(images):
        turned, labels = rotate_batch(images)
        return turned, change(labels)
    return rotate


RIGHT = {"the kit's": rotate_batch, "another order": _shuffled, "one image after the other": _one_by_one}
BROKEN = {
    "transposes in place of quarter turns": _with(lambda images, k: images.mT if k % 2 else torch.rot90(images, k, (2, 3))),
    "a flip in place of the half turn": _with(lambda images, k: images.flip(2) if k == 2 else torch.rot90(images, k, (2, 3))),
    "turns with the clock": _with(lambda images, k: torch.rot90(images, -k, (2, 3))),
    "nothing is turned": _with(lambda images, k: images),
    "labels that stand in another order than the images": _relabelled(lambda labels: labels.reshape(TURNS, -1).T.reshape(-1)),
    "labels in degrees": _relabelled(lambda labels: 90 * labels),
    "labels from 1 to 4": _relabelled(lambda labels: labels + 1),
    "the upright images are missing": lambda images: tuple(part[len(images):] for part in rotate_batch(images)),
    "all images show the first one": lambda images: rotate_batch(images[:1].expand_as(images)),
    "one channel alone is turned": _with(lambda images, k: torch.cat([torch.rot90(images[:, :1], k, (2, 3)), images[:, 1:]], 1)),
}


PARTS = [
    Part("back", "turned_back", (back_shape, back_upright, back_beyond)),
    Part("forgot", "forgotten", (forgot_shape, forgot_values, forgot_negative)),
    Part("joint", "joint_batch", (joint_images, joint_labels)),
    Part("test", "check_rotation", (catching(5, RIGHT, BROKEN),), seconds=40),
]
