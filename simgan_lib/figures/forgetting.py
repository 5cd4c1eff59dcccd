"""Figures of notebook 12: a discriminator's memory.  Notebook 13 uses its bands, too."""

import numpy as np

from .base import POINTS, SERIES, STYLE, canvas, legend_below


def ring_figure(players, real, reach=3.0):
    """A discriminator's map of the plane with real and generated points, side by side.

    players: {title: (generated points (n, 2), its map (H, W))}, the map being the probability that a point of the square from
    -reach to reach was generated.  real: (m, 2).
    """
    figure, (row,) = canvas(1, len(players), (2.6, 2.7), sharex=True, sharey=True)
    square = (-reach, reach, -reach, reach)
    for axes, (title, (points, decided)) in zip(row, players.items()):
        shade = axes.contourf(decided, np.linspace(0, 1, 11), extent=square, cmap="cividis")
        axes.contour(decided, [0.5], extent=square, colors="white", linewidths=0.7, linestyles="dashed")
        axes.scatter(*np.asarray(points).T, s=9, **POINTS["refined"], zorder=3)
        axes.scatter(*np.asarray(real).T, s=14, **POINTS["real"], zorder=4)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        axes.set_title(title, fontsize=10)
    figure.colorbar(shade, ax=row.tolist(), label="generated?", ticks=[0, 0.5, 1], fraction=0.05)
    return figure, (f"{len(players)} maps of the plane, {', '.join(players)}: what the discriminator calls generated, real points "
                    "on a ring of eight places, and the generated points of now.")


def bands_figure(panels, x, y, level=None):
    """Curves with their intervals, a panel above the other: side by side a phone would make them too small.

    panels: {title: {name: (places (n,), means (n,), lows (n,), highs (n,))}}; lows None: no interval is drawn.  Names look alike
    in all panels.  x, y: what the axes are called.  level: (value, what it is), a dotted line.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    looks = {name: look | {"marker": ""} for name, look in zip(names, SERIES, strict=False)}
    figure, grid = canvas(len(panels), 1, (4.7, 2.9), sharey=True)
    row, said = grid[:, 0], []
    for axes, (title, curves) in zip(row, panels.items()):
        for name, (places, means, lows, highs) in curves.items():
            line, = axes.plot(places, means, linewidth=1.8, label=name, **looks[name])
            said.append(f"{name} from ≈{means[0]:.2g} to ≈{means[-1]:.2g}")
            if lows is not None:
                axes.fill_between(places, lows, highs, color=line.get_color(), alpha=0.15, linewidth=0)
        if level is not None:
            axes.axhline(level[0], **STYLE["real"] | {"linestyle": ":"}, linewidth=1)
            axes.margins(y=0.12)
            axes.annotate(level[1], (1, level[0]), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
        if len(places) < 5:
            axes.set_xticks(places)
        axes.set_xlabel(x)
        axes.set_title(title, fontsize=10)
        axes.set_ylabel(y)
    lines = {line.get_label(): line for axes in row for line in axes.get_legend_handles_labels()[0]}
    legend_below(figure, list(lines.values()), columns=3)
    return figure, f"{y} over {x}, {' and '.join(panels)}: {', '.join(said)}."


def bars_figure(groups, x, y, level=None):
    """Shares as groups of bars.  groups: {name: shares (n,) in [0, 1]}; bars of one place stand side by side, as %.

    level: (share, what it is), a dotted line.
    """
    figure, ((axes,),) = canvas(1, 1, (4.7, 2.9))
    width = 0.8 / len(groups)
    for i, ((name, shares), look, hatch) in enumerate(zip(groups.items(), SERIES, ("", "//", "..", "xx", "--"))):
        axes.bar(np.arange(len(shares)) + (i - (len(groups) - 1) / 2) * width, 100 * np.asarray(shares), width, label=name,
                 color=look["color"], hatch=hatch, edgecolor="white", linewidth=0.3)
    if level is not None:
        axes.axhline(100 * level[0], color="black", linestyle=":", linewidth=1, label=level[1])
    axes.set(xlabel=x, ylabel=y, ylim=(0, 103), xticks=range(len(shares)))
    legend_below(figure, axes.get_legend_handles_labels()[0])
    found = "; ".join(f"{name} ≈{100 * np.asarray(shares).mean():.0f} on average" for name, shares in groups.items())
    return figure, f"{y}, by {x}: {found}."
