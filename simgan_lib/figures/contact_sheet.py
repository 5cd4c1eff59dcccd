"""Many images of a data set on one sheet, with their labels drawn on them: wrong conventions are seen at a glance."""

import numpy as np
from matplotlib.figure import Figure

from ..gaze import gaze_vector
from .base import GAP, STYLE, edged, montage, outline, show_image

EDGED = edged(2.4)


def contact_sheet(images, columns=8, width=10.0):
    """The figure of an ImageSet: every image beside its copy with the labels drawn on it, row by row.

    Drawn are `gaze` (an arrow from the pupil, or from the middle, half an image long when seen from the side), `pupil`
    (a cross), `iris` (its outline), `joints` (dots at their first two numbers, pixels), and labels of one number each
    (in words below).  width: inches.
    """
    sheet = montage(images.images.repeat_interleave(2, 0), min(columns, 2 * len(images)))
    figure = Figure(figsize=(width, width * sheet.shape[0] / sheet.shape[1]))
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, sheet, vmin=0, vmax=255)
    height, across = images.images.shape[2:]
    for i in range(len(images)):
        row, column = divmod(2 * i + 1, columns)
        _draw(axes, images[i], np.array([column * (across + GAP), row * (height + GAP)]))
    axes.set(xlim=(-0.5, sheet.shape[1] - 0.5), ylim=(sheet.shape[0] - 0.5, -0.5))
    drawn = ", ".join(sorted(images.labels)) or "no labels"
    return figure, f"{len(images)} images, each beside its copy with what is labelled: {drawn}."


def _draw(axes, image, corner):
    """The labels of one image (an ImageSet of one), whose top-left pixel lies at `corner`."""
    labels = {name: values[0].double().numpy() for name, values in image.labels.items() if name != "parts"}
    height, across = image.images.shape[2:]
    at = labels.get("pupil", np.array([(across - 1) / 2, (height - 1) / 2])) + corner
    if "iris" in labels:
        outline(axes, [*labels["iris"][:2] + corner, *labels["iris"][2:]], linewidth=0.9, edgecolor=STYLE["refined"]["color"])
    if "gaze" in labels:
        end = at + 0.5 * across * gaze_vector(image.labels["gaze"][0].double()).numpy()[:2]
        axes.plot(*zip(at, end), color="white", linewidth=1.1, path_effects=EDGED)
        axes.plot(*end, "o", color="white", markersize=2.6, markeredgecolor="black", markeredgewidth=0.6)
    if "pupil" in labels:
        axes.plot(*at, "+", color="white", markersize=5, markeredgewidth=1.1, path_effects=EDGED)
    if "joints" in labels:
        axes.plot(*(labels["joints"][:, :2] + corner).T, "o", color="white", markersize=2.2, markeredgecolor="black",
                  markeredgewidth=0.6)
    words = [f"{name} {value:g}" for name, value in labels.items() if value.ndim == 0]
    axes.text(*(corner + [1, height - 2]), ", ".join(words), color="white", fontsize=6, path_effects=EDGED, parse_math=False)
