"""Figures of notebook 09: gaze estimation."""

import numpy as np

from ..evaluation.statistics import cumulative_curve, curve_interval
from ..gaze import angular_error_deg, gaze_vector
from .base import PAPERS, WIDTH, canvas, legend_below, looks, real_name, share_axes, show_image, training_set_name


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


def _line(key, domain):
    """(line, marker) of a training set: a set of 4x has the line of its kind, with markers on it."""
    line, dots = looks(key, domain)
    return line, dots["marker"] if key.endswith("_4x") else None


def gaze_curve_intervals(errors, groups=None, domain="stand-in", limit=16, within=7.0):
    """Share of test images whose gaze is wrong by at most d degrees, over d, with its 95 % interval as a shade.

    errors: {training set, such as "synthetic" or "refined_4x": angular errors in degrees (N,)}.  groups: N names; whole
    groups are resampled.  Paper: Figure 7.
    """
    degrees = np.linspace(0, limit, 4 * limit + 1)
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.6))
    handles, said = [], []
    for key, wrong in errors.items():
        line, marker = _line(key, domain)
        share, name = cumulative_curve(wrong, [within])[0], training_set_name(key, domain)
        axes.fill_between(degrees, *curve_interval(wrong, degrees, groups), color=line["color"], alpha=0.15, linewidth=0)
        handles += axes.plot(degrees, cumulative_curve(wrong, degrees), **line, linewidth=1.8, marker=marker, markevery=8,
                             markersize=5, label=f"{name}: {share:.0f} %")
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
            line, marker = _line(key, domain)
            name = training_set_name(key, domain)
            handles[name], = axes.plot(range(limit + 1), shares[:limit + 1], **line, linewidth=1.8, marker=marker, markevery=3,
                                       markersize=5, label=name)
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
