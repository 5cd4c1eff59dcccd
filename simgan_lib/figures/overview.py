"""The figure of notebook 00 that shows the whole system, and the images that go through it (paper, Figure 2)."""

import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .base import STYLE, WIDTH, canvas, show_image

IMAGE = (0.27, 0.135)              # width and height of an eye in the figure, of which it is 1 wide and 0.89 high
HEIGHT = 0.89


def overview_figure(synthetic, refined, real, remembered, domain="stand-in"):
    """Refiner, discriminator, history and both losses.  Images: uint8 (1, H, W) each, `remembered` (3, 1, H, W).

    domain: what the real images are called.
    """
    figure, ((axes,),) = canvas(cell=(WIDTH, WIDTH * HEIGHT))
    axes.set(xlim=(0, 1), ylim=(0, HEIGHT))
    axes.axis("off")
    _eye(axes, synthetic, (0.01, 0.62), "synthetic x, labelled", "synthetic")
    _network(axes, "R", (0.43, 0.645), "refiner")
    _eye(axes, refined, (0.72, 0.62), "refined R(x),\nsame label", "refined")
    for at, image in enumerate(remembered):
        _eye(axes, image, (0.74 - 0.01 * at, 0.35 - 0.01 * at), "history of\nrefined images" if at == 2 else "", "refined")
    _eye(axes, real, (0.01, 0.06), f"{domain} y, unlabelled", "real" if domain == "real" else "stand-in")
    _network(axes, "D", (0.43, 0.085), "discriminator")
    _patches(axes, (0.72, 0.06))
    _arrow(axes, (0.29, 0.69), (0.42, 0.69))
    _arrow(axes, (0.58, 0.69), (0.71, 0.69))
    _arrow(axes, (0.855, 0.53), (0.855, 0.488))
    _arrow(axes, (0.71, 0.38), (0.575, 0.2))
    _arrow(axes, (0.71, 0.61), (0.53, 0.2))
    _arrow(axes, (0.29, 0.13), (0.42, 0.13))
    _arrow(axes, (0.58, 0.13), (0.71, 0.13))
    _arrow(axes, (0.47, 0.2), (0.47, 0.595), linestyle="--", color=STYLE["refined"]["color"])
    axes.text(0.455, 0.42, "look real\n(adversarial loss)", ha="right", va="center", fontsize=10, color=STYLE["refined"]["color"])
    axes.annotate("", (0.15, 0.775), (0.85, 0.775), arrowprops={"arrowstyle": "<->", "linestyle": "--", "color": "0.2",
                                                                "connectionstyle": "arc3,rad=0.12"})
    axes.text(0.5, 0.88, r"stay what you are: $\lambda\,\Vert\psi(R(x)) - \psi(x)\Vert_1$", ha="center", va="top", fontsize=10)
    return figure, (f"A drawing: a synthetic eye goes through the refiner R and becomes a refined eye with the same label. Refined "
                    f"eyes, of now and out of a history, and {domain} eyes without labels go to the discriminator D, which "
                    "judges each patch. Two dashed arrows are the losses of R: look real, which comes from D, and stay what "
                    "you are, between the refined eye and its input.")


def _eye(axes, image, corner, name, meaning):
    x, y = corner
    inset = axes.inset_axes((x, y, *IMAGE), transform=axes.transData)
    show_image(inset, torch.as_tensor(image), vmin=0, vmax=255)
    inset.spines[:].set(color=STYLE[meaning]["color"], linewidth=1.5)
    axes.text(x + IMAGE[0] / 2, y - 0.012, name, ha="center", va="top", fontsize=9)


def _network(axes, letter, corner, name):
    x, y = corner
    axes.add_patch(FancyBboxPatch((x, y), 0.14, 0.09, boxstyle="round,pad=0.005", facecolor="0.93", edgecolor="0.2"))
    axes.text(x + 0.07, y + 0.045, letter, ha="center", va="center", fontsize=14, style="italic")
    axes.text(x + 0.07, y - 0.02, name, ha="center", va="top", fontsize=9)


def _patches(axes, corner, rows=9, columns=14):
    """The discriminator's answer: so many verdicts on an eye of 35x55."""
    (x, y), (width, height) = corner, IMAGE
    for at in range(rows + 1):
        axes.plot((x, x + width), [y + height * at / rows] * 2, color="0.4", linewidth=0.6)
    for at in range(columns + 1):
        axes.plot([x + width * at / columns] * 2, (y, y + height), color="0.4", linewidth=0.6)
    axes.text(x + width / 2, y - 0.012, "for each patch:\nrefined or real?", ha="center", va="top", fontsize=9)


def _arrow(axes, start, end, **look):
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, shrinkA=0, shrinkB=0,
                                   **{"color": "0.2", "linewidth": 1.2} | look))
