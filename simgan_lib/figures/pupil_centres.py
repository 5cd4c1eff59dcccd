"""Figures of notebook 08: pupil centres."""

import math

import numpy as np

from .base import MARKERS, PART_COLOURS, STYLE, canvas, edged, outline, show_image


def fits_figure(rows, exact, fitted, width=7.2):
    """Eyes in rows, on each the exact outline of its iris, and the fitted one where there is one.

    rows: {name: uint8 images (K, 1, H, W)}.  exact, fitted: {name: ellipses (x, y, a, b, angle) (K, 5)}, px and
    radians; NaN for no fit.
    """
    n, _, high, wide = next(iter(rows.values())).shape
    figure, grid = canvas(len(rows), n, (width / n, width / n * high / wide + 0.05))
    for row, (name, images) in zip(grid, rows.items()):
        for axes, image, label, fit in zip(row, images, exact[name], fitted[name]):
            show_image(axes, image, vmin=0, vmax=255)
            _ellipse(axes, label, "white", "-")
            _ellipse(axes, fit, STYLE["refined"]["color"], (0, (2, 1.5)))
        row[0].set_ylabel(name)
    missing = sum(int(fits[:, 0].isnan().sum()) for fits in fitted.values())
    return figure, (f"{len(rows)} rows of {n} eyes ({', '.join(rows)}), the exact outline of each iris in white and the "
                    f"fitted ellipse dashed; in ≈{missing} of them none was found.")


def _ellipse(axes, ellipse, colour, line):
    x, y, *rest = ellipse.tolist()
    if math.isfinite(x):
        edge = edged(2.6) if colour == "white" else []
        outline(axes, (x, y, *rest), linewidth=1.4, edgecolor=colour, linestyle=line, path_effects=edge)
        axes.plot(x, y, "+", color=colour, markersize=6, path_effects=edge)


def parts_named_figure(rows, exact, named, width=7.2):
    """Eyes in rows, on each the exact outline of its iris, and the edges of the parts that a network named.

    rows: {name: uint8 images (K, 1, H, W)}.  exact: ellipses (x, y, a, b, angle) (K, 5), px and radians.  named: {name:
    masks (K, H, W)}, skin 0, sclera 1, iris 2, pupil 3.
    """
    n, _, high, wide = next(iter(rows.values())).shape
    figure, grid = canvas(len(rows), n, (width / n, width / n * high / wide + 0.05))
    for row, (name, images) in zip(grid, rows.items()):
        for axes, image, label, mask in zip(row, images, exact, named[name]):
            show_image(axes, image, vmin=0, vmax=255)
            _ellipse(axes, label, "white", "-")
            for part, look in zip((1, 2, 3), PART_COLOURS):
                if (mask >= part).any():
                    axes.contour((mask >= part).numpy(), levels=[0.5], colors=[look], linewidths=1.2)
        row[0].set_ylabel(name)
    without = sum(int((mask < 3).all()) for masks in named.values() for mask in masks)
    return figure, (f"Eyes in rows of {n} ({', '.join(rows)}), the exact outline of each iris in white, and where a network sees "
                    f"the lids' opening (yellow), the iris (blue) and the pupil (red); in ≈{without} of them it sees no pupil.")


def falling_lambda_figure(sweep):
    """What a smaller lambda costs and buys: pupils moved, images without a fit, distance of the spectra.

    sweep: {lambda: [{"ellipse" and "mask": px, "failed": %, "spectrum": dB}, one a look]}, largest lambda first; small
    marks are single looks, the line joins their means.
    """
    panels = {"apparent shift, px": ("mask", "ellipse"), "no ellipse fits, %": ("failed",), "spectrum off by, dB": ("spectrum",)}
    figure, (row,) = canvas(1, 3, (2.5, 2.5))
    said = []
    for axes, (title, keys) in zip(row, panels.items()):
        for key, look in zip(keys, ("refined", "synthetic")):
            means = [np.mean([each[key] for each in looks]) for looks in sweep.values()]
            axes.plot(means, **STYLE[look], marker=MARKERS[look], label=f"by {key}")
            for x, looks in enumerate(sweep.values()):
                axes.scatter([x] * len(looks), [each[key] for each in looks], s=9, color=STYLE[look]["color"], alpha=0.6)
            said.append(f"{title} ({key}) from ≈{means[0]:.1f} to ≈{means[-1]:.1f}")
        axes.set(xlabel="λ", ylim=(0, None), xticks=range(len(sweep)), xticklabels=[f"{weight:g}" for weight in sweep])
        axes.set_title(title, fontsize=10)
        axes.margins(x=0.1)
    row[0].legend(frameon=False, fontsize=8)
    first, *_, last = sweep
    return figure, f"Three panels over λ from {first:g} down to {last:g}: {'; '.join(said)}."
