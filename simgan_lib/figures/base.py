"""What figures are made of: the look of each meaning, montages, files."""

import base64
import html
import io
import math
import struct
from pathlib import Path

import matplotlib
import skimage.util
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from PIL import Image, ImageChops

from ..system.files import write_whole

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
# Curves that stand for no kind of images (artefacts, features, shares), in this order.
SERIES = [{"color": color, "linestyle": line, "marker": marker} for color, line, marker in (
    ("#D55E00", "-", "^"), ("#009E73", "--", "s"), ("#E69F00", ":", "o"), ("#56B4E9", "-.", "D"), ("#000000", (0, (5, 1)), "v"))]
# Of sclera, iris and pupil, and of one part more: bright to dark, so that they differ in gray print, too.
PART_COLOURS = ("#F0E442", "#56B4E9", "#D55E00", "#009E73")
WIDTH = 4.7                                       # inches: 10 points are 10 pixels high on a phone
# Training sets beside these: histogram-matched synthetic images.
LINES = {**STYLE, "synthetic_matched": {"color": "#56B4E9", "linestyle": (0, (7, 1.5, 1.5, 1.5, 1.5, 1.5))}}
DOTS = {**POINTS, "synthetic_matched": {**POINTS["synthetic"], "color": "#56B4E9", "marker": "v"}}
DPI = 110
FAR_OFF = 24               # levels, of 255, by which a colour may be off in a file of few colours
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

    256 colours, chosen for the figure: half of the bytes, and nobody sees the difference.  Where one would be far off, as in
    pictures of all colours, it keeps its own.
    """
    drawn, content = io.BytesIO(), io.BytesIO()
    figure.set_size_inches(figure.get_size_inches() + 1e-8 / dpi)    # 2.3 inches are 253 pixels, not 252 as in matplotlib 3.10
    figure.savefig(drawn, format="png", dpi=dpi)
    whole = Image.open(drawn).convert("RGB")
    few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    off = max(most for _, most in ImageChops.difference(whole, few.convert("RGB")).getextrema())
    (few if off <= FAR_OFF else whole).save(content, format="png", optimize=True)
    return content.getvalue()


def picture(figure, alternative, dpi=DPI):
    """A figure function's figure and sentence as `html_image`:  picture(*montage_figure(...))."""
    return html_image(to_png(figure, dpi), alternative)


def html_image(png, alternative):
    """A PNG file's bytes as an image in HTML, which says its alternative text wherever HTML is read.

    Its size is stated, so that nothing moves while a page is laid out; a narrow screen makes it smaller.
    """
    width, height = struct.unpack(">II", png[16:24])                 # in every PNG file's first chunk
    return (f'<img alt="{html.escape(alternative)}" width="{width}" height="{height}" style="max-width: 100%; height: auto" '
            f'src="data:image/png;base64,{base64.b64encode(png).decode()}">')


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

    N is at least 1, C is 1 or 3.  Raises ValueError for anything else.
    """
    images = torch.as_tensor(images)
    if images.dtype != torch.uint8 or images.ndim != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise ValueError(f"expected uint8 (N, 1 or 3, H, W), found {images.dtype} {tuple(images.shape)}")
    shown, rows = images.cpu().expand(-1, 3, -1, -1).numpy(), math.ceil(len(images) / columns)
    sheet = skimage.util.montage(shown, [PAPER] * 3, grid_shape=(rows, columns), padding_width=GAP, channel_axis=1)
    return sheet[GAP:-GAP, GAP:-GAP]                                  # none around them


def show_image(axes, image, **how):
    """Draw an array (H, W) or (H, W, 3), or a tensor (1 or 3, H, W), on the axes: hard pixels, no ticks, a thin frame."""
    if torch.is_tensor(image):
        image = image.detach().cpu().permute(1, 2, 0).squeeze(-1).numpy()
    axes.imshow(image, **{"cmap": "gray", "interpolation": "nearest"} | how)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color="0.6", linewidth=0.4)                   # a white image would be lost on the page
    return axes


def montage_figure(groups, columns, width=7.2, says=""):
    """Montages one below the other, named on their left.  groups: {name: uint8 images (N, C, H, W)}.

    columns: images in a row.  width: that the figure may take, inches: each pixel of an image becomes as many whole pixels
    of the figure as fit, at least one, since fine artefacts must not be made or lost by resampling.  says: what is to be
    seen, for the alternative text.
    """
    sheets = {name: montage(images, columns) for name, images in groups.items()}
    longest = max(len(line) for name in groups for line in name.split("\n"))
    names, between = round((0.2 + 0.1 * longest) * DPI), round(0.1 * DPI)        # pixels that they take
    wide = next(iter(sheets.values())).shape[1]
    scale = max(1, int((width * DPI - names) // wide))
    whole = names + scale * wide + 2, sum(scale * sheet.shape[0] + between for sheet in sheets.values())
    figure, top = Figure(figsize=(whole[0] / DPI, whole[1] / DPI)), whole[1]
    for name, sheet in sheets.items():
        high = scale * sheet.shape[0]
        top -= high + between
        axes = figure.add_axes((names / whole[0], (top + between // 2) / whole[1], scale * wide / whole[0], high / whole[1]))
        show_image(axes, sheet, vmin=0, vmax=255)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    counted = ", ".join(f"{len(images)} {name}" for name, images in groups.items()).replace("\n", " ")
    return figure, f"Montage of images, one group below the other: {counted}. {says}".rstrip()


def legend_below(figure, handles, columns=2, title=None):
    """A legend under the axes: it can hide no data, and a phone shows it whole."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=9, title=title,
                  title_fontsize=9, handlelength=3.2, columnspacing=1)                # long enough to show how a line is dashed


# ---- what is drawn on images ----
def edged(linewidth):
    """Path effects: a black edge, with which white is seen on any ground, and in gray print."""
    return [withStroke(linewidth=linewidth, foreground="black")]


def outline(axes, ellipse, **look):
    """Draw an ellipse as labels have it: x, y, semi-axis a, semi-axis b in pixels, and its angle in radians."""
    x, y, a, b, angle = ellipse
    axes.add_patch(Ellipse((x, y), 2 * a, 2 * b, angle=math.degrees(angle), fill=False, **look))


# ---- what several plots have ----
PAPERS = {"s": 70, "marker": "d", "facecolor": "none", "edgecolor": "black", "zorder": 3}       # dots of the paper's numbers


def share_axes(axes, limit, within):
    """Axes of shares of images over the largest gaze error allowed, 0 to `limit` degrees; a dotted line at `within`."""
    axes.axvline(within, color="0.4", linewidth=1, linestyle=(0, (1, 3)))
    axes.set(xlabel="gaze error, degrees", ylabel="test images with at most this error, %", xlim=(0, limit), ylim=(0, 101))


# ---- what training sets are called, and how they look ----
TRAINING_SETS = ("synthetic", "synthetic_matched", "refined", "oracle")


def real_name(domain):
    """What the unlabelled images are called: stand-in eyes are never called real."""
    return "stand-in" if domain == "stand-in" else "real"


def training_set_name(key, domain):
    """What a key of `metrics["gaze_error_deg"]` is called in figures and tables."""
    names = {"synthetic_matched": "histogram-matched", "oracle": f"{real_name(domain)} with labels",
             "refined_as_they_are": "refined, not matched again",
             "synthetic_4x": "synthetic, 4 x as many", "refined_4x": "refined, 4 x as many",
             "synthetic_matched_4x": "histogram-matched, 4 x as many"}
    return names.get(key, key)


def looks(key, domain):
    """(line, dots) of a training set, or of the images "real": a domain's own look as the domain does, 4x as 1x."""
    kind = real_name(domain) if key in ("oracle", "real") else key.removesuffix("_4x")
    return LINES[kind], DOTS[kind]
