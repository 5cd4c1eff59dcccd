"""What all readers share: blocks of files, single pictures, and one image set made of many parts."""

import math
import os
import re
import warnings
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..images import MEASURED, ImageSet
from ..system.errors import UserError
from ..system.files import plain_file

BLOCK = 256                       # pictures in a unit, where each is a file of its own
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")        # whatever its name: Pillow knows some that start other programs
PIXELS = 1 << 25                  # of a picture: reading one takes 10 to 20 bytes of memory each, whatever the file's size
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
UNIT = (0.9, 1.1)                 # lengths of a vector that should have 1: a decimal comma makes others
NAMED = 3                         # unusable records of one reason that are named


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
        files = sorted(folder.glob(layout))                 # also what is no file: reading says so
        if files:
            return files
    raise UserError(f"{folder}: expected {expected}, found no file named {' or '.join(layouts)}")


def blocks(folder, names, size=BLOCK):
    """Units of file names below one folder: [(folder, (name, ...)), ...]."""
    return [(str(folder), tuple(names[at:at + size])) for at in range(0, len(names), size)]


def read_picture(path, mode, upright=False):
    """uint8 (C, H, W) of a picture, in Pillow's mode "L" or "RGB".  Raises Unusable, never anything else.

    upright: turned as its EXIF data say, which is how a camera that was held upright stores what it took.
    What a few bytes may claim is bounded: no more than PIXELS are unpacked.  Not guessed at: 32 bits; pixels that can be
    seen through, for nobody says what lies behind; 16 bits of which the upper four are unused.  Such are the 12 bits of a
    camera: 16 times as dark.  10 or 14 bits cannot be told from a dark or a dim room.
    """
    kind = os.path.splitext(path)[1].lower()
    if kind not in PICTURES:
        raise Unusable(f"no picture{f' {kind}' if kind[1:].isalpha() and len(kind) < 6 else ''}")
    try:
        with warnings.catch_warnings(), Image.open(plain_file(path), formats=FORMATS) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", "Palette images with Transparency")       # looked at by `_check_opaque`
            _check_size(picture)
            if picture.format in ("TIFF", "WEBP", "PNG") and getattr(picture, "is_animated", False):
                raise Unusable("picture of several frames")
            deep = ";16" in str(picture.tile[:1])                   # how it is unpacked: coloured ones to eight bits
            if upright:
                ImageOps.exif_transpose(picture, in_place=True)
            _check_opaque(picture)
            turned = _eight_bits(picture, deep).convert(mode)
        pixels = torch.empty(len(turned.getbands()), *turned.size[::-1], dtype=torch.uint8)
        for band, values in enumerate(pixels):                      # one after the other: each is another copy
            values.copy_(torch.from_numpy(np.array(turned.getchannel(band))))
    except FileNotFoundError:
        raise Unusable("picture missing") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unusable(f"picture of more than {PIXELS // 10**6} million pixels") from None
    except Unusable:
        raise
    except Exception:                # Pillow raises whatever damaged bytes lead to: OSError, SyntaxError, struct.error
        raise Unusable("picture unreadable") from None
    return pixels


def _check_size(picture):
    """Before anything is unpacked.  A TIFF's tiles may be larger than it is."""
    tile = [int(picture.tag_v2.get(tag, 0)) for tag in (322, 323)] if picture.format == "TIFF" else (0, 0)
    if max(math.prod(picture.size), math.prod(tile)) > PIXELS:
        raise Image.DecompressionBombError


def _check_opaque(picture):
    """Beneath a pixel that can be seen through lies a colour that nobody was meant to see."""
    kind = picture.getbands()[-1]
    if kind in "Aa" or "transparency" in picture.info:
        seen = picture if kind == "A" else picture.convert("RGBA")
        if seen.getchannel("A").getextrema()[0] < 255:
            raise Unusable("picture that can be seen through")


def _eight_bits(picture, deep):
    """Gray pictures of 16 bits scaled down: Pillow would clip them to white.  deep: it was of 16 bits, gray or coloured."""
    if picture.mode == "F" or picture.mode == "I" and picture.format == "TIFF":
        raise Unusable("picture of 32 bits")
    if picture.mode.startswith("I"):
        grays = np.array(picture)
        np.floor_divide(np.clip(grays, 0, 65535, out=grays), 257, out=grays)
        picture = Image.fromarray(grays.astype(np.uint8))
    if deep and 0 < max(picture.getchannel(band).getextrema()[1] for band in picture.getbands() if band != "A") < 16:
        raise Unusable("picture of 16 bits of which at most 12 are used (scale it to all of them)")
    return picture


def vector(text, *lengths):
    """The numbers of a text like "(1.0, -2.0, 3.0)", which is understood whole.  Raises TypeError or ValueError.

    lengths: how many there may be.  A decimal comma makes twice as many, a number that is none is refused.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a text, found {type(text).__name__}")
    text = text.strip()
    parts = (text[1:-1] if text[:1] + text[-1:] in ("()", "[]") else text).split(",")
    if len(parts) not in lengths:
        raise ValueError(f"expected {' or '.join(map(str, lengths))} numbers, found {len(parts)}")
    return [number(part.strip()) for part in parts]


def number(text):
    """The finite number that a whole text is.  Raises ValueError.

    >>> number("-1.5e-3")
    -0.0015
    """
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"expected a number such as -0.25, found {text[:60]!r}")
    return float(text)


def looks(vectors):
    """Which rows of (n, 3) numbers are directions: finite, and about as long as a unit vector.  bool (n,)"""
    with np.errstate(over="ignore"):
        length = np.linalg.norm(vectors, axis=1)
    return (length > UNIT[0]) & (length < UNIT[1])                  # NaN is neither


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
    padded = np.pad(pixels.numpy(), ((0, 0), (over, over), (over, over)), mode="edge") if over else pixels.numpy()
    bands = [Image.fromarray(band).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=tuple(box + over)) for band in padded]
    return torch.from_numpy(np.stack([np.asarray(band) for band in bands]))


def read_records(title, records, read, shape, labels=None, groups=()):
    """(ImageSet of the records that can be used, Counter of the reasons why others cannot: see `by_reason`).

    records: names, or tuples that begin with one.
    read(record) gives (uint8 `shape`, {label: numbers}, {group: text}), or raises Unusable.
    labels: {name: shape of one}.  groups: names.  A set without any record has them too.
    """
    found, skipped, named = [], Counter(), Counter()
    for record in records:
        try:
            found.append(_as_used(*read(record), labels or {}))
        except Unusable as error:
            reason = str(error)
            skipped[f"{reason}: {record if isinstance(record, str) else record[0]}" if named[reason] < NAMED else reason] += 1
            named[reason] += 1
    pictures, numbers, texts = zip(*found) if found else ((), (), ())
    images = torch.stack(pictures) if found else torch.empty(0, *shape, dtype=torch.uint8)
    labels = {name: torch.tensor(np.array([of[name] for of in numbers]), dtype=torch.float32).reshape(len(found), *each)
              for name, each in (labels or {}).items()}
    groups = {name: np.array([of[name] for of in texts], dtype=str) for name in groups}
    return ImageSet(images, labels, groups, source(title, len(found), skipped)), skipped


def _as_used(image, numbers, texts, labels):
    """The same record, its labels float32: what is too large for that is no number any more.  Raises Unusable."""
    with np.errstate(over="ignore"):
        numbers = {name: np.asarray(numbers[name], np.float32) for name in labels}
    for name, values in numbers.items():
        if not (np.abs(values) <= np.array(MEASURED.get(name, math.inf)) + 1e-4).all() or not np.isfinite(values).all():
            raise Unusable(f"{name} out of range")
    return image, numbers, texts


def together(title, folder, parts):
    """Many (ImageSet, skipped) as one ImageSet; `source` is the title and the counts.

    Raises UserError if nothing is left.
    """
    sets, skipped = [], Counter()
    for images, reasons in parts:
        sets += [images] if len(images) else []
        skipped.update(reasons)
    if not sets:
        counted = "; ".join(told(skipped)) or "no records at all"
        raise UserError(f"{folder}: none of the {sum(skipped.values())} records there can be used ({counted})")
    return joined(title, sets, skipped)


def joined(title, sets, skipped):
    """One or more image sets, of the same labels and groups, as one."""
    images = ImageSet.concatenated(sets)
    return replace(images, source=source(title, len(images), skipped))


def source(title, n, skipped):
    """The line that an ImageSet keeps: "UnityEyes: 98 of 100, 2 without a gaze left out"."""
    left_out = ", ".join(f"{count} {reason}" for reason, (count, _) in by_reason(skipped).items())
    return f"{title}: {n} of {n + sum(skipped.values())}" + (f", {left_out} left out" if left_out else "")


def columns(labels, groups):
    """"labels gaze; groups subject (2 names), light (97 numbers)": what was taken for what, for people.

    labels: names.  groups: {name: names of the images, or each of them once}.
    """
    counted = {name: {str(value) for value in values} for name, values in groups.items()}
    kinds = [f"{name} ({len(values):,} {'numbers' if values and all(map(NUMBER.fullmatch, values)) else 'names'})"
             for name, values in counted.items()]
    return f"labels {', '.join(labels) or 'none'}; groups {', '.join(kinds) or 'none'}"


def by_reason(skipped):
    """{reason: (count, [name, ...])}, sorted, of {"reason", or "reason: name": count}."""
    found = {}
    for key, n in sorted(skipped.items()):
        reason, _, name = key.partition(": ")
        count, names = found.get(reason, (0, []))
        found[reason] = count + n, names + [name] * bool(name)
    return {reason: found[reason] for reason in sorted(found) if found[reason][0]}


def told(skipped):
    """["1 picture unreadable: 017.jpg", "9 zero", ...]: the reasons, with a few names of each, for people."""
    return [f"{count:,} {reason}" + (f": {', '.join(names[:NAMED])}" if names else "")
            + (", ..." if 0 < min(len(names), NAMED) < count else "") for reason, (count, names) in by_reason(skipped).items()]


# ---- what lies in a folder ----
def listing(folder, expected):
    """Names of all pictures in and below a folder, as strings relative to it, sorted.  UserError if there are none."""
    return listings(folder, expected)[0]


def listings(folder, expected, beside=""):
    """(names of all pictures in and below a folder, names of what else lies there): strings relative to it, sorted.

    beside: the ending of what lies beside each picture and is not named.  Names that begin with a dot are left aside.
    The other names are records that cannot be used: so they are counted.
    Raises UserError if there are no pictures, or a folder cannot be read.
    """
    folder = existing_folder(folder, expected)
    names = _names(folder)
    pictures = [name for name in names if name.lower().endswith(PICTURES)]
    if not pictures:
        raise UserError(f"{folder}: expected {expected}, found no pictures ({', '.join(PICTURES)})")
    not_named = {*pictures, *(os.path.splitext(name)[0] + beside for name in pictures if beside)}
    return pictures, [name for name in names if name not in not_named]


def beside(folder, *known):
    """Names of what else stands in a folder, sorted: strings.  Those that begin with a dot are left aside.

    known: patterns of names.
    """
    return [name for name in sorted(os.listdir(folder)) if not any(fnmatch(name, pattern) for pattern in (*known, ".*"))]


def not_read(_):
    """For `read_records`: such records are counted, and named."""
    raise Unusable("not read")


def _names(folder):
    """Names of the files in and below a folder, links to folders followed, and of the links to what is read already."""
    names, walked, tops = [], set(), [str(folder)]
    for top in tops:                                        # which grows: links come after all that lies here itself
        for place, inner, files in os.walk(top, onerror=_cannot_be_read):
            found, at = os.stat(place), os.path.relpath(place, folder)
            if (found.st_dev, found.st_ino) in walked:
                names.append(at)
                inner.clear()
                continue
            walked.add((found.st_dev, found.st_ino))
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            tops += [path for path in (os.path.join(place, name) for name in inner) if os.path.islink(path)]
            names += [name if at == "." else os.path.join(at, name) for name in files if not name.startswith(".")]
    return sorted(names)


def _cannot_be_read(error):
    raise UserError(f"{error.filename}: the folder could not be read ({error.strerror})") from error
