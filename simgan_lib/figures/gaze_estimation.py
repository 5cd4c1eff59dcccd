"""Figures of notebook 09: gaze estimation."""

from ..gaze import angular_error_deg, gaze_vector
from .base import canvas, show_image


def gaze_arrows_figure(images, truth, answers, titles, width=7.2):
    """Eyes with where they look (white, outlined) and where an estimator thinks they look (dashed), as arrows.

    images: uint8 (N, 1, H, W).  truth, answers: (N, 2) pitch and yaw, radians.  titles: one for each image.
    Returns (figure, alternative text).
    """
    wide = images.shape[-1]
    figure, (row,) = canvas(1, len(images), (width / len(images), width / len(images) * images.shape[-2] / wide + 0.3))
    middle = (wide - 1) / 2, (images.shape[-2] - 1) / 2
    looks = ({"color": "white", "linestyle": "-"}, {"color": "#F0E442", "linestyle": "--"})   # Okabe and Ito's yellow: seen on dark
    for axes, image, gazes, title in zip(row, images, zip(truth, answers), titles):
        show_image(axes, image, vmin=0, vmax=255).set_title(title, fontsize=9)
        for gaze, look in zip(gazes, looks):
            across, down = (0.9 * wide * gaze_vector(gaze)[:2]).tolist()
            for colour, line, style in (("black", 4, "-"), (look["color"], 2, look["linestyle"])):
                axes.plot([middle[0], middle[0] + across], [middle[1], middle[1] + down], color=colour, linewidth=line,
                          linestyle=style, solid_capstyle="butt", dash_capstyle="butt")
            axes.plot(middle[0] + across, middle[1] + down, "o" if look["linestyle"] == "-" else "^", color=look["color"],
                      markeredgecolor="black", markersize=7)
        axes.set(xlim=(-0.5, wide - 0.5), ylim=(images.shape[-2] - 0.5, -0.5))
    wrong = angular_error_deg(answers, truth)
    named = ", ".join(f"{title} (wrong by ≈{error:.0f} degrees)" for title, error in zip(titles, wrong.tolist()))
    return figure, (f"{len(images)} eyes, each with two lines from its middle: where it looks (solid, dot) and where the "
                    f"estimator thinks it looks (dashed, triangle): {named}.")
