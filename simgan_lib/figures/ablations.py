"""Figures of notebook 07: ablations and failures."""

import numpy as np

from .base import SERIES, STYLE, canvas


def forest_figure(panels, width=7.2):
    """Differences to a base, with their 95 % intervals: one row an ablation, one panel a measure.

    panels: {measure with its unit: {row: {"mean", "low", "high", "values"}}}, values being one a seed; rows as in the
    first panel.  A filled mark: the interval leaves 0 out.  An arrow: the interval goes on beyond the panel; a number
    there: so does the mean.  A seed beyond it is a dot on its edge.
    """
    rows = list(next(iter(panels.values())))
    figure, (line,) = canvas(1, len(panels), (width / len(panels), 0.9 + 0.24 * len(rows)), sharey=True)
    clear = []
    for axes, (title, found) in zip(line, panels.items()):
        # A fifth of the rows may lie beyond: one outlier would hide all others.
        reach = 1.6 * np.quantile([abs(each["mean"]) for each in found.values()], 0.8)
        for y, name in enumerate(rows):
            if name in found and _forest_row(axes, y, found[name], reach):
                clear.append(f"{name} ({title}) by ≈{found[name]['mean']:+.2f}")
        axes.axvline(0, color="black", linewidth=0.8, linestyle="--", zorder=0)
        axes.set(xlim=(-reach, reach), ylim=(len(rows) - 0.5, -0.5), axisbelow=True)
        axes.set_xlabel(title, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(axis="y", color="0.92")
    line[0].set_yticks(range(len(rows)), rows)
    return figure, (f"Differences of {len(rows)} ablations to the base in {len(panels)} measures, with 95 % intervals. "
                    f"Intervals without 0: {'; '.join(clear) or 'none'}.")


def _forest_row(axes, y, found, reach):
    """One interval, the seeds as small dots below it.  Returns whether 0 is outside the interval."""
    style, beyond = STYLE["refined"], bool(found["low"] > 0 or found["high"] < 0)
    low, high = (np.clip(found[end], -reach, reach) for end in ("low", "high"))
    axes.plot([low, high], [y, y], color=style["color"], linewidth=1.8, zorder=1)
    for goes_on, limit, mark in ((found["low"] < -reach, -reach, "<"), (found["high"] > reach, reach, ">")):
        if goes_on:
            axes.plot(limit, y, mark, color=style["color"], markersize=5, clip_on=False)
    if abs(found["mean"]) <= reach:
        axes.plot(found["mean"], y, "^", color=style["color"], markersize=6.5, markerfacecolor=None if beyond else "white")
    else:
        left = found["mean"] < 0
        axes.text((-0.88 if left else 0.88) * reach, y, f"{found['mean']:+.2g}{'*' if beyond else ''}", fontsize=8,
                  va="center", ha="left" if left else "right", backgroundcolor="white", bbox={"color": "white", "pad": 0.5})
    axes.plot(np.clip(found["values"], -reach, reach), [y + 0.3] * len(found["values"]), ".", color="0.3", markersize=3,
              clip_on=False)
    return beyond


def rising_figure(curves, unit="strength of the pattern, gray levels", levels=None, width=7.2):
    """How measures answer to a growing disturbance: a panel a measure, a line a disturbance.

    curves: {measure: {disturbance: (strengths, values)}}.  levels: {measure: (value, what it is)}, a line for comparison.
    """
    figure, (row,) = canvas(1, len(curves), (width / len(curves), 2.7))
    for axes, (measure, lines) in zip(row, curves.items()):
        for (name, points), look in zip(lines.items(), SERIES):
            axes.plot(*points, **look, markersize=4, label=name)
        if levels and measure in levels:
            value, what = levels[measure]
            axes.axhline(value, color="black", linewidth=0.9, linestyle=(0, (1, 2)), label=what)
        axes.set(title=measure, xlabel=unit, ylim=(0, None))
    handles, names = row[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=8, handlelength=3.2)
    ends = [f"{measure}: " + ", ".join(f"{name} from ≈{points[1][0]:.1f} to ≈{points[1][-1]:.1f}" for name, points in lines.items())
            for measure, lines in curves.items()]
    return figure, f"How measures answer to growing disturbances. {'; '.join(ends)}."
