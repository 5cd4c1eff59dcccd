"""The figures of a run's report, after the paper's and the article's: one function for each.

Each takes data and returns (matplotlib Figure, one sentence that says what it shows: its alternative text).  All are
narrow enough to be read on a phone.  `domain` is "stand-in" or the name of a real data set.  In the sentences a
measured number follows a sign of approximation, as everywhere in the kit's notebooks.
Taught in: notebook 05.
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch

from .figures import POINTS, STYLE, canvas, montage, show_image

WIDTH = 5.2                                       # inches
LN2 = math.log(2)                                 # loss a patch of a discriminator that can only guess
TRAINING_SETS = ("synthetic", "synthetic_matched", "refined", "oracle")
# What only a report shows: histogram-matched synthetic images and the discriminator.  Okabe and Ito's colours again.
LINES = {**STYLE, "synthetic_matched": {"color": "#56B4E9", "linestyle": (0, (7, 1.5, 1.5, 1.5, 1.5, 1.5))}}
DOTS = {**POINTS, "synthetic_matched": {**POINTS["synthetic"], "color": "#56B4E9", "marker": "v"}}
DISCRIMINATOR = {"color": "#009E73", "linestyle": "--"}


def real_name(domain):
    """What the unlabelled images are called: stand-in eyes are never called real."""
    return "stand-in" if domain == "stand-in" else "real"


def training_set_name(key, domain):
    """What a key of `metrics["gaze_error_deg"]` is called in figures and tables."""
    names = {"synthetic_matched": "synthetic, histogram-matched", "oracle": f"{real_name(domain)} with labels"}
    return names.get(key, key)


def _style_key(key, domain):
    return real_name(domain) if key in ("oracle", "real") else key


def examples(real, synthetic, refined, domain="stand-in", columns=6, rows=2):
    """Real, synthetic and refined eyes, each refined one right below the synthetic one that it was made from.

    real, synthetic, refined: uint8 (N, C, H, W), N at least rows * columns; the first ones are shown.
    Raises ValueError if there are fewer, or the sizes differ.  Article: Figure 10.
    """
    if min(len(real), len(synthetic), len(refined)) < rows * columns:
        raise ValueError(f"expected at least {rows * columns} images of each kind, found {len(real)} {real_name(domain)}, "
                         f"{len(synthetic)} synthetic, {len(refined)} refined")
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
    """A figure of montages one below the other.  strips: lists of (name, images); within a list they stand close."""
    sheets = [montage(torch.cat([images for _, images in strip]), columns) for strip in strips]
    heights = [sheet.shape[0] / sheet.shape[1] for sheet in sheets]
    room = 0.8 if strips[0][0][0] else 0.1                                         # names on the left, inches
    figure = Figure(figsize=(WIDTH, (WIDTH - room) * sum(heights) + 0.12 * len(sheets)), layout="constrained")
    grid = figure.subplots(len(sheets), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, strip, sheet in zip(grid, strips, sheets):
        show_image(axes, sheet, vmin=0, vmax=255)
        middles = (np.arange(len(strip)) + 0.5) * sheet.shape[0] / len(strip) - 0.5
        axes.set_yticks(middles, [name for name, _ in strip])
        axes.tick_params(left=False)
    return figure


def losses(records):
    """Both losses over the steps, with their running mean; ln 2 is what a discriminator that can only guess gets.

    records: `training.Record.numbers()` of each step.  Article: Figure 7.
    """
    figure, ((axes,),) = canvas(cell=(WIDTH, 3.4))
    handles, said = [], []
    for key, name, look in (("discriminator", "discriminator's loss a patch", DISCRIMINATOR),
                            ("adversarial", "refiner's adversarial loss a patch", STYLE["refined"])):
        points = np.array([(r["step"], r[key]) for r in records if r.get(key) is not None]).reshape(-1, 2)
        smooth = _running_mean(points[:, 1], max(1, len(points) // 40))
        axes.plot(*points.T, color=look["color"], alpha=0.25, linewidth=0.7)
        handles += axes.plot(points[:, 0], smooth, **look, linewidth=2, label=name)
        if len(points):
            said.append(f"the {name} goes from ≈{smooth[0]:.2f} to ≈{smooth[-1]:.2f}")
    handles.append(axes.axhline(LN2, color="black", linewidth=1, linestyle=":", label=f"ln 2 = {LN2:.2f}, a guess"))
    handles += _shade_warm_ups(axes, records)
    axes.set(xlabel="step", ylabel="loss a patch, nats", ylim=(0, None), xlim=(0, max(r["step"] for r in records)))
    _legend_below(figure, handles)
    return figure, f"Both losses over ≈{records[-1]['step']} steps: {'; '.join(said)}; ln 2 is marked."


def _running_mean(values, width):
    """Mean over `width` neighbours, fewer at the ends, so that the line is as long as the data."""
    kernel = np.ones(min(width, len(values)) or 1)
    ones = np.ones(len(values))
    return np.convolve(values, kernel, "same") / np.convolve(ones, kernel, "same") if len(values) else values


def _shade_warm_ups(axes, records):
    """Gray where only one network learns; returns legend entries."""
    handles = []
    for phase, shade, hatch in (("refiner warm-up", "0.88", ""), ("discriminator warm-up", "0.75", "////")):
        steps = [r["step"] for r in records if r["phase"] == phase]
        if steps:
            look = {"facecolor": shade, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
            axes.axvspan(min(steps) - 1, max(steps), zorder=0, **look)
            handles.append(Patch(**look, label=phase))
    return handles


def _legend_below(figure, handles, columns=2):
    """A legend under the axes: it can hide no data, and a phone shows it whole."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


def gaze_curves(errors, domain="stand-in", limit=25.0, within=7.0):
    """Share of test images whose gaze is wrong by at most d degrees, over d: one line a training set.

    errors: {"synthetic" | "synthetic_matched" | "refined" | "oracle": [angular errors in degrees (N,), one a seed]}.
    Several seeds are thin lines with their mean.  Paper: Figure 7; article: Figure 11.
    """
    figure, ((axes,),) = canvas(cell=(WIDTH, 4.2))
    degrees = np.linspace(0, limit, 251)
    handles, said = [], []
    for key in (k for k in TRAINING_SETS if k in errors):
        look, name = LINES[_style_key(key, domain)], training_set_name(key, domain)
        seeds = [_share_within(np.asarray(e, dtype=float), degrees) for e in errors[key]]
        share = np.mean([_share_within(np.asarray(e, dtype=float), [within])[0] for e in errors[key]])
        for line in seeds if len(seeds) > 1 else []:
            axes.plot(degrees, line, color=look["color"], linewidth=0.6, alpha=0.6)
        handles += axes.plot(degrees, np.mean(seeds, 0), **look, linewidth=2, label=f"{name}: {share:.0f} %")
        said.append(f"{name} ≈{share:.0f} %")
    axes.axvline(within, color="0.4", linewidth=1, linestyle=(0, (1, 3)))
    axes.text(within + limit / 100, 1, f"{within:g} degrees", color="0.3", fontsize=8)
    axes.set(xlabel="gaze error, degrees", ylabel="test images with at most this error, %", xlim=(0, limit), ylim=(0, 100))
    axes.legend(handles=handles, title=f"trained on: within {within:g} degrees", loc="lower right", fontsize=8,
                title_fontsize=8, handlelength=3.2)
    return figure, (f"Share of {real_name(domain)} test images over the largest gaze error allowed, by training set; "
                    f"within {within:g} degrees are: {', '.join(said)}.")


def _share_within(errors, degrees):
    """Percentage of errors at most each of `degrees`."""
    return 100 * np.searchsorted(np.sort(errors), degrees, side="right") / len(errors)


def gaze_errors(gaze_error_deg, published, domain="stand-in"):
    """Mean gaze error for each training set, with the paper's numbers beside.

    gaze_error_deg: {training set: {"mean", "sd", "n"}}, as in metrics.json; where it holds "values", one a seed, these
    are small dots.  The bar is one standard deviation between seeds to either side.  published: {training set: degrees}.
    Paper: Table 3; article: Figure 12.
    """
    keys = [key for key in TRAINING_SETS if key in gaze_error_deg]
    figure, ((axes,),) = canvas(cell=(WIDTH, 0.9 + 0.55 * len(keys)))
    for y, key in enumerate(keys):
        found, look = gaze_error_deg[key], DOTS[_style_key(key, domain)]
        axes.errorbar(found["mean"], y, xerr=found.get("sd") or 0, color=look["color"], capsize=4, linewidth=2, zorder=2)
        axes.scatter(found.get("values", []), [y] * len(found.get("values", [])), color=look["color"], s=9, zorder=3)
        axes.scatter(found["mean"], y, s=70, zorder=4, **look)
        axes.annotate(f"{found['mean']:.1f}", (found["mean"], y), (0, 9), textcoords="offset points", ha="center")
        if key in published:
            axes.scatter(published[key], y, s=70, marker="d", facecolor="none", edgecolor="black", zorder=3)
    entry = axes.scatter([], [], s=70, marker="d", facecolor="none", edgecolor="black", label="the paper, on MPIIGaze")
    axes.set_yticks(range(len(keys)), [training_set_name(key, domain).replace(", ", ",\n") for key in keys])
    largest = max([gaze_error_deg[k]["mean"] + (gaze_error_deg[k].get("sd") or 0) for k in keys] + [*published.values()])
    axes.set(xlabel=f"mean gaze error on {real_name(domain)} test images, degrees", xlim=(0, 1.08 * largest),
             ylim=(len(keys) - 0.5, -0.7))
    axes.grid(axis="x", color="0.9")
    if published:
        _legend_below(figure, [entry])
    said = ", ".join(f"{training_set_name(key, domain)} ≈{gaze_error_deg[key]['mean']:.1f}" for key in keys)
    paper = ", ".join(f"{key} {value:g}" for key, value in published.items())
    return figure, f"Mean gaze error in degrees by training set: {said}; the paper has: {paper or 'no such numbers'}."


def pupil_shifts(shifts, estimator_error=None, limit=None):
    """Where the pupil's centre moved when each image was refined, one dot an image; the circle is the mean distance.

    shifts: (N, 2) pixels, x to the right and y down.  estimator_error: mean distance, in pixels, by which the estimator
    of the centre itself is wrong on images whose centre is known.  Article: Figure 9.
    """
    shifts = np.asarray(shifts, dtype=float)
    distance = np.hypot(*shifts.T)
    mean, limit = distance.mean(), limit or max(2.0, 1.25 * np.percentile(distance, 98))
    figure, ((axes,),) = canvas(cell=(WIDTH * 0.85, WIDTH * 0.88))
    inside = (np.abs(shifts) <= limit).all(1)
    axes.scatter(*shifts[inside].T, s=14, alpha=0.6, **{**POINTS["refined"], "linewidth": 0.2})
    circles = [Circle((0, 0), mean, fill=False, linewidth=2, label=f"mean distance: {mean:.2f} px")]
    if estimator_error is not None:
        circles.append(Circle((0, 0), estimator_error, fill=False, linestyle="--", linewidth=1.5,
                              label=f"error of the estimator itself: {estimator_error:.2f} px"))
    for circle in circles:
        axes.add_patch(circle)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="shift to the right, px", ylabel="shift down, px", xlim=(-limit, limit), ylim=(limit, -limit), aspect=1)
    _legend_below(figure, circles, columns=1)
    outside = len(shifts) - int(inside.sum())
    axes.set_title(f"{len(shifts)} images" + (f", {outside} of them outside" if outside else ""), fontsize=9)
    own = "" if estimator_error is None else f"; the estimator itself is wrong by ≈{estimator_error:.2f} px"
    return figure, (f"Shifts of the pupil's centre in {len(shifts)} images: a cloud around zero, ≈{mean:.2f} px from it "
                    f"on average (circle), ≈{outside} outside the picture{own}.")


def gray_levels_and_spectra(groups, domain="stand-in"):
    """How often each gray level occurs, and how much power each spatial frequency has, one line a kind of image.

    groups: {"synthetic" | "refined" | "real": uint8 images (N, C, H, W)}.
    """
    figure, ((levels,), (spectra,)) = canvas(2, 1, cell=(WIDTH, 2.9))
    handles, said = [], []
    for key, images in groups.items():
        name = real_name(domain) if key == "real" else key
        gray = torch.as_tensor(images).float().mean(1).cpu().numpy()
        counts, edges = np.histogram(gray, bins=32, range=(0, 256))
        handles += levels.plot((edges[1:] + edges[:-1]) / 2, 100 * counts / counts.sum(), label=name, linewidth=2,
                               **LINES[name])
        frequency, power = radial_spectrum(gray)
        spectra.semilogy(frequency, power, linewidth=2, **LINES[name])
        said.append(f"{name} ≈{gray.mean():.0f} and ≈{gray.std():.0f}")
    levels.set(xlabel="gray level", ylabel="share of pixels, %", xlim=(0, 255), ylim=(0, None))
    spectra.set(xlabel="spatial frequency, cycles a pixel", ylabel="power, gray levels²", xlim=(0, 0.5))
    _legend_below(figure, handles, columns=3)
    return figure, (f"Histogram of gray levels, and power over spatial frequency.  Mean and deviation of the gray levels: "
                    f"{', '.join(said)}.")


def radial_spectrum(gray, bins=16):
    """(frequencies, mean power at each): gray images (N, H, W), frequencies in cycles a pixel, up to 0.5.

    A Hann window keeps the images' borders, which do not match when tiled, from leaking into all frequencies.  The power
    is scaled so that white noise of variance v has power v at every frequency.
    """
    gray = np.asarray(gray, dtype=float)
    window = np.outer(np.hanning(gray.shape[1] + 2)[1:-1], np.hanning(gray.shape[2] + 2)[1:-1])
    centred = gray - gray.mean((1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(0) / (window ** 2).sum()
    radius = np.hypot(np.fft.fftfreq(gray.shape[1])[:, None], np.fft.fftfreq(gray.shape[2])[None])
    edges = np.linspace(0, 0.5, bins + 1)
    place = np.digitize(radius, edges) - 1
    means = [power[(place == i) & (radius > 0)].mean() for i in range(bins)]
    return (edges[1:] + edges[:-1]) / 2, np.array(means)
