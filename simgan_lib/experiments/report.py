"""The report of a run: its figures as files, and one HTML page that holds all of it and needs no network.

The page is written last, so a folder with a report is whole.  What it looks like: report.html.jinja.
Taught in: notebook 05.
"""

import base64
import json
import math
import struct
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..figures import save_figure
from ..figures.base import real_name
from ..system.files import write_whole
from .comparison import comparison, findings, not_measured, notes, shown
from .comparison import format_table as format_table  # what the terminal prints

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)
TEMPLATES.filters["json"] = lambda value: json.dumps(value, indent=1)


def write_report(folder, content, figures):
    """Write figures/<stem>.png and .svg, then report.html into `folder`  ->  path of the page.

    content: a dict of plain text, which is escaped; jinja2 raises UndefinedError for a key that is missing:
      title, domain, lead         of the browser's tab, of the heading "SimGAN on ...", the sentences below it
      findings, notes, missing    lists of sentences: what came out, how to read the table, what was not measured
      table                       [(title of a group of rows, [(name, the paper's cell, our cell)])]
      changes                     {"head": [column], "rows": [(name, [cell])]}: what the refiner did; None if not measured
      facts, folded               [(name, text)] about the run; [(name, value for JSON)], shown when one asks for it
    figures: a list of (stem, matplotlib Figure, alternative text, caption), best first.
    Raises UserError if something cannot be written; an older page then still stands, whole.
    """
    folder, pictures = Path(folder), []
    for stem, figure, alternative, caption in figures:
        png, _ = save_figure(figure, folder / "figures" / stem)
        pictures.append(_picture(png.read_bytes()) | {"alternative": alternative, "caption": caption})
    page = TEMPLATES.get_template("report.html.jinja").render(content, figures=pictures)
    write_whole(folder / "report.html", [page.encode()])
    return folder / "report.html"


def _picture(png):
    """A PNG file as the page holds it, with the size in pixels that its first chunk states."""
    width, height = struct.unpack(">II", png[16:24])
    return {"width": width, "height": height, "png": base64.b64encode(png).decode()}


# ---- from the metrics of a run to the content of its page: until the table of measurements makes it ----
def write_run_report(folder, metrics, figures):
    """Write metrics.json, and the report of these metrics  ->  path of the page.

    metrics: what `summary.summarise` gives; only `profile`, `domain` and `seeds` must be there.  Numbers that are not
    finite become null.  figures, errors: as `write_report`; an older metrics.json stands whole, too.
    """
    metrics = plain(metrics)
    write_whole(Path(folder) / "metrics.json", [(json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode()])
    return write_report(folder, content_of(metrics), figures)


def plain(value):
    """`value` as JSON has it: numbers of NumPy and PyTorch become plain ones, not-a-number and infinity None.

    >>> plain({"mean": float("nan"), "of": (1, Path("a"))})
    {'mean': None, 'of': [1, 'a']}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):                                     # arrays, tensors and their scalars
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


def content_of(metrics):
    """What the page says of a run's plain metrics, as `write_report` takes it."""
    real = real_name(metrics["domain"])
    images = metrics.get("images") or {}
    tested = f"{images['test']:,} {real} images" if "test" in images else f"{real} images"
    folded = {"Time of each stage, seconds": metrics.get("stage_seconds"), "Configuration": metrics.get("config")}
    return {"title": f"SimGAN, {metrics['profile']} run, {metrics['domain']}",
            "domain": "the stand-in domain" if real == "stand-in" else metrics["domain"],
            "lead": f"Simulated eyes were made to look like unlabelled {real} ones. Gaze estimators were trained on them "
                    f"before and after, and measured on {tested} that refinement never saw.",
            "findings": findings(metrics), "notes": notes(metrics), "missing": not_measured(metrics),
            "table": [(title, [(row.name, row.paper, row.here) for row in rows]) for title, rows in comparison(metrics)],
            "changes": _changes(metrics, real), "facts": _facts(metrics, images),
            "folded": [(name, value) for name, value in folded.items() if value]}


COLLAPSE = {"change": ("mean difference to what entered the refiner, gray levels", ".1f", 1),
            "beyond_tone": ("contrast that no tone curve explains, %", ".0f", 100),
            "gray_level_distance": ("distance of gray levels to {real} images, levels", ".1f", 1),
            "spectrum_distance": ("distance of spectra to {real} images, dB", ".1f", 1)}
COMPARED = {"synthetic": "synthetic", "histogram_matched": "histogram-matched", "refined": "refined"}


def _changes(metrics, real):
    """The identity-collapse meter: refined images beside untouched and matched ones; None if not measured."""
    found = {kind: entry for kind, entry in (metrics.get("collapse") or {}).items() if isinstance(entry, dict)}
    rows = [(name.format(real=real), [shown(entry.get(key), form, factor) for entry in found.values()])
            for key, (name, form, factor) in COLLAPSE.items()]
    return {"head": [COMPARED.get(kind, kind) for kind in found], "rows": rows} if found else None


def _facts(metrics, images):
    """How the numbers came about: what is known."""
    seconds = metrics.get("seconds")
    known = {"profile": metrics["profile"], "domain": metrics["domain"],
             "seeds": ", ".join(str(seed) for seed in metrics["seeds"]),
             **{f"{name} images": f"{count:,}" for name, count in images.items()},
             "test days": ", ".join(metrics.get("test_groups") or []),
             "time": f"{seconds / 60:.1f} minutes" if seconds is not None else None,
             "versions": ", ".join(f"{name} {version}" for name, version in (metrics.get("versions") or {}).items()),
             **{name: metrics.get(name) for name in ("hardware", "commit", "command")}}
    return [(name, str(value)) for name, value in known.items() if value]
