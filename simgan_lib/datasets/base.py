"""What all readers share: blocks of files, single pictures, and one image set made of many parts."""

import math
import os
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..images import ImageSet
from ..system.errors import UserError
from ..system.files import plain_file

BLOCK = 256                       # pictures in a unit, where each is a file of its own
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")


class Unusable(Exception):
    """One record cannot be used; the message is the reason under which it is counted."""


def existing_folder(folder, expected):
    """The folder as an absolute Path.  Raises UserError if there is none; expected: what should lie there."""
    path = Path(folder)
    if not str(folder).strip():
        raise UserError(f"the name of the folder is blank; expected {expected}")
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; expected {expected}")
    return path.resolve()


def first_layout(folder, layouts, expected):
    """Files of the first of several glob patterns that finds any, sorted.  Raises UserError if none does."""
    folder = existing_folder(folder, expected)
    for layout in layouts:
        files = sorted(path for path in folder.glob(layout) if path.is_file())
        if files:
            return files
    raise UserError(f"{folder}: expected {expected}, found no file named {' or '.join(layouts)}")


def blocks(folder, names, size=BLOCK):
    """Units of file names below one folder: [(folder, (name, ...)), ...]."""
    return [(str(folder), tuple(names[at:at + size])) for at in range(0, len(names), size)]


def read_picture(path, mode, upright=False):
    """uint8 (C, H, W) of a picture, in Pillow's mode "L", "RGB" or "RGBA".  Raises Unusable, never anything else.

    upright: turned as its EXIF data say, which is how a camera that was held upright stores what it took.
    """
    try:
        with warnings.catch_warnings(), Image.open(plain_file(path)) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)   # a few bytes that claim gigabytes
            turned = ImageOps.exif_transpose(picture) if upright else picture
            pixels = np.asarray(_eight_bits(turned).convert(mode))
    except FileNotFoundError:
        raise Unusable("picture missing") from None
    except Exception:                # Pillow raises whatever damaged bytes lead to: OSError, SyntaxError, struct.error
        raise Unusable("picture unreadable") from None
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1).copy())


def _eight_bits(picture):
    """Pictures of 16 bits scaled down: Pillow would clip them to white."""
    if not picture.mode.startswith("I;16") and picture.mode != "I":
        return picture
    return Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))


def middle(pixels, size):
    """The largest middle part of a picture uint8 (C, H, W) that has the shape of `size`, scaled to it.

    Raises Unusable if the picture is empty.
    """
    if not pixels.any():
        raise Unusable("empty")
    height, width = pixels.shape[1:]
    half = np.array([size[1], size[0]]) * min(height / size[0], width / size[1]) / 2
    centre = np.array([width, height]) / 2
    return cut(pixels, np.concatenate([centre - half, centre + half]), size)


def cut(pixels, box, size):
    """The box (left, top, right, bottom) of uint8 (C, H, W), scaled to `size`; beyond the picture its edge is repeated."""
    over = max(0, math.ceil(max(-box[0], -box[1], box[2] - pixels.shape[2], box[3] - pixels.shape[1])))
    padded = np.pad(pixels.numpy(), ((0, 0), (over, over), (over, over)), mode="edge")
    bands = [Image.fromarray(band).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=tuple(box + over)) for band in padded]
    return torch.from_numpy(np.stack([np.asarray(band) for band in bands]))


def read_records(title, records, read, shape, labels=None, groups=()):
    """(ImageSet of the records that can be used, Counter of the reasons why others cannot).

    read(record) gives (uint8 `shape`, {label: numbers}, {group: text}), or raises Unusable.
    labels: {name: shape of one}.  groups: names.  A set without any record has them too.
    """
    found, skipped = [], Counter()
    for record in records:
        try:
            found.append(read(record))
        except Unusable as reason:
            skipped[str(reason)] += 1
    pictures, numbers, texts = zip(*found) if found else ((), (), ())
    images = torch.stack(pictures) if found else torch.empty(0, *shape, dtype=torch.uint8)
    labels = {name: torch.tensor(np.array([of[name] for of in numbers]), dtype=torch.float32).reshape(len(found), *each)
              for name, each in (labels or {}).items()}
    groups = {name: np.array([of[name] for of in texts], dtype=str) for name in groups}
    return ImageSet(images, labels, groups, source(title, len(found), skipped)), skipped


def together(title, folder, parts):
    """Many (ImageSet, skipped) as one ImageSet; `source` is the title and the counts.

    Raises UserError if nothing is left.
    """
    sets, skipped = [], Counter()
    for images, reasons in parts:
        sets += [images] if len(images) else []
        skipped.update(reasons)
    if not sets:
        counted = ", ".join(f"{n} {reason}" for reason, n in skipped.items()) or "no records at all"
        raise UserError(f"{folder}: none of the {sum(skipped.values())} records there can be used ({counted})")
    return joined(title, sets, skipped)


def joined(title, sets, skipped):
    """One or more image sets, of the same labels and groups, as one."""
    images = ImageSet.concatenated(sets)
    return replace(images, source=source(title, len(images), skipped))


def source(title, n, skipped):
    """The line that an ImageSet keeps: "UnityEyes: 98 of 100, 2 without a gaze left out"."""
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()) if count)
    return f"{title}: {n} of {n + sum(skipped.values())}" + (f", {left_out} left out" if left_out else "")


def listing(folder, expected, endings=PICTURES):
    """Names of all pictures in and below a folder, as strings relative to it, sorted.  UserError if there are none."""
    folder = existing_folder(folder, expected)
    names = []
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        at = "" if place == str(folder) else os.path.relpath(place, folder) + os.sep
        names += [at + name for name in files if name.lower().endswith(endings) and not name.startswith(".")]
    if not names:
        raise UserError(f"{folder}: expected {expected}, found no pictures ({', '.join(endings)})")
    return sorted(names)
