"""Figures: each function takes data and returns the figure and one sentence that describes it (alternative text).

One colour and one line style for each meaning in the whole kit; colour maps are cividis and gray.  So every figure can
be read in gray print and by readers who confuse red and green.
"""

import io
import math
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from PIL import Image

from .files import write_whole
from .gaze import gaze_vector

# Colours of Okabe and Ito.  Lines:  axes.plot(x, y, **STYLE["real"]);  points:  axes.scatter(x, y, **POINTS["real"]).
STYLE = {
    "synthetic": {"color": "#0072B2", "linestyle": "--"},
    "refined": {"color": "#D55E00", "linestyle": "-"},
    "real": {"color": "#000000", "linestyle": "-."},
    "stand-in": {"color": "#CC79A7", "linestyle": ":"},
}
MARKERS = {"synthetic": "s", "refined": "^", "real": "o", "stand-in": "D"}
POINTS = {meaning: {"color": style["color"], "marker": MARKERS[meaning], "edgecolor": "white", "linewidth": 0.4}
          for meaning, style in STYLE.items()}
DPI = 110
GAP = 2                   # pixels between the images of a montage
PAPER = 255               # their colour: white


def canvas(rows=1, columns=1, cell=(3.0, 2.3), **how):
    """An empty figure and its axes (rows, columns), not known to pyplot: shown once, when and where one asks for it.

    cell: width and height of one pair of axes, inches.  how: for `Figure.subplots`, such as sharex=True.
    """
    figure = Figure(figsize=(columns * cell[0], rows * cell[1]), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **how)


def to_png(figure, dpi=DPI):
    """The figure as the bytes of a PNG file; the same figure gives the same bytes.

    256 colours, chosen for the figure so that none is far off: half of the bytes, and nobody sees the difference.
    """
    drawn, content = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    few = Image.open(drawn).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(content, format="png", optimize=True)
    return content.getvalue()


def save_figure(figure, stem):
    """Write `stem`.png and `stem`.svg, folders included.  Returns both paths.  UserError if they cannot be written."""
    stem = Path(stem)
    paths = [stem.with_name(stem.name + ending) for ending in (".png", ".svg")]
    write_whole(paths[0], [to_png(figure, dpi=2 * DPI)])
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "simgan"}):          # the same figure gives the same file
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    write_whole(paths[1], [drawn.getvalue()])
    return paths


def montage(images, columns):
    """uint8 (N, C, H, W)  ->  one uint8 array (height, width, 3), row by row, white gaps between.

    C is 1 or 3.  Raises ValueError for anything else.
    """
    images = torch.as_tensor(images)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"expected uint8 (N, 1 or 3, H, W), found {images.dtype} {tuple(images.shape)}")
    n, _, height, width = images.shape
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), PAPER, np.uint8)
    for i, image in enumerate(images.cpu().permute(0, 2, 3, 1).numpy()):
        y, x = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[y:y + height, x:x + width] = image
    return sheet


def show_image(axes, image, **how):
    """Draw an array (H, W) or (H, W, 3), or a tensor (1 or 3, H, W), on the axes: hard pixels, no ticks, no frame."""
    if torch.is_tensor(image):
        image = image.detach().cpu().permute(1, 2, 0).squeeze(-1).numpy()
    axes.imshow(image, cmap=how.pop("cmap", "gray"), interpolation=how.pop("interpolation", "nearest"), **how)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes


def montage_figure(groups, columns, width=7.2):
    """Montages one below the other, named on their left.  groups: {name: uint8 images (N, C, H, W)}.

    columns: images in a row.  width: of the figure, inches.  Returns (figure, alternative text).
    """
    sheets = {name: montage(images, columns) for name, images in groups.items()}
    heights = [sheet.shape[0] / sheet.shape[1] for sheet in sheets.values()]
    names = 0.2 + 0.1 * max(len(line) for name in groups for line in name.split("\n"))      # inches that they take
    figure = Figure(figsize=(width, (width - names) * sum(heights) + 0.1 * len(sheets)), layout="constrained")
    grid = figure.subplots(len(sheets), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (name, sheet) in zip(grid, sheets.items()):
        show_image(axes, sheet, vmin=0, vmax=255)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set_anchor("E")
    counted = ", ".join(f"{len(images)} {name}" for name, images in groups.items()).replace("\n", " ")
    return figure, f"Montage of images, one group below the other: {counted}."


# ---- Notebook 04: the history buffer ---------------------------------------------------------------------------------

def chase_figure(chases, rounds, reach=4.5, panel=1.5):
    """A generator and a judge on a plane, at several moments: one row for each chase (article, Figure 4).

    chases: {name: (points (T, b, 2), maps {round: (H, W)})}, the maps being the judge's probability that a point of
    the square from -reach to reach was generated.  rounds: which moments to show.  Returns (figure, alternative text).
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
    square = (-reach, reach, -reach, reach)
    decided, way = decided.numpy(), points.mean(1).numpy()
    shade = axes.contourf(decided, np.linspace(0, 1, 11), extent=square, cmap="cividis")
    axes.contour(decided, [0.5], extent=square, colors="white", linewidths=0.7, linestyles="dashed")
    axes.plot(way[:, 0], way[:, 1], color="white", linewidth=2.2, alpha=0.9)
    axes.plot(way[:, 0], way[:, 1], **STYLE["refined"], linewidth=1.2)
    axes.scatter(*points[-1].T.numpy(), s=14, **POINTS["refined"], zorder=3)
    axes.scatter(0, 0, s=42, **(POINTS["real"] | {"linewidth": 1.0}), zorder=4)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    return shade


def minibatch_figure(fresh, remembered, width=7.2):
    """How a batch of the discriminator is put together (article, Figure 5).

    fresh: uint8 (b, 1, H, W) of this round.  remembered: as many from the history.  Half of each makes the batch.
    Returns (figure, alternative text).
    """
    half = len(fresh) // 2
    parts = {f"refined in this round ({len(fresh)})": fresh, f"history (here {len(remembered)} of it)": remembered,
             f"the batch ({half} + {half})": torch.cat([fresh[:half], remembered[:half]])}
    figure = Figure(figsize=(width, 2.5), layout="constrained")
    grid = figure.subplots(3, len(fresh), squeeze=False)
    for place, (row, (name, images)) in enumerate(zip(grid, parts.items())):
        row[0].set_title(name, loc="left", fontsize=10)
        for i, (axes, image) in enumerate(zip(row, images)):
            show_image(axes, image, vmin=0, vmax=255)
            new = place == 0 or (place == 2 and i < half)
            _framed(axes, STYLE["refined" if new else "synthetic"]["color"], "-" if new else (0, (1.5, 1)),
                    i < half or place == 2)
    return figure, (f"Three rows of eye images: {len(fresh)} refined in this round, some of the history, the batch; "
                    f"it takes its first {half} from the first row and its other {half} from the second.")


def _framed(axes, colour, line, chosen):
    """A coloured frame; thin and pale where the image is not chosen."""
    axes.spines[:].set_visible(True)
    axes.spines[:].set(color=colour, linestyle=line, linewidth=2.5 if chosen else 0.8, alpha=1 if chosen else 0.6)


def memory_figure(older, law, distances):
    """How old a history is, and how far the generator strays with histories of several sizes.

    older: shares of stored images at least 0, 1, 2, ... rounds old, measured; law: the same, computed.
    distances: {capacity: final distances, one a seed}.  Returns (figure, alternative text).
    """
    figure, ((left, right),) = canvas(1, 2, (3.6, 2.5))
    left.plot(law, color="black", linestyle="--", label="law")
    left.plot(older, **STYLE["refined"], label="measured")
    left.set(xlabel="rounds", ylabel="share at least so old", ylim=(0, 1.03), title="age of a history of 256")
    left.legend(frameon=False)
    for i, values in enumerate(distances.values()):
        right.scatter([i] * len(values), values, s=30, alpha=0.8, **POINTS["refined"])
    right.set_xticks(range(len(distances)), [str(capacity) if capacity else "none" for capacity in distances])
    right.set(xlabel="capacity of the history", ylabel="final distance", ylim=(0, None), title="how far the chase ends")
    right.margins(x=0.15)
    return figure, ("Left: the share of stored images that are older than so many rounds falls as the law says. Right: "
                    "final distance of the generator from the real points, for histories of several sizes, one mark a "
                    "seed: far out without a history and with the smallest, near with the largest.")


def verdict_figure(panels, periods):
    """What a discriminator says of several artefacts while it is trained against one after the other.

    panels: {title: {artefact: its probabilities of being refined, one an update}}.  The name "real" is drawn as real.
    periods: {artefact: (first update, last)}, when it was in fashion.  Returns (figure, alternative text).
    """
    figure, (row,) = canvas(1, len(panels), (3.7, 2.7), sharey=True)
    lines = ["-", "--", ":"]
    for axes, (title, curves) in zip(row, panels.items()):
        for (name, values), line in zip(curves.items(), [*lines, None]):
            style = STYLE["real"] if name == "real" else STYLE["refined"] | {"linestyle": line}
            axes.plot(values, **style, linewidth=1.8, label=name)
        for i, (name, (first, last)) in enumerate(periods.items()):
            axes.axvspan(first, last, color="black", alpha=0.05 + 0.05 * (i % 2), linewidth=0)
            axes.text((first + last) / 2, 1.03, name, ha="center", fontsize=8)
        axes.set(xlabel="discriminator updates", ylim=(0, 1.1), xlim=(0, None))
        axes.set_title(title, fontsize=10)
    row[0].set_ylabel("judged refined")
    figure.legend(*row[-1].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right center")
    return figure, (f"Verdicts on {', '.join(periods)} images over the updates, {' and '.join(panels)}: without a "
                    "history the curve of an artefact falls again once it is out of fashion.")


# ---- Notebook 03: the local adversarial loss -------------------------------------------------------------------------

def windows_figure(image, windows, width=7.2):
    """What single verdicts see of an image: one panel for each, with its window framed.

    image: uint8 (1, H, W).  windows: {name: (top, left, bottom, right)} in pixels, the last two included; a window may
    reach beyond the image.  Returns (figure, alternative text).
    """
    height = width / len(windows) * (image.shape[1] + 16) / (image.shape[2] + 16) + 0.3
    figure, (row,) = canvas(1, len(windows), (width / len(windows), height))
    for axes, (name, window) in zip(row, windows.items()):
        show_image(axes, image, vmin=0, vmax=255)
        _outline(axes, window)
        axes.set(title=name, xlim=(-8.5, image.shape[2] + 7.5), ylim=(image.shape[1] + 7.5, -8.5))
        axes.title.set_fontsize(10)
    return figure, f"An eye, {len(windows)} times, each with the window that one verdict sees: {', '.join(windows)}."


def _outline(axes, window):
    """A frame around (top, left, bottom, right), in the colour and line of refined images, and its middle."""
    top, left, bottom, right = window
    style = STYLE["refined"] | {"linestyle": "--"}
    axes.plot([left - 0.5, right + 0.5, right + 0.5, left - 0.5, left - 0.5],
              [top - 0.5, top - 0.5, bottom + 0.5, bottom + 0.5, top - 0.5], linewidth=1.8, **style)
    axes.plot((left + right) / 2, (top + bottom) / 2, "+", color=style["color"], markersize=9, markeredgewidth=1.8)


def maps_figure(columns, label, windows=None, limits=(0, 1), width=7.2):
    """Images and, below each, a map of it.

    columns: {title: (uint8 image (1, H, W), map (h, w) of any size)}.  label: what the map shows, beside its colour bar.
    windows: {title: (top, left, bottom, right)} frames to draw on both, in pixels of the image.  limits: of the
    colours.  Returns (figure, alternative text).
    """
    image, _ = next(iter(columns.values()))
    height = width / (len(columns) + 0.5) * image.shape[1] / image.shape[2]
    figure, grid = canvas(2, len(columns), (width / len(columns), height + 0.25))
    for axes, (title, (image, shown)) in zip(grid.T, columns.items()):
        show_image(axes[0], image, vmin=0, vmax=255).set_title(title, fontsize=10)
        extent = (-0.5, image.shape[2] - 0.5, image.shape[1] - 0.5, -0.5)
        show_image(axes[1], torch.as_tensor(shown).numpy(), cmap="cividis", extent=extent, vmin=limits[0], vmax=limits[1])
        for place in axes if title in (windows or {}) else ():
            _outline(place, windows[title])
            place.set(xlim=extent[:2], ylim=extent[2:])
    bar = figure.colorbar(grid[1, -1].images[0], ax=grid, fraction=0.05, aspect=24, ticks=limits)
    bar.set_label(label, fontsize=9)
    return figure, f"{len(columns)} images ({', '.join(columns)}) and below each a map of it: {label}."


# ---- Notebook 01: simulator and domain gap ---------------------------------------------------------------------------

def eye_figure(eye, labels=True, width=4.2):
    """One simulated eye, enlarged.  eye: an ImageSet with the simulator's labels; its first image is drawn.

    labels: draw the outline of the iris, the pupil's centre, and the gaze as an arrow.  Returns (figure, alternative
    text).
    """
    image = eye.images[0]
    figure, ((axes,),) = canvas(1, 1, (width, width * image.shape[1] / image.shape[2]))
    show_image(axes, image, vmin=0, vmax=255)
    pitch, yaw = torch.rad2deg(eye.labels["gaze"][0]).tolist()
    x, y = eye.labels["pupil"][0].tolist()
    if labels:
        _labels_on(axes, eye, image.shape[2])
    return figure, f"A simulated eye: gaze pitch {pitch:.1f} and yaw {yaw:.1f} degrees, pupil at x {x:.1f} and y {y:.1f} px."


def _labels_on(axes, eye, width):
    """Outline of the iris, pupil's centre, and the gaze vector's shadow on the image, half an image long."""
    x, y, a, b, angle = eye.labels["iris"][0].tolist()
    across, down = 0.5 * width * gaze_vector(eye.labels["gaze"][0])[:2]
    axes.add_patch(Ellipse((x, y), 2 * a, 2 * b, angle=math.degrees(angle), fill=False, linestyle="--", linewidth=1.8,
                           edgecolor=STYLE["refined"]["color"]))
    edged = [withStroke(linewidth=4, foreground="black")]                  # white on black: seen on any ground
    axes.annotate("", (x + across.item(), y + down.item()), (x, y),
                  arrowprops={"arrowstyle": "->", "color": "white", "linewidth": 2, "path_effects": edged})
    axes.plot(x, y, "+", color="white", markersize=12, markeredgewidth=2, path_effects=edged, zorder=5)


def parts_figure(eye, names, width=7.2):
    """One simulated eye with its labels, and beside it the mask of its parts.

    eye: an ImageSet with the simulator's labels; its first image is drawn.  names: of the mask's values, in order.
    Returns (figure, alternative text).
    """
    image = eye.images[0]
    figure, ((left, right),) = canvas(1, 2, (width / 2, width / 2 * image.shape[1] / image.shape[2]))
    show_image(left, image, vmin=0, vmax=255)
    _labels_on(left, eye, image.shape[2])
    colours = matplotlib.colormaps["cividis"].resampled(len(names))
    show_image(right, eye.labels["parts"][0].numpy(), cmap=colours, vmin=-0.5, vmax=len(names) - 0.5)
    bar = figure.colorbar(right.images[0], ax=right, ticks=range(len(names)), fraction=0.04)
    bar.ax.set_yticklabels(names)
    return figure, f"An eye with its iris outlined, its pupil's centre and its gaze; its parts: {', '.join(names)}."


# ---- Notebook 02: refiner and self-regularization --------------------------------------------------------------------

def price_figure(prices, unit, harmful):
    """What several psi charge for several changes of an image: a table, one row a psi, brighter where it is dearer.

    prices: {psi: {change: price}}, positive, in units of the change `unit`.  harmful: how many changes, the first ones,
    should be dear; a line parts them from the others.  Returns (figure, alternative text).
    """
    changes = list(next(iter(prices.values())))
    table = np.array([[row[change] for change in changes] for row in prices.values()])
    figure, ((axes,),) = canvas(1, 1, (7.2, 0.5 + 0.38 * len(prices)))
    axes.imshow(np.log2(table.clip(1 / 16, 16)), cmap="cividis", vmin=-4, vmax=4, aspect="auto")
    for (y, x), price in np.ndenumerate(table):
        axes.text(x, y, f"{price:.2f}", ha="center", va="center", color="black" if price > 0.7 else "white")
    axes.axvline(harmful - 0.5, color="white", linewidth=4)
    axes.set_xticks(range(len(changes)), changes)
    axes.set_yticks(range(len(prices)), list(prices))
    axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, left=False, length=0)
    axes.spines[:].set_visible(False)
    return figure, (f"A table of prices, relative to {unit}: rows are {', '.join(prices)}; columns are the harmful changes "
                    f"{', '.join(changes[:harmful])} and the harmless changes {', '.join(changes[harmful:])}.")


# ---- Notebook 06: feature-space self-regularization ------------------------------------------------------------------

def psi_figure(rows, width=7.2):
    """What several psi see of images: a table of maps, one row an image, one column a psi.

    rows: {image's name: {psi's name: map, (H, W), or an image (3, H, W) in [0, 1]}}, all of the same columns.  The maps
    of a column share their gray scale, so that what differs between rows differs for psi.
    Returns (figure, alternative text).
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
    return figure, f"{len(rows)} rows ({', '.join(rows)}), each an eye as psi sees it: {', '.join(columns)}."


PSI_LOOKS = [{"color": color, "marker": marker, "linestyle": line} for color, marker, line in (
    ("#0072B2", "s", "--"), ("#D55E00", "^", "-"), ("#000000", "o", "-."), ("#CC79A7", "D", ":"), ("#009E73", "v", (0, (5, 1))))]


def trade_figure(families, references):
    """What refining gained, to the left, against what it lost, downwards: one line a psi, one mark a lambda.

    families: {psi: {lambda: (distance to the ideal, pupils in place in percent)}}; references: {name: the same pair}.
    Returns (figure, alternative text).
    """
    figure, ((axes,),) = canvas(cell=(5.2, 3.4))
    for (psi, points), look in zip(families.items(), PSI_LOOKS):
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

    strengths: (T,) from 0 to 1.  prices: {psi: (T,)} in units of what `unit` costs.  Returns (figure, alternative text).
    """
    figure, ((axes,),) = canvas(cell=(5.2, 3.0))
    for (psi, values), look in zip(prices.items(), PSI_LOOKS):
        axes.plot(strengths, values, **look, markersize=5, label=psi)
    axes.axhline(1, color="0.6", linewidth=1)
    axes.set(xlabel="how far the sun is down", ylabel=f"price / price of {unit}", xlim=(0, 1), ylim=(0, None))
    axes.legend(frameon=False, fontsize=9)
    ends = ", ".join(f"{psi} ≈{values[-1]:.1f}" for psi, values in prices.items())
    return figure, f"Price of evening light over its strength, in units of {unit}; at full strength: {ends}."


# ---- Notebook 08: pupil centres --------------------------------------------------------------------------------------

def fits_figure(rows, exact, fitted, width=7.2):
    """Eyes in rows, on each the exact outline of its iris, and the fitted one where there is one.

    rows: {name: uint8 images (K, 1, H, W)}.  exact, fitted: {name: ellipses (x, y, a, b, angle) (K, 5)}, px and
    radians; NaN for no fit.  Returns (figure, alternative text).
    """
    images = next(iter(rows.values()))
    n, cell = len(images), (width / len(images), width / len(images) * images.shape[2] / images.shape[3] + 0.05)
    figure, grid = canvas(len(rows), n, cell)
    for row, (name, images) in zip(grid, rows.items()):
        for axes, image, label, fit in zip(row, images, exact[name], fitted[name]):
            show_image(axes, image, vmin=0, vmax=255)
            _ellipse(axes, label, "white", "-")
            _ellipse(axes, fit, STYLE["refined"]["color"], (0, (2, 1.5)))
        row[0].set_ylabel(name)
    missing = sum(int(fits[:, 0].isnan().sum()) for fits in fitted.values())
    return figure, (f"{len(rows)} rows of {n} eyes ({', '.join(rows)}), the exact outline of each iris in white and the "
                    f"fitted ellipse dashed; in ≈{missing} of them none was found.")


def _ellipse(axes, ellipse, colour, line):
    x, y, a, b, angle = ellipse.tolist()
    if math.isfinite(x):
        edged = [withStroke(linewidth=2.6, foreground="black")] if colour == "white" else []
        axes.add_patch(Ellipse((x, y), 2 * a, 2 * b, angle=math.degrees(angle), fill=False, linewidth=1.4,
                               edgecolor=colour, linestyle=line, path_effects=edged))
        axes.plot(x, y, "+", color=colour, markersize=6, path_effects=edged)


def falling_lambda_figure(sweep):
    """What a smaller lambda costs and buys: pupils moved, images without a fit, distance of the spectra.

    sweep: {lambda: [{"ellipse" and "mask": px, "failed": %, "spectrum": dB}, one a look]}, largest lambda first; small
    marks are single looks, the line joins their means.  Returns (figure, alternative text).
    """
    panels = {"iris moved, px": ("mask", "ellipse"), "no ellipse fits, %": ("failed",), "spectrum off by, dB": ("spectrum",)}
    figure, (row,) = canvas(1, 3, (2.5, 2.5))
    said = []
    for axes, (title, keys) in zip(row, panels.items()):
        for key, look in zip(keys, ("refined", "synthetic")):
            means = [np.mean([each[key] for each in looks]) for looks in sweep.values()]
            axes.plot(means, **STYLE[look], marker=MARKERS[look], label=f"by {key}")
            for x, looks in enumerate(sweep.values()):
                axes.scatter([x] * len(looks), [each[key] for each in looks], s=9, color=STYLE[look]["color"], alpha=0.6)
            said.append(f"{title} ({key}) from ≈{means[0]:.1f} to ≈{means[-1]:.1f}")
        axes.set_xticks(range(len(sweep)), [f"{weight:g}" for weight in sweep])
        axes.set(xlabel="λ", ylim=(0, None))
        axes.set_title(title, fontsize=10)
        axes.margins(x=0.1)
    row[0].legend(frameon=False, fontsize=8)
    first, last = list(sweep)[0], list(sweep)[-1]
    return figure, f"Three panels over λ from {first:g} down to {last:g}: {'; '.join(said)}."


# ---- Notebook 10: the visual Turing test -----------------------------------------------------------------------------

def turing_figure(results):
    """How often subjects were right, with exact 95 % intervals, and where guessing lies.

    results: {name: (`turing.binomial` result, meaning: a key of POINTS)}, drawn from the top.  Returns (figure,
    alternative text).
    """
    figure, ((axes,),) = canvas(1, 1, (7.0, 0.7 + 0.38 * len(results)))
    said = []
    for y, (name, (found, look)) in enumerate(results.items()):
        axes.plot([100 * found["low"], 100 * found["high"]], [y, y], color=STYLE[look]["color"], linewidth=2)
        axes.scatter(100 * found["share"], y, s=60, zorder=3, **POINTS[look])
        said.append(f"{name} ≈{100 * found['share']:.0f} %")
    axes.axvline(50, color="black", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(results)), list(results))
    axes.set(xlabel="right answers, % (dotted: guessing)", xlim=(30, 101), ylim=(len(results) - 0.5, -0.5))
    axes.grid(axis="x", color="0.9")
    return figure, f"Shares of right answers with their 95 % intervals, guessing at 50 %: {', '.join(said)}."


def power_figure(curves, wanted, needed):
    """How probably a test finds subjects who are right more often than by guessing, over the number of trials.

    curves: {share right: (numbers of trials, powers)}.  wanted: the power aimed at.  needed: {share: trials}.
    Returns (figure, alternative text).
    """
    figure, ((axes,),) = canvas(1, 1, (6.4, 2.9))
    for (share, (n, powers)), line in zip(curves.items(), ("-", "--", ":", "-.")):
        axes.plot(n, powers, color="black", linestyle=line, linewidth=1.4, label=f"{100 * share:.0f} % right")
        axes.plot(needed[share], wanted, color=STYLE["refined"]["color"], marker="v", markersize=9)
        axes.annotate(f"{needed[share]}", (needed[share], wanted), (4, -14), textcoords="offset points", fontsize=9)
    axes.axhline(wanted, color="0.6", linewidth=0.8)
    axes.set(xlabel="trials", ylabel="chance that p ≤ 0.05", ylim=(0, 1.03), xlim=(0, None))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure, ("Power over the number of trials, rising in saw teeth; 80 % is reached for good at "
                    + ", ".join(f"{n} trials if {100 * share:.0f} % are right" for share, n in needed.items()) + ".")


def alarms_figure(alarms, level=0.05):
    """How often a test that should be wrong in `level` of all cases is.  alarms: {what was done: share}.

    Returns (figure, alternative text).
    """
    figure, ((axes,),) = canvas(1, 1, (6.4, 0.7 + 0.36 * len(alarms)))
    axes.barh(range(len(alarms)), [100 * share for share in alarms.values()], height=0.6, color="0.75", edgecolor="black",
              hatch="//")
    for y, share in enumerate(alarms.values()):
        axes.text(100 * max(share, level) + 1, y, f"{100 * share:.1f} %", va="center", fontsize=9)
    axes.axvline(100 * level, color="black", linestyle=":", linewidth=1.4)
    axes.set_yticks(range(len(alarms)), list(alarms))
    axes.set(xlabel="guessing subjects found to be no guessers, %", ylim=(len(alarms) - 0.4, -0.6),
             xlim=(0, 115 * max(alarms.values())))
    said = ", ".join(f"{name} ≈{100 * share:.0f} %" for name, share in alarms.items())
    return figure, f"Bars: false alarms by what was done, the promised {100 * level:.0f} % dotted: {said}."


# ---- Notebook 07: ablations and failures -----------------------------------------------------------------------------

def forest_figure(panels, width=7.2):
    """Differences to a base, with their 95 % intervals: one row an ablation, one panel a measure.

    panels: {measure with its unit: {row: {"mean", "low", "high", "values"}}}, values being one a seed; rows as in the
    first panel.  A filled mark: the interval leaves 0 out.  An arrow: the interval goes on beyond the panel.
    Returns (figure, alternative text).
    """
    rows = list(next(iter(panels.values())))
    figure, (line,) = canvas(1, len(panels), (width / len(panels), 0.9 + 0.24 * len(rows)), sharey=True)
    clear = []
    for axes, (title, found) in zip(line, panels.items()):
        reach = 1.25 * max(abs(value) for each in found.values() for value in each["values"])
        for y, name in enumerate(rows):
            if name in found and _forest_row(axes, y, found[name], reach):
                clear.append(f"{name} ({title}) by ≈{found[name]['mean']:+.2f}")
        axes.axvline(0, color="black", linewidth=0.8, linestyle="--", zorder=0)
        axes.set(xlim=(-reach, reach), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xlabel(title, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
    line[0].set_yticks(range(len(rows)), rows)
    return figure, (f"Differences of {len(rows)} ablations to the base in {len(panels)} measures, with 95 % intervals. "
                    f"Intervals without 0: {'; '.join(clear) or 'none'}.")


def _forest_row(axes, y, found, reach):
    """One interval, the seeds as small dots below it.  Returns whether 0 is outside the interval."""
    style, beyond = STYLE["refined"], bool(found["low"] > 0 or found["high"] < 0)
    low, high = max(found["low"], -reach), min(found["high"], reach)
    axes.plot([low, high], [y, y], color=style["color"], linewidth=1.8, zorder=1)
    for end, limit, mark in ((found["low"], -reach, "<"), (found["high"], reach, ">")):
        if abs(end) > reach:
            axes.plot(limit, y, mark, color=style["color"], markersize=5, clip_on=False)
    axes.plot(found["mean"], y, "^", color=style["color"], markersize=6.5, markerfacecolor=None if beyond else "white")
    axes.plot(found["values"], [y + 0.3] * len(found["values"]), ".", color="0.3", markersize=3)
    return beyond


def rising_figure(curves, unit="strength of the pattern, gray levels", levels=None, width=7.2):
    """How measures answer to a growing disturbance: a panel a measure, a line a disturbance.

    curves: {measure: {disturbance: (strengths, values)}}.  levels: {measure: (value, what it is)}, a line for comparison.
    Returns (figure, alternative text).
    """
    figure, (row,) = canvas(1, len(curves), (width / len(curves), 2.7))
    for axes, (measure, lines) in zip(row, curves.items()):
        for (name, points), (line, mark) in zip(lines.items(), (("-", "^"), ("--", "s"), (":", "o"), ("-.", "D"))):
            axes.plot(*points, linestyle=line, marker=mark, color=STYLE["refined"]["color"], markersize=4, label=name)
        if levels and measure in levels:
            value, what = levels[measure]
            axes.axhline(value, color="black", linewidth=0.9, linestyle=(0, (1, 2)), label=what)
        axes.set(title=measure, xlabel=unit, ylim=(0, None))
    handles, names = row[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=8, handlelength=3.2)
    return figure, f"How {' and '.join(curves)} answer to growing disturbances: {', '.join(next(iter(curves.values())))}."


# ---- Notebook 09: gaze estimation ------------------------------------------------------------------------------------

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
    return figure, (f"{len(images)} eyes, each with two lines from its middle: where it looks (solid, dot) and where the "
                    f"estimator thinks it looks (dashed, triangle): {', '.join(titles)}.")
