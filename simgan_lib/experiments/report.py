"""The report of a run: metrics.json, the figures as files, and one HTML page that holds all of it and needs no network.

The page is written last, so a folder with a report is whole.  Taught in: notebook 05.
"""

import base64
import json
import math
import struct
from html import escape
from pathlib import Path
from string import Template

from ..figures import save_figure
from ..figures.base import real_name
from ..system.files import write_whole
from .comparison import comparison, findings, not_measured, notes, shown
from .comparison import format_table as format_table  # what the terminal prints


def write_report(folder, metrics, figures):
    """Write metrics.json, figures/<stem>.png and .svg, and report.html into `folder`  ->  path of the page.

    metrics: what `summary.summarise` gives; only `profile`, `domain` and `seeds` must be there.  Numbers that are not
    finite become null.  figures: a list of (stem, matplotlib Figure, alternative text, caption), best first.
    Raises UserError if something cannot be written; an older metrics.json or page then still stands, whole.
    """
    folder, metrics = Path(folder), plain(metrics)
    write_whole(folder / "metrics.json", [(json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode()])
    drawn = []
    for stem, figure, alternative, caption in figures:
        png, _ = save_figure(figure, folder / "figures" / stem)
        drawn.append(_figure(png.read_bytes(), alternative, caption))
    page = folder / "report.html"
    write_whole(page, [_page(metrics, drawn).encode()])
    return page


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


# ---- the page ----
def _page(metrics, drawn):
    real = real_name(metrics["domain"])
    images = metrics.get("images") or {}
    tested = f"{images['test']:,} {real} images" if "test" in images else f"{real} images"
    return PAGE.substitute(
        style=STYLE_SHEET, title=escape(f"SimGAN, {metrics['profile']} run, {metrics['domain']}"),
        domain=escape("the stand-in domain" if real == "stand-in" else metrics["domain"]),
        lead=escape(f"Simulated eyes were made to look like unlabelled {real} ones. Gaze estimators were trained on them "
                    f"before and after, and measured on {tested} that refinement never saw."),
        first="".join(drawn[:1]), figures="".join(drawn[1:]), findings=_items(findings(metrics)),
        table=_table(metrics), notes=_items(notes(metrics)), collapse=_collapse_table(metrics),
        missing=_items(not_measured(metrics)), run=_run(metrics))


def _items(sentences):
    whole = (escape(sentence).replace(" %", "&nbsp;%") for sentence in sentences)      # no line starts with a %
    return "".join(f"<li>{sentence}</li>\n" for sentence in whole)


def _figure(png, alternative, caption):
    """An image inside the page; its size is stated, so that nothing moves while the page is laid out."""
    width, height = struct.unpack(">II", png[16:24])                 # of PNG's first chunk
    content = base64.b64encode(png).decode()
    return (f'<figure><img width="{width}" height="{height}" alt="{escape(alternative)}" '
            f'src="data:image/png;base64,{content}"><figcaption>{escape(caption)}</figcaption></figure>\n')


def _table(metrics):
    """The table *paper / here*, in groups of rows."""
    body = ""
    for title, rows in comparison(metrics):
        body += f'<tbody><tr><th colspan="3" scope="rowgroup">{escape(title)}</th></tr>\n'
        body += "".join(f'<tr><th scope="row">{escape(row.name)}</th><td>{escape(row.paper)}</td>'
                        f"<td>{escape(row.here)}</td></tr>\n" for row in rows) + "</tbody>\n"
    return _scrolling("Paper and here", "<thead><tr><td></td><th scope=\"col\">paper</th><th scope=\"col\">here</th></tr>"
                      f"</thead>\n{body}")


COLLAPSE = {"change": ("mean difference to what entered the refiner, gray levels", ".1f", 1),
            "beyond_tone": ("contrast that no tone curve explains, %", ".0f", 100),
            "gray_level_distance": ("distance of gray levels to {real} images, levels", ".1f", 1),
            "spectrum_distance": ("distance of spectra to {real} images, dB", ".1f", 1)}
COMPARED = {"synthetic": "synthetic", "histogram_matched": "histogram-matched", "refined": "refined"}


def _collapse_table(metrics):
    """The identity-collapse meter: refined images beside untouched and matched ones; empty if not measured."""
    found = {kind: entry for kind, entry in (metrics.get("collapse") or {}).items() if isinstance(entry, dict)}
    if not found:
        return ""
    head = "".join(f'<th scope="col">{escape(COMPARED.get(kind, kind))}</th>' for kind in found)
    body = ""
    for key, (name, form, factor) in COLLAPSE.items():
        cells = "".join(f"<td>{shown(entry.get(key), form, factor)}</td>" for entry in found.values())
        body += f'<tr><th scope="row">{escape(name.format(real=real_name(metrics["domain"])))}</th>{cells}</tr>\n'
    return "<h2>Did the refiner do anything?</h2>\n" + _scrolling(
        "How much refinement changed", f"<thead><tr><td></td>{head}</tr></thead>\n<tbody>{body}</tbody>")


def _scrolling(caption, content):
    """A table that scrolls by itself on a narrow screen, with the keyboard too."""
    name = escape(caption)
    return (f'<div class="wide" role="region" aria-label="{name}" tabindex="0"><table><caption>{name}</caption>\n'
            f"{content}</table></div>\n")


def _run(metrics):
    """How the numbers came about: a list of what is known, and the configuration folded."""
    seconds, known = metrics.get("seconds"), {"profile": metrics["profile"], "domain": metrics["domain"]}
    known["seeds"] = ", ".join(str(seed) for seed in metrics["seeds"])
    known |= {f"{name} images": f"{count:,}" for name, count in (metrics.get("images") or {}).items()}
    known["test days"] = ", ".join(metrics.get("test_groups") or [])
    known["time"] = f"{seconds / 60:.1f} minutes" if seconds is not None else None
    known["versions"] = ", ".join(f"{name} {version}" for name, version in (metrics.get("versions") or {}).items())
    known |= {name: metrics.get(name) for name in ("hardware", "commit", "command")}
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>\n" for name, value in known.items() if value)
    folded = {"Time of each stage, seconds": metrics.get("stage_seconds"), "Configuration": metrics.get("config")}
    return f"<dl>\n{listed}</dl>\n" + "".join(
        f"<details><summary>{name}</summary><pre>{escape(json.dumps(value, indent=1))}</pre></details>\n"
        for name, value in folded.items() if value)


STYLE_SHEET = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #5a5a5a; --line: #d4d4d4; --band: #f3f5f7;
  --mark: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181b; --soft: #a9adb3; --line: #3b3f45;
  --band: #22262b; --mark: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 44rem; font: 1rem/1.55 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
.lead { font-size: 1.08rem; }
ul { padding-left: 1.2rem; } li { margin: .4rem 0; }
.findings li::marker { color: var(--mark); }
.notes { font-size: .88rem; color: var(--soft); }
figure { margin: 1.6rem 0; }
img { display: block; width: 100%; height: auto; max-width: 36rem; margin: 0 auto; padding: 4px; background: #fff;
  border-radius: 4px; }
figcaption { margin: .5rem auto 0; max-width: 36rem; font-size: .9rem; color: var(--soft); }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--mark); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .35rem .5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 400; } thead th, th[scope=rowgroup] { font-weight: 600; }
th[scope=rowgroup] { background: var(--band); }
td:last-child { white-space: nowrap; } tbody th[scope=row] { min-width: 7.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
pre { overflow-x: auto; font-size: .8rem; background: var(--band); padding: .6rem; border-radius: 4px; }
@media print { body { max-width: none; font-size: 10pt; } figure, tbody { break-inside: avoid; } h2 { break-after: avoid; }
  .wide { overflow: visible; } img { max-width: 12cm; } }
"""

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>
<h1>SimGAN on $domain</h1>
<p class="lead">$lead</p>
</header>
<main>
$first<section><h2>What came out</h2>
<ul class="findings">
$findings</ul></section>
<section><h2>The paper and this run</h2>
$table<ul class="notes">
$notes</ul></section>
<section><h2>The figures</h2>
$figures</section>
<section>$collapse</section>
<section><h2>What was not measured</h2>
<ul>
$missing</ul></section>
<section><h2>The run</h2>
$run</section>
</main>
</body>
</html>
""")
