"""Figures of notebook 09: gaze estimation."""

import numpy as np

from ..evaluation.statistics import cumulative_curve, curve_interval
from ..gaze import angular_error_deg, gaze_vector
from .base import (
    PAPERS,
    TRAINING_SETS,
    WIDTH,
    canvas,
    legend_below,
    looks,
    real_name,
    share_axes,
    show_image,
    training_set_name,
)


def gaze_arrows_figure(images, truth, answers, titles, width=7.2):
    """Eyes with where they look (white, outlined) and where an estimator thinks they look (dashed), as arrows.

    images: uint8 (N, 1, H, W).  truth, answers: (N, 2) pitch and yaw, radians.  titles: one for each image.
    """
    high, wide = images.shape[-2:]
    figure, (row,) = canvas(1, len(images), (width / len(images), width / len(images) * high / wide + 0.3))
    middle = np.array([wide - 1, high - 1]) / 2
    looks = ("white", "-", "o"), ("#F0E442", "--", "^")                          # Okabe and Ito's yellow: seen on dark
    for axes, image, gazes, title in zip(row, images, zip(truth, answers), titles):
        show_image(axes, image, vmin=0, vmax=255).set_title(title, fontsize=9)
        for gaze, (colour, style, mark) in zip(gazes, looks):
            end = middle + (0.9 * wide * gaze_vector(gaze)[:2]).tolist()
            for look in ({"color": "black", "linewidth": 4}, {"color": colour, "linewidth": 2, "linestyle": style}):
                axes.plot(*zip(middle, end), **look, solid_capstyle="butt", dash_capstyle="butt")
            axes.plot(*end, mark, color=colour, markeredgecolor="black", markersize=7)
        axes.set(xlim=(-0.5, wide - 0.5), ylim=(high - 0.5, -0.5))
    wrong = angular_error_deg(answers, truth)
    named = ", ".join(f"{title} (wrong by ≈{error:.0f} degrees)" for title, error in zip(titles, wrong.tolist()))
    return figure, (f"{len(images)} eyes, each with two lines from its middle: where it looks (solid, dot) and where the "
                    f"estimator thinks it looks (dashed, triangle): {named}.")


def _curve(axes, degrees, shares, key, domain, **how):
    """The curve of a training set: one of 4x has the line of its kind, with markers on it.  Returns its legend entry."""
    line, dots = looks(key, domain)
    marker = dots["marker"] if key.endswith("_4x") else None
    return axes.plot(degrees, shares, **line, linewidth=1.8, marker=marker, markersize=5, **how)[0]


def gaze_curve_intervals(errors, groups=None, domain="stand-in", limit=16, within=7.0):
    """Share of test images whose gaze is wrong by at most d degrees, over d, with its 95 % interval as a shade.

    errors: {training set, such as "synthetic" or "refined_4x": angular errors in degrees (N,)}.  groups: N names; whole
    groups are resampled.  Paper: Figure 7.
    """
    degrees = np.linspace(0, limit, 4 * limit + 1)
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.6))
    handles, said = [], []
    for key, wrong in errors.items():
        share, name = cumulative_curve(wrong, [within])[0], training_set_name(key, domain)
        curve = _curve(axes, degrees, cumulative_curve(wrong, degrees), key, domain, markevery=8, label=f"{name}: {share:.0f} %")
        axes.fill_between(degrees, *curve_interval(wrong, degrees, groups), color=curve.get_color(), alpha=0.15, linewidth=0)
        handles.append(curve)
        said.append(f"{name} ≈{share:.0f} %")
    share_axes(axes, limit, within)
    legend_below(figure, handles, 1, title=f"trained on: share within {within:g} degrees (dotted line)")
    return figure, (f"Share of {real_name(domain)} test images over the largest gaze error allowed, by training set, with "
                    f"intervals; within {within:g} degrees are: {', '.join(said)}.")


def recorded_curves(runs, limit=16, within=7):
    """Share of test images whose gaze is wrong by at most d degrees, over d, of recorded runs: a panel for each.

    runs: {title: (domain, {training set: shares in % at 0, 1, 2 ... degrees, at least to `limit`})}.  Paper: Figure 7.
    """
    figure, (panels,) = canvas(1, len(runs), (7.2 / len(runs), 3.9), sharey=True)
    handles, said = {}, []
    for axes, (title, (domain, curves)) in zip(panels, runs.items()):
        for key, shares in curves.items():
            name = training_set_name(key, domain)
            handles[name] = _curve(axes, range(limit + 1), shares[:limit + 1], key, domain, markevery=3, label=name)
        share_axes(axes, limit, within)
        axes.set(title=title, xticks=range(0, limit + 1, 4))
        said.append(f"{title}, " + ", ".join(f"{training_set_name(key, domain)} ≈{shares[within]:.0f} %"
                                             for key, shares in curves.items()))
    for axes in panels[1:]:
        axes.set_ylabel("")
    legend_below(figure, list(handles.values()), 2, title=f"trained on (dotted line: {within} degrees)")
    return figure, f"Share of test images over the largest gaze error allowed; within {within} degrees: {'; '.join(said)}."


def within_shares(rows, domain="stand-in"):
    """Share of test images within 7 degrees for each training set, with its interval, and the paper's number beside.

    rows: {training set: (share in %, (low, high), the paper's share or None)}.  Paper: Table 2.
    """
    figure, ((axes,),) = canvas(cell=(WIDTH, 1.1 + 0.42 * len(rows)))
    for y, (key, (share, (low, high), theirs)) in enumerate(rows.items()):
        _, look = looks(key, domain)
        axes.plot([low, high], [y, y], color=look["color"], linewidth=2, zorder=2)
        axes.scatter(share, y, s=60, zorder=4, **look)
        if theirs is not None:
            paper = axes.scatter(theirs, y, **PAPERS)
    axes.set_yticks(range(len(rows)), [training_set_name(key, domain) for key in rows], fontsize=9)
    axes.set(xlabel="test images within 7 degrees, %", ylim=(len(rows) - 0.5, -0.5))
    axes.grid(axis="x", color="0.9")
    ours, = axes.plot([], [], color="0.4", marker="o", linewidth=2, label="here: mean of the seeds, interval over images")
    paper.set_label("the paper, on MPIIGaze (1x: reported)")
    legend_below(figure, [ours, paper], columns=1)
    said = ", ".join(f"{training_set_name(key, domain)} ≈{share:.0f} %" for key, (share, _, _) in rows.items())
    return figure, f"Share of {real_name(domain)} test images within 7 degrees by training set: {said}; the paper's beside."


def methods_figure(compared, domain="stand-in"):
    """Mean gaze error of methods by what they were trained on, and the paper's numbers as open marks (article, Figure 12).

    compared: {method: {training set: degrees, "paper": (trained on other people's real eyes, on synthetic, on refined)}},
    as `gaze_methods.methods_compared` gives it.
    """
    keys = [key for key in TRAINING_SETS if any(key in found for found in compared.values())]
    theirs = {"real": "paper: real eyes of other people", "synthetic": "paper: synthetic", "refined": "paper: refined"}
    hollow = {key: {"marker": looks(key, "real")[1]["marker"], "edgecolor": looks(key, "real")[1]["color"], "facecolor": "none",
                    "linewidth": 1.3, "s": 45} for key in theirs}
    figure, ((axes,),) = canvas(cell=(WIDTH, 1.4 + 0.6 * len(compared)))
    for y, found in enumerate(compared.values()):
        for at, key in enumerate(keys):
            if key in found:                                            # one below the other: they may be equal
                axes.scatter(found[key], y - 0.3 + 0.15 * at, s=32, zorder=4, **looks(key, domain)[1])
        for value, key in zip(found["paper"], theirs):
            if value is not None:
                axes.scatter(value, y + 0.32, **hollow[key])
    axes.set(xlabel="mean gaze error, degrees", xlim=(0, None), ylim=(len(compared) - 0.5, -0.6), yticks=range(len(compared)),
             yticklabels=[name.replace("linear ", "linear\n") for name in compared])
    axes.grid(axis="x", color="0.9")
    marks = [axes.scatter([], [], s=50, label=training_set_name(key, domain), **looks(key, domain)[1]) for key in keys]
    marks += [axes.scatter([], [], label=label, **hollow[key]) for key, label in theirs.items()]
    legend_below(figure, marks, 2, title="trained on (open: the paper, tested on MPIIGaze)")
    said = [f"{method}: " + ", ".join(f"{training_set_name(key, domain)} ≈{found[key]:.1f}" for key in keys if key in found)
            for method, found in compared.items()]
    return figure, f"Mean gaze error in degrees by method and training set. {'; '.join(said)}. Open marks: the paper's numbers."
