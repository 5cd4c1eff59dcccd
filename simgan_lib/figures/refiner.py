"""Figures of notebook 02: refiner and self-regularization."""

import numpy as np

from .base import canvas


def price_figure(prices, unit, harmful):
    """What several psi charge for several changes of an image: a table, one row a psi, brighter where it is dearer.

    prices: {psi: {change: price}}, positive, in units of the change `unit`.  harmful: how many changes, the first ones,
    should be dear; a line parts them from the others.
    """
    changes = list(next(iter(prices.values())))
    table = np.array([[row[change] for change in changes] for row in prices.values()])
    figure, ((axes,),) = canvas(1, 1, (7.2, 0.5 + 0.38 * len(prices)))
    axes.imshow(np.log2(table.clip(1 / 16, 16)), cmap="cividis", vmin=-4, vmax=4, aspect="auto")
    for (y, x), price in np.ndenumerate(table):
        axes.text(x, y, f"{price:.2f}", ha="center", va="center", color="black" if price > 0.7 else "white")
    axes.axvline(harmful - 0.5, color="white", linewidth=4)
    for first, last, kind in ((0, harmful, "must be dear"), (harmful, len(changes), "may be cheap")):
        axes.annotate(kind, ((first + last - 1) / 2, -0.5), (0, 22), textcoords="offset points", ha="center", fontweight="bold")
    axes.set(xticks=range(len(changes)), xticklabels=changes, yticks=range(len(prices)), yticklabels=prices)
    axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, left=False, length=0)
    axes.spines[:].set_visible(False)
    rows = [f"{psi}: " + ", ".join(f"{change} ≈{row[change]:.1f}" for change in changes) for psi, row in prices.items()]
    return figure, (f"A table of prices, relative to {unit}; {', '.join(changes[:harmful])} must be dear, "
                    f"{', '.join(changes[harmful:])} may be cheap. {'; '.join(rows)}.")
