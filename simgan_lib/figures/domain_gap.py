"""Figures of notebook 01: simulator and domain gap."""

import matplotlib
import torch

from ..gaze import gaze_vector
from .base import STYLE, canvas, edged, outline, show_image


def eye_figure(eye, labels=True, width=4.2):
    """One simulated eye, enlarged.  eye: an ImageSet with the simulator's labels; its first image is drawn.

    labels: draw the outline of the iris, the pupil's centre, and the gaze as an arrow.
    """
    image = eye.images[0]
    figure, ((axes,),) = canvas(1, 1, (width, width * image.shape[1] / image.shape[2]))
    show_image(axes, image, vmin=0, vmax=255)
    pitch, yaw = torch.rad2deg(eye.labels["gaze"][0]).tolist()
    x, y = eye.labels["pupil"][0].tolist()
    if labels:
        _labels_on(axes, eye, image.shape[2])
    return figure, f"A simulated eye: gaze pitch {pitch:.1f} and yaw {yaw:.1f} degrees, pupil at x {x:.1f} and y {y:.1f} px."


def _labels_on(axes, eye, width):
    """Outline of the iris, pupil's centre, and the gaze vector's shadow on the image, half an image long."""
    iris = eye.labels["iris"][0].tolist()
    x, y = iris[:2]
    across, down = 0.5 * width * gaze_vector(eye.labels["gaze"][0])[:2]
    outline(axes, iris, linestyle="--", linewidth=1.8, edgecolor=STYLE["refined"]["color"])
    axes.annotate("", (x + across.item(), y + down.item()), (x, y),
                  arrowprops={"arrowstyle": "->", "color": "white", "linewidth": 2, "path_effects": edged(4)})
    axes.plot(x, y, "+", color="white", markersize=12, markeredgewidth=2, path_effects=edged(4), zorder=5)


def parts_figure(eye, names, width=7.2):
    """One simulated eye with its labels, and beside it the mask of its parts.

    eye: an ImageSet with the simulator's labels; its first image is drawn.  names: of the mask's values, in order.
    """
    image = eye.images[0]
    figure, ((left, right),) = canvas(1, 2, (width / 2, width / 2 * image.shape[1] / image.shape[2]))
    show_image(left, image, vmin=0, vmax=255)
    _labels_on(left, eye, image.shape[2])
    colours = matplotlib.colormaps["cividis"].resampled(len(names))
    show_image(right, eye.labels["parts"][0].numpy(), cmap=colours, vmin=-0.5, vmax=len(names) - 0.5)
    bar = figure.colorbar(right.images[0], ax=right, ticks=range(len(names)), fraction=0.04)
    bar.ax.set_yticklabels(names)
    return figure, f"An eye with its iris outlined, its pupil's centre and its gaze; its parts: {', '.join(names)}."
