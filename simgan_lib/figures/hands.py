"""Figures of notebook 14: depth images of hands, their joints, curves of errors."""

import matplotlib
import numpy as np
import torch

from ..hands import JOINT_NAMES, NOTHING
from .base import GAP, MARKERS, PAPER, SERIES, STYLE, WIDTH, canvas, edged, legend_below, montage_figure

# From the palm on, as mmpose's configuration of NYU's joints has it.
CHAINS = (*(("palm", f"{finger} R", f"{finger} tip") for finger in ("little", "ring", "middle", "index")),
          ("palm", "thumb R1", "thumb R2", "thumb tip"), ("wrist 1", "palm", "wrist 2"))
LINKS = [(JOINT_NAMES.index(one), JOINT_NAMES.index(other)) for chain in CHAINS for one, other in zip(chain, chain[1:])]
# How training sets of one kind are told apart: no marker, the kind's, the same hollow, a cross.
FURTHER = ({"marker": ""}, {}, {"markerfacecolor": "white"}, {"marker": "x"})


# ---- depth images ----
def depth_colours(images):
    """Depth images, uint8 (N, 1, H, W), as colours (N, 3, H, W): near is bright yellow, far dark blue, nothing is white.

    Colours change one and a half times as fast in the middle of the cube, where hands are, as they would evenly.
    """
    share = np.arange(256) / 255
    levels = matplotlib.colormaps["cividis_r"](share ** 2 * (3 - 2 * share), bytes=True)[:, :3]
    levels[NOTHING] = PAPER
    return torch.from_numpy(levels)[images[:, 0].long()].movedim(-1, 1)


def hands_figure(rows, columns, joints=None, width=7.2):
    """Depth images of hands in rows, named on their left.  rows: {name: uint8 images (N, 1, H, W)}, all of one size.

    joints: {name: (N, 14, 2 or 3)}, x, y in pixels of the images; drawn as skeletons on the rows that are named.
    columns, width: as in `montage_figure`.  Raises ValueError for joints that do not belong to the images.
    """
    joints = joints or {}
    _check(rows, joints)
    figure, said = montage_figure({name: depth_colours(images.cpu()) for name, images in rows.items()}, columns, width,
                                  "The nearer, the brighter; where nothing is, all is white.")
    for name, axes in zip(rows, figure.axes):
        high, wide = rows[name].shape[2:]
        _ruled(axes, wide + GAP, high + GAP)
        for i, places in enumerate(joints.get(name, ())):
            corner = np.array([i % columns * (wide + GAP), i // columns * (high + GAP)])
            _skeleton(axes, np.asarray(torch.as_tensor(places).cpu())[:, :2] + corner)
    named = ", ".join(joints).replace("\n", " ")
    return figure, said + (f" The joints of {named} are drawn, with lines from the palm to each finger's end."
                           if joints else "")


def _ruled(axes, across, down):
    """Thin lines between the images: white ones have no edges of their own.  across, down: from one image to the next, pixels."""
    right, bottom = axes.get_xlim()[1], axes.get_ylim()[0]
    for x in np.arange(across, right, across):
        axes.axvline(x - GAP / 2 - 0.5, color="0.8", linewidth=0.5)
    for y in np.arange(down, bottom, down):
        axes.axhline(y - GAP / 2 - 0.5, color="0.8", linewidth=0.5)


def _check(rows, joints):
    for name, places in joints.items():
        expected = (len(rows.get(name, ())), len(JOINT_NAMES))
        if np.ndim(places) != 3 or tuple(places.shape[:2]) != expected or places.shape[2] < 2:
            raise ValueError(f"joints of {name}: expected {(*expected, '2 or 3')}, found {tuple(np.shape(places))}")


def _skeleton(axes, places):
    """Draw the joints (14, 2), in pixels of the axes, and what links them."""
    limits = axes.get_xlim(), axes.get_ylim()
    for one, other in LINKS:
        axes.plot(*places[[one, other]].T, color="white", linewidth=0.9, path_effects=edged(1.9), solid_capstyle="round")
    axes.plot(*places.T, "o", color="white", markersize=2.2, markeredgecolor="black", markeredgewidth=0.5)
    axes.set(xlim=limits[0], ylim=limits[1])                     # a joint beyond its image stretches no sheet


# ---- curves of errors ----
def error_curves_figure(curves, unit, behind=None, level=None):
    """Percentage of test hands whose largest joint error is at most d, over d, with 95 % intervals as shades.

    curves: {what an estimator was trained on: (distances (K,), percent (K,), low (K,), high (K,))}; low None: no interval.
    One that begins with synthetic, refined, real or stand-in has the look of these; of several, the further ones have markers.
    unit: of the distances, such as "mm".  behind: {published method: (distances, percent)}, thin and gray.
    level: a distance, the dotted line, at which the shares are told; else at the curves' last distance.
    Raises ValueError for a curve whose parts are not equally long.
    """
    handles, at, behind = [], {}, behind or {}
    figure, ((axes,),) = canvas(cell=(WIDTH, 3.6 + 0.19 * len(curves)))          # a line of the legend is 0.19 inches high
    for name, (distances, percent, *_) in (behind | curves).items():
        if np.shape(distances) != np.shape(percent) or np.ndim(percent) != 1 or not len(percent):
            raise ValueError(f"{name}: expected as many shares as distances, found {np.shape(percent)} for {np.shape(distances)}")
        at[name] = np.interp(distances[-1] if level is None else level, distances, percent)
    for distances, percent in behind.values():
        gray, = axes.plot(distances, percent, color="0.72", linewidth=0.9, zorder=1)
    for (name, (distances, percent, low, high)), look in zip(curves.items(), _looks(curves)):
        handles += axes.plot(distances, percent, **look, linewidth=1.8, markersize=5, markevery=max(1, len(percent) // 8),
                             label=f"{name}: {at[name]:.0f} %")
        if low is not None:
            axes.fill_between(distances, low, high, color=look["color"], alpha=0.15, linewidth=0)
    if behind:
        gray.set_label(f"published methods ({len(behind)})")
        handles.append(gray)
    if level is not None:
        axes.axvline(level, color="0.4", linewidth=1, linestyle=(0, (1, 3)))
    axes.set(xlabel=f"largest joint error, {unit}", ylabel="hands with at most this error, %", ylim=(0, 101))
    axes.margins(x=0)
    where = f"within {level:g} {unit}" if level is not None else "at the right end"
    legend_below(figure, handles, 1, title=f"trained on: share {where}" + (" (dotted line)" if level is not None else ""))
    return figure, f"Share of hands over the largest joint error allowed, in {unit}; {where} are: {_said(curves, behind, at)}."


def _looks(names):
    """Line and marker of each: kinds of images have their own, what is of none has one of the series."""
    seen, others = {}, iter(SERIES[1:])                           # the first looks like refined
    for name in names:
        kind = name.split()[0].rstrip(",")
        turn = seen[kind] = seen.get(kind, -1) + 1
        if kind in STYLE:
            yield STYLE[kind] | {"marker": MARKERS[kind]} | FURTHER[turn % len(FURTHER)]
        else:
            yield next(others)


def _said(curves, behind, at):
    said = ", ".join(f"{name} ≈{at[name]:.0f} %" for name in curves)
    if not behind:
        return said
    worst, best = (choose(behind, key=at.get) for choose in (min, max))
    return f"{said}; {len(behind)} published methods, in gray, from {worst} ≈{at[worst]:.0f} % to {best} ≈{at[best]:.0f} %"
