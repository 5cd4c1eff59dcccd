"""ImageSet: images, their labels, and where they came from.  What passes between all parts of the kit."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from .system import image_sets
from .system.errors import UserError

# Labels that the kit knows: the shape of one (None: any length), and |number| at most.  Other labels may be anything.
SHAPES = {"gaze": (2,), "pupil": (2,), "iris": (5,), "parts": (None, None), "joints": (None, 3), "kind": ()}
FARTHEST = 1e30                    # infinity is not below it
MEASURED = {"gaze": (math.pi / 2, math.pi), "pupil": FARTHEST, "iris": FARTHEST, "joints": FARTHEST}


def to_float(images):
    """uint8 (N, C, H, W)  ->  float32 in [-1, 1]: what networks eat."""
    return images.float().div_(127.5).sub_(1.0)


def to_uint8(images):
    """Float images in [-1, 1] (values outside are clipped)  ->  uint8.  Inverse of `to_float`."""
    return images.detach().float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def random_windows(images, size, generator):
    """Of each image (N, C, H, W) a window of `size` (height, width) at a random place: (N, C, *size).

    Raises ValueError for a window that is larger than the images, or empty.
    """
    if not all(0 < side <= whole for side, whole in zip(size, images.shape[2:])):
        raise ValueError(f"windows: expected at most {tuple(images.shape[2:])} and at least 1 pixel a side, found {tuple(size)}")
    windows = images.unfold(2, size[0], 1).unfold(3, size[1], 1)                   # (N, C, places down, across, *size): no copy
    down, across = (torch.randint(places, (len(images),), generator=generator, device=generator.device).to(images.device)
                    for places in windows.shape[2:4])
    return windows[torch.arange(len(images), device=images.device), :, down, across]


def check_bytes(images):
    """UserError unless images are uint8 (N, C, H, W): floats in [-1, 1] would be scaled once more."""
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise UserError(f"images: expected uint8 (N, C, H, W), found {images.dtype} {tuple(images.shape)}; "
                        "`images.to_uint8` makes them of floats in [-1, 1]")


def pixels(images):
    """uint8 (N, C, H, W) of an ImageSet, or the tensor itself."""
    return getattr(images, "images", images)


def pixel_pairs(before, after):
    """`pixels` of both, image by image of one shape.  Raises ValueError if they are not."""
    before, after = pixels(before), pixels(after)
    if before.shape != after.shape:
        raise ValueError(f"expected image pairs of one shape, found {tuple(before.shape)} and {tuple(after.shape)}")
    return before, after


def resized(images, size):
    """uint8 (N, C, H, W)  ->  uint8 (N, C, *size): bilinear, smoothed first where it shrinks."""
    if not len(images):
        return images.new_empty(0, images.shape[1], *size)         # interpolate refuses an empty batch
    scaled = []
    for part in images.split(8192):                                # a million images as floats are gigabytes
        part = F.interpolate(part.float(), tuple(size), mode="bilinear", antialias=True, align_corners=False)
        scaled.append(part.round_().clamp_(0, 255).to(torch.uint8))
    return torch.cat(scaled)


@dataclass(frozen=True)
class ImageSet:
    """N images with labels and groups.

    images  uint8 (N, C, H, W).
    labels  tensors with leading N: `gaze` (pitch, yaw) radians (N, 2); `pupil` (x, y) pixels (N, 2), the centre of
            the top-left pixel being (0, 0); `iris` ellipse (x, y, semi-axis a, semi-axis b, angle) (N, 5);
            `parts` uint8 masks (N, H, W); `joints` (N, J, 3).
    groups  names, one for each image, in arrays of N strings: `day`, `subject`, `side`.  For honest splits.
    source  one line that says where the pixels came from.

    Raises ValueError if the images are not uint8 (N, C, H, W) or a label or group has another length.
    """

    images: torch.Tensor
    labels: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    source: str = ""

    def __post_init__(self):
        if self.images.ndim != 4 or self.images.dtype != torch.uint8:
            found = f"{self.images.dtype} {tuple(self.images.shape)}"
            raise ValueError(f"images: expected uint8 (N, C, H, W), found {found}")
        for name, values in {**self.labels, **self.groups}.items():
            if len(values) != len(self.images):
                raise ValueError(f"{name}: expected {len(self.images)} entries, one an image, found {len(values)}")

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """Images picked by a number (a set of one), slice, indices or boolean mask, with all that belongs to them."""
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"image {index} of {len(self)}")  # what ends a `for` loop over the set
            index = slice(index, index + 1 or None)
        picked = index if isinstance(index, slice) else torch.as_tensor(index)
        labels = {k: v[picked.to(v.device)] if torch.is_tensor(picked) else v[picked] for k, v in self.labels.items()}
        host = picked.cpu().numpy() if torch.is_tensor(picked) else picked
        images = self.images[picked.to(self.images.device)] if torch.is_tensor(picked) else self.images[picked]
        groups = {k: np.asarray(v)[host] for k, v in self.groups.items()}
        return replace(self, images=images, labels=labels, groups=groups)

    def split(self, by, apart):
        """(the rest, those whose group `by` is in `apart`): a split that no neighbouring frame crosses.

        Raises UserError if the set has no such group, or a name in `apart` does not occur.
        """
        if by not in self.groups:
            raise UserError(f"cannot split by {by!r}: the images have the groups {sorted(self.groups)}")
        names = np.asarray(self.groups[by])
        known = set(names.tolist())
        unknown = sorted(set(apart) - known)
        if unknown:
            raise UserError(f"no images of {by} {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        held = torch.from_numpy(np.isin(names, list(apart)))
        return self[~held], self[held]

    def shuffled(self, generator):
        """The same images in an order drawn from `generator` (a CPU generator)."""
        return self[torch.randperm(len(self), generator=generator)]

    @classmethod
    def concatenated(cls, sets):
        """One set after the other, with the labels and groups that all of them have; the source is the first one's."""
        first, *others = sets = list(sets)
        labels = {name: torch.cat([each.labels[name] for each in sets]) for name in first.labels
                  if all(name in other.labels for other in others)}
        groups = {name: np.concatenate([np.asarray(each.groups[name]) for each in sets]) for name in first.groups
                  if all(name in other.groups for other in others)}
        return cls(torch.cat([each.images for each in sets]), labels, groups, first.source)

    def to(self, device):
        """A copy on `device`; groups stay on the host."""
        return replace(self, images=self.images.to(device), labels={k: v.to(device) for k, v in self.labels.items()})

    def save(self, folder):
        """Write a folder of .npy files and `set.json`, all or nothing.  Replaces an image set that stood there.

        Killed at any time, the old set or the new one can be loaded.  Raises UserError if it cannot be written, or if
        something else than an image set stands there.
        """
        save_parts(folder, [self], self.source)

    @classmethod
    def load(cls, folder):
        """Open what `save` wrote, memory-mapped: nothing is read before it is used, a million images open at once.

        Sets of more than an eighth of the memory are read-only, and torch cannot know it: writing into such a tensor
        ends the process.  `clone()` the part that is to change.
        Raises UserError if the folder is missing, incomplete or damaged.
        """
        arrays, groups, source = image_sets.read(folder)
        try:
            images = cls(arrays.pop("images"), arrays, groups, source)
        except ValueError as error:
            raise UserError(f"{folder}: not a complete image set ({error})") from error
        check_labels(images, folder)
        return images


def group_names(groups, by="day"):
    """Names (N,) of the group `by` in an ImageSet's `groups`; None without it.  Of several people a day has its person's before it.

    >>> group_names({"subject": ["p00", "p01"], "day": ["day03", "day03"]}).tolist()
    ['p00/day03', 'p01/day03']
    """
    names, people = groups.get(by), groups.get("subject", ())
    if by != "day" or names is None or len(set(people)) < 2:
        return names
    return np.array([f"{person}/{day}" for person, day in zip(people, names)], dtype=str)


def check_labels(images, where):
    """Raises UserError if a label of an ImageSet that the kit knows has another shape, or is no number that it can be.

    where: what the images are, for the message.  Labels are read a part at a time; pixels are not.
    """
    for name in SHAPES.keys() & images.labels.keys():
        found, expected = tuple(images.labels[name].shape[1:]), SHAPES[name]
        if len(found) != len(expected) or any(n not in (None, m) for n, m in zip(expected, found)):
            raise UserError(f"{where}: {name}: expected {expected} numbers an image (None: any), found {found}")
    for name in MEASURED.keys() & images.labels.keys():
        most = torch.tensor(MEASURED[name]) + 1e-4
        for at, values in enumerate(images.labels[name].split(1 << 16)):
            right = (values.float().abs() <= most.to(values.device)).flatten(1).all(1)             # NaN <= most is False
            if not right.all():
                first = int(right.logical_not().nonzero()[0, 0])
                raise UserError(f"{where}: {name} of image {(at << 16) + first}: expected finite numbers"
                                f"{', radians (pitch up to pi/2, yaw up to pi)' if name == 'gaze' else ''}, found "
                                f"{str(values[first].flatten()[:5].tolist())}")


def save_parts(folder, parts, source, writer=None):
    """Write ImageSets, taken one at a time, as one: for a set that is larger than memory  ->  the number of its images.

    writer: the command that writes: a set of another one is not replaced.  Otherwise as `ImageSet.save`.
    Raises UserError also if there are no parts, or one is of another kind than the first.
    """
    return image_sets.save(folder, map(as_arrays, parts), source, writer)


def as_arrays(images):
    """({"images": ..., label: ...} as numpy arrays, groups) of an ImageSet: what `image_sets` writes."""
    return {name: values.cpu().numpy() for name, values in {"images": images.images, **images.labels}.items()}, images.groups
