"""A run's report: metrics.json, figures as PNG and SVG, and one page of HTML that needs nothing else."""

import base64
import json
import os
import tempfile
from html import escape
from pathlib import Path

from . import paper
from .errors import UserError
from .figures import save_figure, to_png
from .report_figures import TRAINING_SETS, training_set_name

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; } figure { margin: 1.5rem 0; } figcaption { font-size: .9rem; opacity: .8; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886; vertical-align: top; }
code, pre { font-size: .85rem; } pre { overflow-x: auto; } li { margin: .3rem 0; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
"""


def write_report(folder, metrics, figures):
    """Write metrics.json, figures/STEM.png and .svg, and report.html into `folder`  ->  path of the page.

    metrics: what `summary.summarise` gives.  figures: (stem, figure, alternative text, caption), in reading order.
    Each file is written whole or not at all.  Raises UserError if one cannot be written.
    """
    folder = Path(folder)
    for stem, figure, _, _ in figures:
        save_figure(figure, folder / "figures" / stem)
    write_text(folder / "metrics.json", json.dumps(metrics, indent=1))
    write_text(folder / "report.html", page(metrics, figures))
    return folder / "report.html"


def write_text(path, text):
    """Replace a text file in one step.  UserError if it cannot be written; what stood there then still stands."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(unfinished, 0o644)
            os.replace(unfinished, path)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: could not be written ({error.strerror}); what stood there before is unchanged") from error


# ---- numbers ----
def plus_minus(found, digits=2):
    """'5.10 ± 0.12' of {"mean", "sd"}; without a deviation (one seed) '5.10'.

    >>> plus_minus({"mean": 5.1, "sd": None})
    '5.10'
    """
    sd = found.get("sd")
    return f"{found['mean']:.{digits}f}" + ("" if sd is None else f" ± {sd:.{digits}f}")


def rows(metrics):
    """The table *paper / here*: (what, paper, here) as text."""
    gaze, within, domain = metrics["gaze_error_deg"], metrics["within_7_deg"], metrics["domain"]
    published = {"synthetic": (paper.GAZE_SYNTHETIC_ERROR, paper.WITHIN_7_SYNTHETIC),
                 "refined": (paper.GAZE_REFINED_ERROR, paper.WITHIN_7_REFINED)}
    table = []
    for name in TRAINING_SETS:
        error, share = published.get(name, ("–", "–"))
        label = training_set_name(name, domain)
        table += [(f"gaze error, trained on {label}", str(error), f"{plus_minus(gaze[name])} degrees"),
                  ("  of these within 7 degrees", str(share), f"{plus_minus(within[name], 1)} %")]
    paper_reduction = 100 * (1 - paper.GAZE_REFINED_ERROR.value / paper.GAZE_SYNTHETIC_ERROR.value)
    pupil, closed = metrics["pupil_shift_px"], metrics["gap_closed_percent"]
    real = training_set_name("oracle", domain)
    accuracy = metrics["two_sample_accuracy"]
    return table + [
        ("gaze error, always answering the mean", "–", f"{metrics['mean_answer_error_deg']:.2f} degrees"),
        ("reduction from synthetic to refined", f"{paper_reduction:.0f} %", f"{metrics['relative_reduction_percent']:.0f} %"),
        (f"of the gap to {real}, closed", "–", "–" if closed is None else f"{closed:.0f} %"),
        ("pupil moved by", f"{paper.PUPIL_SHIFT.value} ± {paper.PUPIL_SHIFT_SD.value} px", f"{plus_minus(pupil)} px"),
        ("  error of that estimate itself", "–", f"{plus_minus(pupil['estimator_error'])} px"),
        ("told apart from real: synthetic", "–", f"{100 * accuracy['synthetic']:.0f} %"),
        ("told apart from real: refined (50 % is a guess)", "–", f"{100 * accuracy['refined']:.0f} %"),
    ]


def format_table(metrics):
    """The same table as text for a terminal."""
    lines = [("", "paper", "here, " + ("stand-in" if metrics["domain"] == "stand-in" else metrics["domain"])), *rows(metrics)]
    first, second = (max(len(line[i]) for line in lines) for i in (0, 1))
    n = len(metrics["seeds"])
    head = f"profile {metrics['profile']}, {n} seed{'s' * (n > 1)}, {metrics['seconds']:.0f} s, {metrics['hardware']}"
    return "\n".join([head, *(f"{a:<{first}}  {b:<{second}}  {c}" for a, b, c in lines), "", *verdicts(metrics)])


def verdicts(metrics):
    """What the numbers say, in plain sentences: also where they say that refining did not help."""
    gaze = {name: found["mean"] for name, found in metrics["gaze_error_deg"].items()}
    said = [f"Refined training images make the gaze error {abs(metrics['relative_reduction_percent']):.0f} % "
            + ("smaller than synthetic ones do." if gaze["refined"] < gaze["synthetic"] else
               "LARGER than synthetic ones do: refinement did not help.")]
    better = gaze["refined"] < gaze["synthetic_matched"]
    said.append(f"Refinement {'beats' if better else 'does NOT beat'} plain histogram matching: {gaze['refined']:.2f} against "
                f"{gaze['synthetic_matched']:.2f} degrees.")
    if gaze["refined"] >= metrics["mean_answer_error_deg"]:
        said.append("Always answering the mean gaze would be at least as good as the estimator trained on refined images.")
    closer = metrics["kernel_distance"]
    if closer["refined"] >= closer["synthetic_matched"]:
        said.append("By kernel distance, refined images are NOT closer to the real ones than histogram-matched ones.")
    change = metrics["collapse"]
    said.append(f"The refined images differ from the synthetic ones by {change['refined']['change']:.0f} gray levels on average "
                f"(histogram matching: {change['histogram_matched']['change']:.0f}); "
                f"{100 * change['refined']['beyond_tone']:.0f} % of their variance is no matter of tone alone.")
    if metrics["config"]["refine_from"] == "synthetic_matched":
        said.append("The refiner got histogram-matched synthetic images; the row of these shows what matching alone does.")
    if len(metrics["seeds"]) == 1:
        said.append("One seed: no spread is known; --seeds 3 gives one.")
    return said


# ---- page ----
def page(metrics, figures):
    """The report as one self-contained page of HTML."""
    domain = metrics["domain"]
    where = ("the stand-in domain: simulated eyes seen by a simulated bad camera, in place of real photographs"
             if domain == "stand-in" else f"real eyes of {domain}, on days that the refiner never saw")
    parts = [f"<h1>SimGAN, profile {escape(metrics['profile'])}</h1>",
             f"<p>Measured on {escape(where)}; seeds {escape(', '.join(map(str, metrics['seeds'])))}.</p>",
             "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in verdicts(metrics)) + "</ul>",
             "<h2>Paper and here</h2>", _table(metrics),
             "<p>Mean ± standard deviation over seeds (pupil: over images). The paper's numbers are of MPIIGaze with another "
             "simulator; “reported” marks those recalled without the text at hand.</p>",
             "<h2>Pictures</h2>", *(_figure(*each) for each in figures),
             "<h2>How it was made</h2>", _how(metrics)]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>SimGAN: {escape(metrics['profile'])}</title><style>{STYLE}</style></head>\n<body>\n"
            + "\n".join(parts) + "\n</body></html>\n")


def _table(metrics):
    body = "".join(f"<tr><th scope=row>{escape(a)}</th><td>{escape(b)}</td><td>{escape(c)}</td></tr>" for a, b, c in rows(metrics))
    return ("<div class=wide><table><thead><tr><th></th><th scope=col>paper</th><th scope=col>here</th></tr></thead>"
            f"<tbody>{body}</tbody></table></div>")


def _figure(stem, figure, alternative, caption):
    image = base64.b64encode(to_png(figure, dpi=160)).decode()
    return (f'<figure id="{escape(stem)}"><img src="data:image/png;base64,{image}" alt="{escape(alternative)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>")


def _how(metrics):
    kept = {name: metrics[name] for name in ("hardware", "versions", "commit", "seconds", "images", "test_groups", "config")}
    return f"<pre>{escape(json.dumps(kept, indent=1))}</pre>"
