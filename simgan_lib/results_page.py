"""docs/results.md, made of records alone: the paper's numbers beside every run that was recorded.

`reproduce --record` adds a run's record, `python -m simgan_lib results` makes the page; a test holds them together.
"""

from pathlib import Path

from .ablations import MEASURES, load_records, summarised
from .comparison import MISSING, comparison
from .gaze_records import method_table, size_table
from .records import RECORDED, markdown_table, read_records, save_records

RUN = ("profile", "domain")                         # a newer record of the same takes the older one's place
KEPT = (*RUN, "seeds", "gaze_error_deg", "within_7_deg", "relative_reduction_percent", "gap_closed_percent",
        "mean_answer_error_deg", "pupil_shift_px", "two_sample_accuracy", "kernel_distance", "collapse", "images", "seconds",
        "hardware", "versions", "commit", "command")
SINCE = ("calibrated_error_deg", "pupil_scatter")   # kept as well, and missing in older records
PROFILES = ("quick", "full", "paper")


def record_of(metrics, real=None):
    """What is kept of a run's metrics.  real: the folder of real images, whose name is nobody's business."""
    command = metrics["command"].replace(str(real), "DIR") if real else metrics["command"]
    later = {name: metrics[name] for name in SINCE if name in metrics}
    return {name: metrics[name] for name in KEPT} | later | {"command": command}


def save_run(path, metrics, real=None):
    """Add a run's record to a file.  Raises UserError if it holds something else or cannot be written."""
    save_records(path, [record_of(metrics, real)], RUN)


# ---- the page ----
def page(folder=RECORDED):
    """The whole of docs/results.md, of the records in a folder.  Raises UserError for a file that holds no such records."""
    runs = sorted(read_records(folder / "reproduce.jsonl", KEPT), key=_order)
    gaze = read_records(folder / "gaze.jsonl", RUN)
    parts = [HEAD, "## The main job", main_table(runs), NOTES, runs_table(runs)]
    for profile, domain in sorted({(r["profile"], r["domain"]) for r in gaze}, key=lambda run: (PROFILES.index(run[0]), run[1])):
        chosen = [record for record in gaze if (record["profile"], record["domain"]) == (profile, domain)]
        parts += [f"## More images, other methods: {_column(profile, domain)}", size_table(chosen),
                  "Other methods, mean error in degrees:", method_table(chosen), _made_by(chosen)]
    parts += ["## Ablations", *ablation_tables(load_records(folder / "ablations.jsonl"))]
    return "\n\n".join(parts) + "\n"


def write_page(path, folder=RECORDED):
    """Make the page anew  ->  whether it changed."""
    text, path = page(Path(folder)), Path(path)
    changed = not path.exists() or path.read_text() != text
    path.write_text(text)
    return changed


HEAD = """# Results

Made of the records in `simgan_lib/records/` by `python -m simgan_lib results`; no number here was typed. "Stand-in" is the
kit's own second domain, never real eyes; MPIIGaze here is one person, p00, split by day. Deviations from the paper:
[deviations.md](deviations.md)."""
NOTES = """± is the standard deviation over seeds (— with one seed), for the pupil over images; [ ] is the 95 % interval over test
images, whole days resampled. "reported": recalled, not checked against the paper's text. † no better than plain histogram
matching."""


def _order(run):
    return run["domain"] != "stand-in", PROFILES.index(run["profile"])


def _column(profile, domain):
    return f"{domain}, `{profile}`"


def main_table(runs):
    """Paper, and each recorded run, row by row as `comparison` gives them."""
    tables = [_rows(run) for run in runs]
    names = list(dict.fromkeys(name for table in tables for name in table))
    head = ["", "paper", *(_column(run["profile"], run["domain"]) for run in runs)]
    rows = [[": ".join(name), next(table[name].paper for table in tables if name in table),
             *(table[name].here if name in table else MISSING for table in tables)] for name in names]
    return markdown_table(head, rows)


def _rows(run):
    """{(title, name): Row}, in words that fit all domains alike."""
    def neutral(text):
        return text.replace("stand-in with labels", "the domain's own, with labels").replace("stand-in", "the domain's")
    groups = comparison(run | {"domain": "stand-in"})
    return {(neutral(title), neutral(row.name)): row for title, rows in groups for row in rows}


def runs_table(runs):
    """What gives each column again, and what it cost."""
    head = ["column", "seeds", "synthetic, unlabelled, test images", "minutes a seed", "hardware", "commit", "command"]
    rows = [[_column(run["profile"], run["domain"]), ", ".join(map(str, run["seeds"])),
             ", ".join(f"{run['images'][name]:,}" for name in ("synthetic", "unlabelled", "test")),
             f"{run['seconds'] / len(run['seeds']) / 60:.0f}", run["hardware"], run["commit"], f"`{run['command']}`"]
            for run in runs]
    return markdown_table(head, rows)


def _made_by(records):
    first = records[0]
    minutes = sum(record["seconds"] for record in records) / 60
    return f"`{first['command']}`, commit {first['commit']}, {first['device']}, {minutes:.0f} minutes of training."


def ablation_tables(records):
    """One table: each ablation's difference to the base, with 95 % intervals over seeds, measure by measure."""
    titles = {record["name"]: record["title"] for record in records}
    found = {key: summarised(records, key) for key in MEASURES}
    head = ["", *(heading for heading, _, _ in MEASURES.values())]
    rows = [[title, *(_cell(found[key].get(name), MEASURES[key][2]) for key in MEASURES)] for name, title in titles.items()]
    seeds = len({record["seed"] for record in records})
    legend = "; ".join(f"*{heading}*: {meaning}" for heading, meaning, _ in MEASURES.values())
    return [markdown_table(head, rows), f"Mean ± standard deviation over {seeds} seeds, profile {records[0]['profile']}. {legend}.",
            f"`{records[0]['command']}`, commit {records[0]['commit']}, {records[0]['hardware']}."]


def _cell(row, form):
    if row is None:
        return MISSING
    sd = row["found"]["sd"]
    return f"{row['found']['mean']:{form}}" + (f" ± {sd:{form}}" if sd is not None else "")
