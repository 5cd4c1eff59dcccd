"""Figures of notebook 06: feature-space self-regularization."""

import torch

from .base import SERIES, canvas, show_image


def psi_figure(rows, width=7.2, says=""):
    """What several psi see of images: a table of maps, one row an image, one column a psi.

    rows: {image's name: {psi's name: map, (H, W), or an image (3, H, W) in [0, 1]}}, all of the same columns.  The maps
    of a column share their gray scale, so that what differs between rows differs for psi.  says: what is to be seen.
    """
    columns = list(next(iter(rows.values())))
    figure, grid = canvas(len(rows), len(columns), (width / len(columns), 0.75 * width / len(columns)))
    for axes, column in zip(grid.T, columns):
        shown = [torch.as_tensor(row[column]) for row in rows.values()]
        limits = {"vmin": min(float(m.min()) for m in shown), "vmax": max(float(m.max()) for m in shown)}
        for place, one in zip(axes, shown):
            show_image(place, one if one.ndim == 3 else one.numpy(), **limits)
        axes[0].set_title(column, fontsize=9)
    for axes, name in zip(grid[:, 0], rows):
        axes.set_ylabel(name, fontsize=9)
    return figure, f"{len(rows)} rows ({', '.join(rows)}), each an eye as psi sees it: {', '.join(columns)}. {says}".rstrip()


def trade_figure(families, references):
    """What refining gained, to the left, against what it lost, downwards: one line a psi, one mark a lambda.

    families: {psi: {lambda: (distance to the ideal, pupils in place in percent)}}; references: {name: the same pair}.
    """
    figure, ((axes,),) = canvas(cell=(5.2, 3.4))
    for (psi, points), look in zip(families.items(), SERIES):
        axes.plot(*zip(*points.values()), **look, markersize=9, label=psi)
        for weight, point in points.items():
            axes.annotate(f"λ = {weight:g}", point, (9, -3), textcoords="offset points", fontsize=8)
    for name, point in references.items():
        axes.plot(*point, "+", color="0.35", markersize=11, markeredgewidth=2)
        axes.annotate(name, point, (0, 8), textcoords="offset points", fontsize=8, color="0.25", ha="center")
    axes.margins(x=0.16, y=0.2)
    axes.set(xlabel="distance to the ideal images, gray levels", ylabel="pupils in place, %", ylim=(None, 104))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    said = "; ".join(f"{psi} with λ = {weight:g}: ≈{x:.0f} gray levels, ≈{y:.0f} %"
                     for psi, points in families.items() for weight, (x, y) in points.items())
    return figure, f"Distance to the ideal images against pupils in place: {said}."


def price_lines_figure(strengths, prices, unit):
    """What each psi charges for light of growing strength: one line a psi.

    strengths: (T,) from 0 to 1.  prices: {psi: (T,)} in units of what `unit` costs.
    """
    figure, ((axes,),) = canvas(cell=(5.2, 3.0))
    for (psi, values), look in zip(prices.items(), SERIES):
        axes.plot(strengths, values, **look, markersize=5, label=psi)
    axes.axhline(1, color="0.6", linewidth=1)
    axes.set(xlabel="how far the sun is down", ylabel=f"price / price of {unit}", xlim=(0, 1), ylim=(0, None))
    axes.legend(frameon=False, fontsize=9)
    ends = ", ".join(f"{psi} ≈{values[-1]:.1f}" for psi, values in prices.items())
    return figure, f"Price of evening light over its strength, in units of {unit}; at full strength: {ends}."
