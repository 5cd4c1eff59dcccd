"""Figures of notebook 03: the local adversarial loss."""

import torch

from .base import STYLE, canvas, show_image


def windows_figure(image, windows, width=7.2):
    """What single verdicts see of an image: one panel for each, with its window framed.

    image: uint8 (1, H, W).  windows: {name: (top, left, bottom, right)} in pixels, the last two included; a window may
    reach beyond the image.
    """
    height = width / len(windows) * (image.shape[1] + 16) / (image.shape[2] + 16) + 0.3
    figure, (row,) = canvas(1, len(windows), (width / len(windows), height))
    for axes, (name, window) in zip(row, windows.items()):
        show_image(axes, image, vmin=0, vmax=255)
        _outline(axes, window)
        axes.set(title=name, xlim=(-8.5, image.shape[2] + 7.5), ylim=(image.shape[1] + 7.5, -8.5))
        axes.title.set_fontsize(10)
    return figure, f"An eye, {len(windows)} times, each with the window that one verdict sees: {', '.join(windows)}."


def _outline(axes, window):
    """A frame around (top, left, bottom, right), in the colour and line of refined images, and its middle."""
    top, left, bottom, right = window
    style = STYLE["refined"] | {"linestyle": "--"}
    axes.plot([left - 0.5, right + 0.5, right + 0.5, left - 0.5, left - 0.5],
              [top - 0.5, top - 0.5, bottom + 0.5, bottom + 0.5, top - 0.5], linewidth=1.8, **style)
    axes.plot((left + right) / 2, (top + bottom) / 2, "+", color=style["color"], markersize=9, markeredgewidth=1.8)


def maps_figure(columns, label, windows=None, limits=(0, 1), width=7.2):
    """Images and, below each, a map of it.

    columns: {title: (uint8 image (1, H, W), map (h, w) of any size)}.  label: what the map shows, beside its colour bar.
    windows: {title: (top, left, bottom, right)} frames to draw on both, in pixels of the image.  limits: of the
    colours.
    """
    image, _ = next(iter(columns.values()))
    height = width / (len(columns) + 0.5) * image.shape[1] / image.shape[2]
    figure, grid = canvas(2, len(columns), (width / len(columns), height + 0.25))
    for axes, (title, (image, shown)) in zip(grid.T, columns.items()):
        show_image(axes[0], image, vmin=0, vmax=255).set_title(title, fontsize=10)
        extent = (-0.5, image.shape[2] - 0.5, image.shape[1] - 0.5, -0.5)
        show_image(axes[1], torch.as_tensor(shown).numpy(), cmap="cividis", extent=extent, vmin=limits[0], vmax=limits[1])
        for place in axes if title in (windows or {}) else ():
            _outline(place, windows[title])
            place.set(xlim=extent[:2], ylim=extent[2:])
    bar = figure.colorbar(grid[1, -1].images[0], ax=grid, fraction=0.05, aspect=24, ticks=limits)
    bar.set_label(label, fontsize=9)
    means = ", ".join(f"{name} (mean ≈{float(torch.as_tensor(heat).float().mean()):.2f})" for name, (_, heat) in columns.items())
    return figure, f"{len(columns)} images and below each a map of it, {label}: {means}."
