"""What a structured-light camera does to depth, in numbers: the statistics by which the stand-in camera is judged.

All take one picture at the camera's own pixels: float (H, W) in mm, NaN where depth is missing.  A hand is the largest
connected piece within a cube.  None looks at labels, so all can be measured on real pictures.  All raise UserError for what is
no picture, no mask of one, a mask of nothing, or no number that they could take.
Taught in: notebook 14.
"""

import numpy as np
from numpy.polynomial import Polynomial
from scipy import ndimage

from ..hands import LENGTH
from ..system.errors import UserError
from ..system.settings import Number, Whole

AROUND = 50               # mm on either side within which the step of depth is taken
CONTOUR = 120             # rows of a contour that one polynomial follows
DEGREE = 4                # of it: what a hand's outline needs; what is left is jitter
JUMP = 2                  # px from row to row: more is another finger
LAGS = (1, 2, 3, 4)       # rows
BEHIND = 100              # mm that a surface must lie behind the hand to show its shadow


def hand_mask(mm, middle, cube=300.0):
    """The largest piece of the picture that lies within half a cube of `middle` mm: bool (H, W).

    Raises UserError if there is none.
    """
    mm = _picture(mm)
    LENGTH.check("middle, in mm", middle)
    LENGTH.check("cube, in mm", cube)
    pieces, n = ndimage.label(np.abs(mm - middle) < cube / 2)                         # NaN is not below
    if not n:
        raise UserError(f"a hand {middle:g} mm away: expected depth within {cube / 2:g} mm of it, found none")
    return pieces == 1 + np.bincount(pieces[pieces > 0] - 1).argmax()


def quantization_step(mm, near, within=AROUND):
    """Mean mm between neighbouring values of depth that occur within `within` mm of `near`; NaN for fewer than three."""
    mm = _picture(mm)
    LENGTH.check("near, in mm", near)
    LENGTH.check("within, in mm", within)
    values = np.unique(mm[np.abs(mm - near) < within])
    return float(np.diff(values).mean()) if len(values) > 2 else np.nan


def missing_share(mm, where=None):
    """Share of pixels without depth; where: bool (H, W), of these pixels only."""
    missing = np.isnan(_picture(mm) if where is None else _picture(mm, where))
    return float((missing if where is None else missing[where]).mean())


def beside(hand, steps=5):
    """The pixels that are at most `steps` from the hand, and not of it: bool (H, W)."""
    Whole(1, 1000).check("steps", steps)
    return ndimage.binary_dilation(_mask(hand), np.ones((3, 3)), iterations=steps) & ~hand


def equal_neighbours(mm, hand):
    """Share of neighbours within the hand that have exactly the same depth: (in a row, in a column)."""
    return tuple(float((np.diff(_picture(mm, hand), axis=axis) == 0)[_runs(hand, 2, axis)].mean()) for axis in (1, 0))


def second_differences(mm, hand):
    """|Second differences| along rows within the hand, in steps of depth: (median of what is beyond a step, share above 1.5).

    A surface that is smooth but for its steps has 0, or 1 where a step lies: what is beyond comes of noise and of edges.
    NaN where the hand's depth has fewer than three values.
    """
    size = np.abs(np.diff(_picture(mm, hand), 2, axis=1))[_runs(hand, 3, 1)]
    size = size / quantization_step(mm, np.median(mm[hand]))
    return float(np.median((size - 1).clip(0))), float(np.heaviside(size - 1.5, 0).mean())


def silhouette_residual(hand):
    """How the hand's left outline jitters: (standard deviation px, autocorrelation at lags of 1 to 4 rows).

    In the longest stretch of rows, at most 120, in which the outline does not jump by more than 2 px; a polynomial of
    degree 4, which follows the hand's shape, is taken away.  NaN if that stretch has fewer than 40 rows.
    """
    edge = _longest(_left_edge(_mask(hand)))[:CONTOUR]
    if len(edge) < CONTOUR // 3:
        return np.nan, (np.nan,) * len(LAGS)
    rows = np.arange(len(edge))
    left = edge - Polynomial.fit(rows, edge, DEGREE)(rows)
    return float(left.std()), tuple(float((left[lag:] * left[:-lag]).mean() / left.var()) for lag in LAGS)


def holes(mm, hand):
    """Share of the hand, holes filled, that has no depth."""
    _picture(mm, hand)
    return missing_share(mm, ndimage.binary_fill_holes(hand))


def shadow_widths(mm, hand, strength):
    """Width of the shadow on the hand's right: ((rows,) px seen, (rows,) px predicted, f b (1 / z_near - 1 / z_far)).

    strength: f b of the camera.  Of rows in which a surface at least 100 mm behind the hand begins where the shadow ought
    to end, at most half as far again; two arrays of the same length, empty where there is none.
    """
    mm, found = _picture(mm, hand), []
    Number(0, 1e8, above=True).check("strength", strength)
    for row in np.flatnonzero(hand.any(1)):
        last = np.flatnonzero(hand[row])[-1]
        beyond = np.flatnonzero(~np.isnan(mm[row, last + 1:]))
        near, far = mm[row, last], mm[row, last + 1 + beyond[0]] if len(beyond) else np.nan
        predicted = strength * (1 / near - 1 / far)
        if far > near + BEHIND and 0 < beyond[0] <= 1.5 * predicted:
            found.append((beyond[0], predicted))
    return tuple(np.array(found, float).reshape(-1, 2).T)


# ---- how ----
def _picture(mm, *masks):
    """The picture itself.  Raises UserError for what is none, or a mask of another kind or size."""
    if not isinstance(mm, np.ndarray) or mm.ndim != 2 or mm.dtype.kind != "f":
        raise UserError(f"depth: expected a float array (H, W) of mm, NaN where it is missing, found {_kind(mm)}")
    if not mm.size or not (np.isnan(mm) | (mm > 0) & (mm < np.inf)).all():
        found = f"{np.nanmin(mm):g} to {np.nanmax(mm):g}" if mm.size else f"no pixels {mm.shape}"
        raise UserError(f"depth: expected mm above 0, finite, NaN where it is missing, found {found}")
    for mask in masks:
        _mask(mask, mm.shape)
    return mm


def _mask(hand, shape=None):
    """The mask itself.  Raises UserError for what is none, one of another shape, or of nothing."""
    if not isinstance(hand, np.ndarray) or hand.ndim != 2 or hand.dtype != bool or shape not in (None, hand.shape):
        raise UserError(f"mask: expected bool {shape or '(H, W)'}, found {_kind(hand)}")
    if not hand.any():
        raise UserError("mask: expected at least one pixel, found none")
    return hand


def _kind(array):
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def _runs(mask, length, axis):
    """Where `length` neighbours along an axis all lie in the mask: bool, shorter by length - 1.  Raises UserError if none do."""
    runs = np.lib.stride_tricks.sliding_window_view(mask, length, axis).all(-1) if mask.shape[axis] >= length else mask[:0]
    if not runs.any():
        raise UserError(f"mask: expected {length} neighbours in a {'row' if axis else 'column'}, found none")
    return runs


def _left_edge(hand):
    """Column of the hand's first pixel, row by row: float (rows,)."""
    rows = hand.any(1)
    return hand.argmax(1)[rows].astype(float)


def _longest(edge):
    """The longest stretch without a jump."""
    return max(np.split(edge, np.flatnonzero(np.abs(np.diff(edge)) > JUMP) + 1), key=len)
