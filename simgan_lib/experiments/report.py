"""The report of a run: its figures as files, and one HTML page that holds all of it and needs no network.

The page is written last, so a folder with a report is whole.  What it looks like: report.html.jinja.
Taught in: notebook 05.
"""

import json
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import paper
from ..figures import html_image, results, save_figure, waterfall
from ..figures.base import TRAINING_SETS, real_name
from ..system.files import write_whole
from .attribution import headline, steps
from .tables import comparison, findings, not_measured, notes, shown

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)
TEMPLATES.filters["json"] = lambda value: json.dumps(value, indent=1)


def write_report(folder, content, figures, beside=()):
    """Write what is `beside` the page, figures/<stem>.png and .svg, and last report.html into `folder`  ->  path of the page.

    content: a dict of plain text, which is escaped; jinja2 raises UndefinedError for a key that is missing:
      title, domain, lead         of the browser's tab, of the heading "SimGAN on ...", the sentences below it
      findings, notes, missing    lists of sentences: what came out, how to read the table, what was not measured
      table                       [(title of a group of rows, [(name, the paper's cell, our cell)])]
      changes                     {"head": [column], "rows": [(name, [cell])]}: what the refiner did; None if not measured
      facts, folded               [(name, text)] about the run; [(name, value for JSON)], shown when one asks for it
    figures: a list of (stem, matplotlib Figure, alternative text, caption), best first.  beside: {name of a file: its text}.
    Raises UserError if something cannot be written; an older page then still stands, whole.
    """
    folder, pictures = Path(folder), []
    for name, text in dict(beside).items():
        write_whole(folder / name, [text.encode()])
    for stem, figure, alternative, caption in figures:
        png, _ = save_figure(figure, folder / "figures" / stem)
        pictures.append({"image": html_image(png.read_bytes(), alternative), "caption": caption})
    page = TEMPLATES.get_template("report.html.jinja").render(content, figures=pictures)
    write_whole(folder / "report.html", [page.encode()])
    return folder / "report.html"


# ---- what the page says ----
COMPARED = {"synthetic": "synthetic", "histogram_matched": "histogram-matched", "refined": "refined"}
CHANGES = {"change": ("mean difference to what entered the refiner, gray levels", ".1f", 1),
           "beyond_tone": ("contrast that no tone curve explains, %", ".0f", 100),
           "gray_level_distance": ("distance of gray levels to {real} images, levels", ".1f", 1),
           "spectrum_distance": ("distance of spectra to {real} images, dB", ".1f", 1)}


def content(job, stage_seconds=()):
    """What `write_report` is to say of a job: a dict of plain text, as its template has it."""
    real, run = real_name(job.domain), job.first
    images = run.get("images") or {}
    tested = f"{images['test']:,} {real} images" if "test" in images else f"{real} images"
    return {"title": f"SimGAN, {job.profile} run, {job.domain}",
            "domain": "the stand-in domain" if real == "stand-in" else job.domain,
            "lead": f"Simulated eyes were made to look like unlabelled {real} ones. Gaze estimators were trained on them "
                    f"before and after, and measured on {tested} that refinement never saw.",
            "findings": findings(job), "table": [(title, [(row.name, row.paper, row.here) for row in rows])
                                                 for title, rows in comparison(job)],
            "notes": notes(job), "changes": _changes(job), "missing": not_measured(job), "facts": _facts(job),
            "folded": [(name, value) for name, value in (("Time of each stage, seconds", list(stage_seconds)),
                                                         ("Configuration", run["job"].get("config"))) if value]}


def _changes(job):
    """The identity-collapse meter: refined images beside untouched and matched ones; None if not measured."""
    kinds = [kind for kind in COMPARED if job.get(kind, "change") is not None]
    rows = [(name.format(real=real_name(job.domain)), [shown(job.get(kind, key), form, factor) for kind in kinds])
            for key, (name, form, factor) in CHANGES.items()]
    return {"head": [COMPARED[kind] for kind in kinds], "rows": rows} if kinds else None


def _facts(job):
    """How the numbers came about, what is known of it."""
    run, seconds = job.first, job.rows[job.rows["measure"] == "seconds"]["value"].sum()
    apart, names = run.get("apart", "days"), list(run.get("days") or {})
    if apart == "people":
        names = dict.fromkeys(name.partition("/")[0] for name in names)
    known = {"profile": job.profile, "domain": job.domain, "seeds": ", ".join(map(str, job.seeds))}
    known |= {f"{name} images": f"{count:,}" for name, count in (run.get("images") or {}).items()}
    known |= {f"test {apart}": ", ".join(names), "time": f"{seconds / 60:.1f} minutes" if seconds else None,
              "versions": ", ".join(f"{name} {version}" for name, version in (run.get("versions") or {}).items())}
    known |= {name: run.get(name) for name in ("hardware", "commit", "command")}
    return [(name, str(value)) for name, value in known.items() if value]


def pictures(job, domain, measured):
    """The report's figures: (file stem, figure, alternative text, caption).  measured: of each seed, as `SeedRun.measure`."""
    first, name = measured[0], domain.name
    shown_ = first["shown"]
    snapshots = {"input": shown_["synthetic"][:4]} | {f"step {step}": images[:4]
                                                      for step, images in thinned(first["snapshots"], 5).items()}
    errors = {k: [m["gaze"][k]["errors"].numpy() for m in measured] for k in first["gaze"]}
    shifts = torch.cat([m["pupil"]["shifts"] for m in measured])
    shifts = shifts[~shifts.isnan().any(1)].numpy()
    published = {"synthetic": paper.GAZE_SYNTHETIC_ERROR.value, "refined": paper.GAZE_REFINED_ERROR.value}
    found = {kind: dict(job.get(kind, "gaze_error_deg")) for kind in TRAINING_SETS}
    made = [
        ("examples", results.examples(shown_["real"], shown_["synthetic"], shown_["refined"], name),
         "Each refined eye stands right below the synthetic one it was made from. Not chosen: the first of the set."),
        ("over_steps", results.refinement_over_steps(snapshots),
         "The same eyes while the refiner learned, as in the article's Figure 6."),
        ("losses", results.losses(first["records"]),
         "Both losses, a patch, as in the article's Figure 7. Where both are ln 2, the discriminator can only guess."),
        ("gaze_curves", results.gaze_curves(errors, name), "Share of test images within d degrees: the higher, the better."),
        ("gaze_errors", results.gaze_errors(found, published, name), "Mean gaze error by what the estimator was trained on."),
        ("attribution", waterfall(steps(job), name), f"{headline(job)} Matching is no part of the paper's method."),
        ("pupil_shifts", results.pupil_shifts(shifts, job.mean("synthetic", "pupil_finder_px")),
         "How far refinement moved the pupil, as in the article's Figure 9."),
        ("gray_levels", results.gray_levels_and_spectra(first["compared"], name),
         "Gray levels and spatial frequencies: what a histogram can match, and what it cannot."),
    ]
    return [(stem, figure, alternative, caption) for stem, (figure, alternative), caption in made]


def thinned(items, n):
    """n entries of a dict, evenly spread, first and last among them."""
    keys = list(items)
    chosen = [keys[round(i)] for i in np.linspace(0, len(keys) - 1, min(n, len(keys)))]
    return {key: items[key] for key in chosen}
