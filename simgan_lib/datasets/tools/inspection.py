"""What a data set holds, found out in one pass and in constant memory: counts, shapes, ranges, a sample to look at."""

import math
from collections import Counter

import torch

from ...images import ImageSet
from ..base import told

NAMED = 8                         # names of a group that are listed


class Inspection:
    """Add parts of a data set, then ask.

    n images; shapes {(C, H, W)}; skipped {reason: count}; blank: images of one gray level; ranges {label, or its part: (lowest,
    highest, numbers that are none)}; groups {name: Counter}; sample: at most `size` images, every one as likely as another.
    """

    def __init__(self, size=48, seed=0):
        self.size, self.generator = size, torch.Generator().manual_seed(seed)
        self.n, self.blank, self.shapes, self.skipped, self.ranges, self.groups = 0, 0, set(), Counter(), {}, {}
        self.sample, self._lots = None, torch.empty(0)

    def add(self, images, skipped=()):
        """images: an ImageSet, or None.  skipped: {reason: count}."""
        self.skipped.update(skipped)
        if images is None or not len(images):
            return
        self.n += len(images)
        self.shapes.add(tuple(images.images.shape[1:]))
        flat = images.images.flatten(1)
        self.blank += int((flat.amin(1) == flat.amax(1)).sum())
        for name, values in images.labels.items():
            for column, its in _columns(name, values):
                self._widen(column, its)
        for name, values in images.groups.items():
            self.groups.setdefault(name, Counter()).update(values.tolist())
        self._draw(images)

    def _widen(self, name, values):
        finite = values[values.isfinite()] if values.is_floating_point() else values
        low, high, none = self.ranges.get(name, (math.inf, -math.inf, 0))
        if finite.numel():
            low, high = min(low, finite.min().item()), max(high, finite.max().item())
        self.ranges[name] = low, high, none + values.numel() - finite.numel()

    def _draw(self, images):
        """Every image draws a lot; those with the lowest stay, in the order in which they came."""
        lots = torch.cat([self._lots, torch.rand(len(images), generator=self.generator)])
        kept = lots.topk(min(self.size, len(lots)), largest=False).indices.sort().values
        self._lots = lots[kept]
        old = kept[kept < len(lots) - len(images)]
        new = images[kept[len(old):] - (len(lots) - len(images))]
        self.sample = new if self.sample is None else ImageSet.concatenated([self.sample[old], new])

    def lines(self, whole=0):
        """The findings as lines of text.  whole: images of the whole release, if known."""
        yield f"images    {self.n:,}" + (f"   (the whole release: {whole:,})" if whole else "")
        yield f"shape     {', '.join(str(shape) for shape in sorted(self.shapes)) or 'none'}, uint8"
        for name, (low, high, none) in sorted(self.ranges.items()):
            degrees = f", {math.degrees(low):.1f} to {math.degrees(high):.1f} degrees" if name in ("pitch", "yaw") else ""
            yield f"{name:<9} {low:.4g} to {high:.4g}{degrees}" + (f", {none} numbers that are none" if none else "")
        for name, counted in sorted(self.groups.items()):
            yield f"{name:<9} {len(counted)}: {_listed(counted)}"
        yield f"blank     {self.blank:,}"
        yield "; ".join([f"skipped   {sum(self.skipped.values()):,}", *told(self.skipped)])


def _columns(name, values):
    """[(name, numbers)] of a label whose parts mean different things; one for any other."""
    parts = {"gaze": ("pitch", "yaw"), "pupil": ("pupil x", "pupil y"), "joints": ("joints x", "joints y", "joints z"),
             "iris": ("iris x", "iris y", "iris a", "iris b", "angle")}.get(name)
    if parts and values.ndim > 1 and values.shape[-1] == len(parts):
        return [(part, values[..., i]) for i, part in enumerate(parts)]
    return [(name, values)]


def _listed(counted):
    shown = [f"{name} ({n:,})" for name, n in sorted(counted.items())[:NAMED]]
    return ", ".join(shown) + (", ..." if len(counted) > NAMED else "")
