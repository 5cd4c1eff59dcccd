"""The figures of a run's report, after the paper's and the article's: one function for each.

All are narrow enough to be read on a phone.  `domain` is "stand-in" or the name of a real data set.  In the sentences a
measured number follows a sign of approximation, as everywhere in the kit's notebooks.  Taught in: notebook 05.
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ..evaluation.realism import power_spectrum
from ..evaluation.statistics import cumulative_curve
from ..matching import gray_levels
from .base import (
    PAPERS,
    POINTS,
    STYLE,
    TRAINING_SETS,
    WIDTH,
    canvas,
    legend_below,
    looks,
    montage,
    real_name,
    share_axes,
    show_image,
    training_set_name,
)

LN2 = math.log(2)                                 # loss a patch of a discriminator that can only guess
CLOSE, WIDE = 2.0, 8.0                            # px that a panel of pupil shifts shows each way
DISCRIMINATOR = {"color": "#009E73", "linestyle": "--"}


def examples(real, synthetic, refined, domain="stand-in", columns=6, rows=2):
    """Real, synthetic and refined eyes, each refined one right below the synthetic one that it was made from.

    real, synthetic, refined: uint8 (N, C, H, W), N at least rows * columns; the first ones are shown.
    Raises ValueError if there are fewer, or the sizes differ.  Article: Figure 10.
    """
    if min(len(real), len(synthetic), len(refined)) < rows * columns:
        raise ValueError(f"expected at least {rows * columns} images of each kind, found {len(real)} "
                         f"{real_name(domain)}, {len(synthetic)} synthetic, {len(refined)} refined")
    parts = [slice(i * columns, (i + 1) * columns) for i in range(rows)]
    strips = [[(real_name(domain), real[part]) for part in parts]]
    strips += [[("synthetic", synthetic[part]), ("refined", refined[part])] for part in parts]
    return _sheets(strips, columns), (
        f"Rows of eyes: {rows * columns} {real_name(domain)} ones, then synthetic eyes with the refined image of each "
        "right below it.")


def refinement_over_steps(snapshots, rows=4):
    """How the same images were refined at several steps of training, from left to right; their input on the left.

    snapshots: {heading: uint8 images (N, C, H, W)}, such as {"input": ..., "step 50": ..., "step 450": ...}.
    Article: Figure 6.
    """
    shown = torch.stack([images[:rows] for images in snapshots.values()], 1)       # (rows, steps, C, H, W)
    headings = list(snapshots)
    figure = _sheets([[("", row) for row in shown]], len(headings))
    axes, width = figure.axes[0], shown.shape[-1]
    gap = (axes.images[0].get_array().shape[1] - width) / max(1, len(headings) - 1)
    axes.set_xticks(width / 2 + gap * np.arange(len(headings)) - 0.5, headings, fontsize=8)
    axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, left=False, length=0)
    return figure, (f"{len(shown)} rows, each the same eye as the refiner drew it during training, from left to right: "
                    f"{', '.join(headings)}.")


def _sheets(strips, columns):
    """Montages one below the other.  strips: lists of (name, images); those of one list stand close together."""
    sheets = [montage(torch.cat([images for _, images in strip]), columns) for strip in strips]
    left, top, gap = (0.75, 0.04, 0.1) if strips[0][0][0] else (0.04, 0.24, 0.1)     # inches; names left or on top
    width = WIDTH - left - 0.04
    heights = [width * sheet.shape[0] / sheet.shape[1] for sheet in sheets]
    total = top + sum(heights) + gap * (len(sheets) - 1) + 0.04
    figure, y = Figure(figsize=(WIDTH, total)), total - top
    for strip, sheet, height in zip(strips, sheets, heights):
        axes = figure.add_axes((left / WIDTH, (y - height) / total, width / WIDTH, height / total))
        show_image(axes, sheet, vmin=0, vmax=255)
        middles = (np.arange(len(strip)) + 0.5) * sheet.shape[0] / len(strip) - 0.5
        axes.set_yticks(middles, [name for name, _ in strip], fontsize=9)
        axes.tick_params(left=False)
        y -= height + gap
    return figure


def losses(records):
    """Both losses over the steps, with their running mean; ln 2 is what a discriminator that can only guess gets.

    records: `training.Record.numbers()` of each step.  Article: Figure 7.
    """
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.2))
    handles, said = [], []
    for key, name, look in (("discriminator", "discriminator's loss a patch", DISCRIMINATOR),
                            ("adversarial", "refiner's adversarial loss a patch", STYLE["refined"])):
        points = np.array([(r["step"], r[key]) for r in records if r.get(key) is not None]).reshape(-1, 2)
        smooth = _running_mean(points[:, 1])
        axes.plot(*points.T, color=look["color"], alpha=0.25, linewidth=0.7)
        handles += axes.plot(points[:, 0], smooth, **look, linewidth=2, label=name)
        if len(points):
            said.append(f"the {name} goes from ≈{smooth[0]:.2f} to ≈{smooth[-1]:.2f}")
    handles.append(axes.axhline(LN2, color="black", linewidth=1, linestyle=":", label=f"ln 2 = {LN2:.2f}, a guess"))
    handles += _shade_warm_ups(axes, records)
    axes.set(xlabel="step", ylabel="loss a patch, nats", ylim=(0, None), xlim=(0, max(r["step"] for r in records)))
    legend_below(figure, handles, 1)
    return figure, f"Both losses over ≈{records[-1]['step']} steps: {'; '.join(said)}; ln 2 is marked."


def _running_mean(values):
    """Mean over a fortieth of the values, fewer at the ends, so that the line is as long as the data."""
    kernel, ones = np.ones(max(1, len(values) // 40)), np.ones(len(values))
    return np.convolve(values, kernel, "same") / np.convolve(ones, kernel, "same") if len(values) else values


def _shade_warm_ups(axes, records):
    """Gray where only one network learns; returns legend entries."""
    handles, left = [], 0
    for phase, shade, hatch in (("refiner warm-up", "0.88", ""), ("discriminator warm-up", "0.75", "////")):
        right = max((r["step"] for r in records if r["phase"] == phase), default=left)
        if right > left:
            handles.append(axes.axvspan(left, right, zorder=0, facecolor=shade, hatch=hatch, edgecolor="white", linewidth=0,
                                        label=phase))
        left = right
    return handles


def gaze_curves(errors, domain="stand-in", limit=None, within=7.0):
    """Share of test images whose gaze is wrong by at most d degrees, over d: one line a training set.

    errors: {"synthetic" | "synthetic_matched" | "refined" | "oracle": [angular errors in degrees (N,), one a seed]}.
    Several seeds are thin lines with their mean.  limit: end of the axis, degrees; by default 95 % of all errors fit.
    Paper: Figure 7; article: Figure 11.
    """
    errors = {key: [np.asarray(e, dtype=float) for e in errors[key]] for key in TRAINING_SETS if key in errors}
    limit = limit or 5 * math.ceil(max(np.percentile(np.concatenate(seeds), 95) for seeds in errors.values()) / 5)
    degrees = np.linspace(0, limit, 251)
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.6))
    handles, said = [], []
    for key, seeds in errors.items():
        name, share = training_set_name(key, domain), np.mean([cumulative_curve(e, [within])[0] for e in seeds])
        look, curves = looks(key, domain)[0], np.array([cumulative_curve(e, degrees) for e in seeds])
        if len(seeds) > 1:
            axes.plot(degrees, curves.T, color=look["color"], linewidth=0.6, alpha=0.6)
        handles += axes.plot(degrees, curves.mean(0), **look, linewidth=2, label=f"{name}: {share:.0f} %")
        said.append(f"{name} ≈{share:.0f} %")
    share_axes(axes, limit, within)
    legend_below(figure, handles, 1, title=f"trained on: share within {within:g} degrees (dotted line)")
    return figure, (f"Share of {real_name(domain)} test images over the largest gaze error allowed, by training set; "
                    f"within {within:g} degrees are: {', '.join(said)}.")


def gaze_errors(gaze_error_deg, published, domain="stand-in"):
    """Mean gaze error for each training set, with the paper's numbers beside.

    gaze_error_deg: {training set: {"mean", "sd", "n"}}, as in metrics.json; its "values", one a seed, are small dots
    where there are several.  The bar is one standard deviation between seeds to either side.
    published: {training set: degrees}.  Paper: Table 3; article: Figure 12.
    """
    keys = [key for key in TRAINING_SETS if key in gaze_error_deg]
    figure, ((axes,),) = canvas(cell=(WIDTH, 0.9 + 0.55 * len(keys)))
    for y, key in enumerate(keys):
        found, (_, look) = gaze_error_deg[key], looks(key, domain)
        seeds = found.get("values") or []
        if len(seeds) > 1:
            axes.scatter(seeds, [y + 0.28] * len(seeds), color=look["color"], s=9)
        axes.errorbar(found["mean"], y, xerr=found.get("sd") or 0, color=look["color"], capsize=4, linewidth=2, zorder=2)
        axes.scatter(found["mean"], y, s=70, zorder=4, **look)
        axes.annotate(f"{found['mean']:.1f}", (found["mean"], y), (0, 8), textcoords="offset points", ha="center")
    theirs = [(published[key], y) for y, key in enumerate(keys) if key in published]
    ends = [*published.values(), *(entry["mean"] + (entry.get("sd") or 0) for entry in gaze_error_deg.values())]
    axes.set(xlabel="mean gaze error, degrees", xlim=(0, 1.08 * max(ends)), ylim=(len(keys) - 0.5, -0.7), yticks=range(len(keys)),
             yticklabels=[training_set_name(key, domain).replace(" ", "\n", 1) for key in keys])
    axes.grid(axis="x", color="0.9")
    if theirs:
        legend_below(figure, [axes.scatter(*zip(*theirs), label="the paper, on MPIIGaze", **PAPERS)])
    said = ", ".join(f"{training_set_name(key, domain)} ≈{gaze_error_deg[key]['mean']:.1f}" for key in keys)
    paper = ", ".join(f"{key} {value:g}" for key, value in published.items())
    return figure, f"Mean gaze error in degrees by training set: {said}. The paper has: {paper or 'no such numbers'}."


def pupil_shifts(shifts, estimator_error=None):
    """Where the pupil's centre moved when each image was refined, one dot an image; the circle is the mean distance.

    shifts: (N, 2) pixels, x to the right and y down; images with NaN, where no pupil was found, are left out.
    estimator_error: mean distance, in pixels, by which the estimator of the centre itself is wrong on images whose
    centre is known.  Article: Figure 9.
    """
    shifts = np.asarray(shifts, dtype=float).reshape(-1, 2)
    shifts = shifts[np.isfinite(shifts).all(1)]
    distance = np.hypot(*shifts.T)
    limit = max(2.0, math.ceil(1.1 * np.percentile(distance, 98))) if len(shifts) else 2.0   # a stray dot shrinks nothing
    inside = (np.abs(shifts) <= limit).all(1)
    figure, ((axes,),) = canvas(cell=(WIDTH, WIDTH))
    axes.scatter(*shifts[inside].T, s=14, alpha=0.6, **{**POINTS["refined"], "linewidth": 0.2})
    mean = distance.mean() if len(shifts) else None
    circles = {"mean: {:.2f} px": mean, "error of the pupil finder itself: {:.2f} px": estimator_error}
    legend_below(figure, _around_zero(axes, limit, circles), columns=1)
    beyond = f", {(~inside).sum()} of them outside the picture" if not inside.all() else ""
    axes.set_title(f"{len(shifts)} images{beyond}", fontsize=9)
    if not len(shifts):
        return figure, "An empty picture: the centre of the pupil was found in no image."
    return figure, (f"Shifts of the pupil's centre in {len(shifts)} images, a dot each, around zero; a circle shows the "
                    f"mean distance, ≈{mean:.2f} px; ≈{(~inside).sum()} dots lie outside the picture.")


def _around_zero(axes, limit, circles):
    """A square picture around (0, 0), y down as in images, with a solid and a dashed circle.  Returns the circles drawn.

    circles: {label with a place for the radius: radius in px, None for no circle}.
    """
    for line in (axes.axhline, axes.axvline):
        line(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="shift to the right, px", ylabel="shift down, px", xlim=(-limit, limit), ylim=(limit, -limit), aspect=1)
    return [axes.add_patch(Circle((0, 0), radius, fill=False, linestyle=line, linewidth=1.8, label=label.format(radius)))
            for (label, radius), line in zip(circles.items(), ("-", "--")) if radius is not None]


def gray_levels_and_spectra(groups, domain="stand-in"):
    """How often each gray level occurs, and how much power each spatial frequency has, one line a kind of image.

    groups: {"synthetic" | "synthetic_matched" | "refined" | "real": uint8 images (N, C, H, W)}.
    """
    figure, ((levels,), (spectra,)) = canvas(2, 1, cell=(WIDTH, 2.9))
    handles, said = [], []
    for key, images in groups.items():
        look, _ = looks(key, domain)
        name = real_name(domain) if key == "real" else training_set_name(key, domain)
        spectra.semilogy(*power_spectrum(images), linewidth=2, **look)
        share = gray_levels(images).reshape(32, 8).sum(1).numpy()           # eight gray levels a step
        handles += levels.plot(np.arange(32) * 8 + 3.5, 100 * share, label=name, linewidth=2, **look)
        said.append(f"{name} ≈{images.float().mean():.0f} and ≈{images.float().std():.0f}")
    levels.set(xlabel="gray level", ylabel="share of pixels, %", xlim=(0, 255), ylim=(0, None))
    spectra.set(xlabel="spatial frequency, cycles a pixel", ylabel="power, gray levels²", xlim=(0, 0.5))
    legend_below(figure, handles, columns=2 if len(groups) > 3 else 3)
    return figure, ("Histogram of gray levels, and power over spatial frequency. Mean and deviation of the gray levels "
                    f"are: {', '.join(said)}.")


def centre_differences(groups, published=None, columns=3):
    """`pupil_shifts` of several kinds side by side, so that what is measured and its error can be compared.

    groups: {title: (shifts (N, 2) px, meaning: a key of POINTS)}; NaN are left out.  A cloud that is mostly more than
    CLOSE px from 0 gets a wider panel, whose title says so.  published: a mean distance to draw beside the measured one,
    px.  columns: panels in a row.  Article: Figure 9.
    """
    columns = min(columns, len(groups))
    figure, grid = canvas(math.ceil(len(groups) / columns), columns, (2.6, 3.7))
    panels = list(grid.flat)
    means = [_difference_panel(axes, title, *group, published) for axes, (title, group) in zip(panels, groups.items())]
    for axes in panels[len(groups):]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("shift down, px")
    legend_below(figure, panels[0].patches, min(2, columns))
    said = ", ".join(f"{title} ≈{mean:.2f}" for title, mean in zip(groups, means))
    return figure, (f"Clouds of centre differences around zero, a dot an image; mean distances in px: {said}; "
                    "circles show them" + (f" and the article's {published}." if published else "."))


def _difference_panel(axes, title, shifts, look, published):
    """One cloud and its circles; returns its mean distance, NaN for an empty cloud."""
    found = shifts[shifts.isfinite().all(1)].numpy()
    distance = np.hypot(*found.T)
    mean, wide = (distance.mean(), np.median(distance) > CLOSE) if len(found) else (math.nan, False)
    limit = WIDE if wide else CLOSE
    beyond = (np.abs(found) > limit).any(1).sum()
    axes.scatter(*found.T, s=14, alpha=0.8, **POINTS[look])
    _around_zero(axes, limit, {"measured mean": mean, "the article's mean, {} px": published})
    axes.set(xticks=np.linspace(-limit, limit, 5), yticks=np.linspace(-limit, limit, 5), ylabel="")
    axes.set_title(f"{title}\nmean {mean:.2f} px, {len(found)} of {len(shifts)} images\n±{limit:g} px"
                   + (", WIDER" if wide else "") + (f", {beyond} beyond" if beyond else ""), fontsize=9)
    return mean
