"""Figures of notebook 04: the history buffer."""

import numpy as np
import torch

from .base import POINTS, SERIES, STYLE, canvas, show_image


def chase_figure(chases, rounds, reach=4.5, panel=1.5):
    """A generator and a judge on a plane, at several moments: one row for each chase (article, Figure 4).

    chases: {name: (points (T, b, 2), maps {round: (H, W)})}, the maps being the judge's probability that a point of
    the square from -reach to reach was generated.  rounds: which moments to show.
    """
    figure, grid = canvas(len(chases), len(rounds), (panel, panel * 1.08), sharex=True, sharey=True)
    for row, (name, (points, maps)) in zip(grid, chases.items()):
        for axes, moment in zip(row, rounds):
            shade = _chase_panel(axes, points[:moment + 1], maps[moment], reach)
        row[0].set_ylabel(name)
    for axes, moment in zip(grid[0], rounds):
        axes.set_title(f"round {moment}", fontsize=9)
    figure.colorbar(shade, ax=grid, label="judge: generated?", ticks=[0, 0.5, 1], fraction=0.04, aspect=30)
    return figure, (f"{len(chases)} rows ({', '.join(chases)}) of {len(rounds)} maps of the plane, rounds {rounds[0]} to "
                    f"{rounds[-1]}: what the judge calls generated, the real points in the middle, the generated "
                    f"points and the way they came.")


def chase_beside_figure(chases, moment, reach=4.5):
    """One moment of several chases side by side, for a slider; arguments as for `chase_figure`."""
    figure, (row,) = canvas(1, len(chases), (2.6, 2.7))
    for axes, (name, (points, maps)) in zip(row, chases.items()):
        _chase_panel(axes, points[:moment + 1], maps[moment], reach)
        axes.set_title(name, fontsize=10)
    return figure, f"The judge's map of the plane in round {moment}, side by side: {', '.join(chases)}."


def _chase_panel(axes, points, decided, reach):
    """points: (t, b, 2) so far.  decided: the judge's map now."""
    square, way = (-reach, reach, -reach, reach), points.mean(1).T.numpy()
    shade = axes.contourf(decided, np.linspace(0, 1, 11), extent=square, cmap="cividis")
    axes.contour(decided, [0.5], extent=square, colors="white", linewidths=0.7, linestyles="dashed")
    axes.plot(*way, color="white", linewidth=2.2, alpha=0.9)
    axes.plot(*way, **STYLE["refined"], linewidth=1.2)
    axes.scatter(*points[-1].T.numpy(), s=14, **POINTS["refined"], zorder=3)
    axes.scatter(0, 0, s=42, **(POINTS["real"] | {"linewidth": 1.0}), zorder=4)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    return shade


def minibatch_figure(fresh, remembered, width=7.2):
    """How a batch of the discriminator is put together (article, Figure 5).

    fresh: uint8 (b, 1, H, W) of this round.  remembered: as many from the history.  Half of each makes the batch.
    """
    n, half = len(fresh), len(fresh) // 2
    # What is shown, how many of it are of this round, and how many were chosen: frames of the others are thin and pale.
    parts = {f"refined in this round ({n})": (fresh, n, half), f"history (here {len(remembered)} of it)": (remembered, 0, half),
             f"the batch ({half} + {half})": (torch.cat([fresh[:half], remembered[:half]]), half, n)}
    figure, grid = canvas(3, n, (width / n, 2.5 / 3))
    for row, (name, (images, new, chosen)) in zip(grid, parts.items()):
        row[0].set_title(name, loc="left", fontsize=10)
        for i, (axes, image) in enumerate(zip(row, images)):
            show_image(axes, image, vmin=0, vmax=255).spines[:].set(
                color=STYLE["refined" if i < new else "synthetic"]["color"], linestyle="-" if i < new else (0, (1.5, 1)),
                linewidth=2.5 if i < chosen else 0.8, alpha=1 if i < chosen else 0.6)
    return figure, (f"Three rows of eye images: {n} refined in this round, some of the history, the batch; "
                    f"it takes its first {half} from the first row and its other {half} from the second.")


def memory_figure(older, law, distances):
    """How old a history is, and how far the generator strays with histories of several sizes.

    older: shares of stored images at least 0, 1, 2, ... rounds old, measured; law: the same, computed.
    distances: {capacity: final distances, one a seed}.
    """
    figure, ((left, right),) = canvas(1, 2, (3.6, 2.5))
    left.plot(law, color="black", linestyle="--", label="law")
    left.plot(older, **STYLE["refined"], label="measured")
    left.set(xlabel="rounds", ylabel="share at least so old", ylim=(0, 1.03), title="age of a history of 256")
    left.legend(frameon=False)
    for i, values in enumerate(distances.values()):
        right.scatter([i] * len(values), values, s=30, alpha=0.8, **POINTS["refined"])
    right.set(xlabel="capacity of the history", ylabel="final distance", ylim=(0, None), title="how far the chase ends",
              xticks=range(len(distances)), xticklabels=[str(capacity or "none") for capacity in distances])
    right.margins(x=0.15)
    return figure, ("Left: the share of stored images that are older than so many rounds falls as the law says. Right: "
                    "final distance of the generator from the real points, for histories of several sizes, one mark a "
                    "seed: far out without a history and with the smallest, near with the largest.")


def verdict_figure(panels, periods):
    """What a discriminator says of several artefacts while it is trained against one after the other.

    panels: {title: {artefact: its probabilities of being refined, one an update}}.  The name "real" is drawn as real.
    periods: {artefact: (first update, last)}, when it was in fashion.
    """
    figure, (row,) = canvas(1, len(panels), (3.7, 2.7), sharey=True)
    for axes, (title, curves) in zip(row, panels.items()):
        for (name, values), look in zip(curves.items(), SERIES):
            axes.plot(values, **(STYLE["real"] if name == "real" else look | {"marker": ""}), linewidth=1.8, label=name)
        for i, (name, (first, last)) in enumerate(periods.items()):
            axes.axvspan(first, last, color="black", alpha=0.05 + 0.05 * (i % 2), linewidth=0)
            axes.text((first + last) / 2, 1.03, name, ha="center", fontsize=8)
        axes.set(xlabel="discriminator updates", ylim=(0, 1.1), xlim=(0, None))
        axes.set_title(title, fontsize=10)
    row[0].set_ylabel("judged refined")
    figure.legend(*row[-1].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right center")
    return figure, (f"Verdicts on {', '.join(periods)} images over the updates, {' and '.join(panels)}: without a "
                    "history the curve of an artefact falls again once it is out of fashion.")
