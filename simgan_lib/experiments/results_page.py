"""docs/results.md, made of records alone: the paper's numbers beside every run that was recorded.

The commands of `FILES` add records, `python -m simgan_lib results` makes the page; a test holds them together.
"""

import statistics
from pathlib import Path

from ..system.errors import UserError
from ..system.files import write_whole
from .ablations import BASE, MEASURES, PROFILES, summarised
from .cards import card_table, cards_page
from .comparison import MISSING, comparison
from .domains import PROFILES as REPRODUCED
from .gaze_records import method_table, order_table, size_table
from .joining import joined
from .records import RECORDED, check_addable, markdown_table, read_records, save_records
from .reproduce import command_line

RUN = ("profile", "domain")                         # a newer record of the same takes the older one's place
KEPT = (*RUN, "seeds", "gaze_error_deg", "within_7_deg", "relative_reduction_percent", "gap_closed_percent",
        "mean_answer_error_deg", "pupil_shift_px", "two_sample_accuracy", "kernel_distance", "collapse", "images", "seconds",
        "hardware", "versions", "commit", "command")
SINCE = ("calibrated_error_deg", "deviations", "pupil_scatter", "config", "data_digest")       # missing in older records
TO_JOIN = ("deviations", "pupil_scatter")           # without these no seed can join a record
MADE = ("seconds", "commit", "command")             # what every record says of how it came about
FILES = {                 # file: (what its command needs to fill it, what its records must have)
    "reproduce.jsonl": ("--record", KEPT),
    "gaze.jsonl": ("--records", (*RUN, *MADE, "device", "method", "training_set", "times", "images", "seeds")),
    "ablations.jsonl": ("--only ideas --records", (*MADE, "hardware", "profile", "name", "title", "seed", "config", "measured")),
    "choices.jsonl": ("--only choices --records", (*MADE, "hardware", "profile", "name", "title", "seed", "config", "measured")),
    "features.jsonl": ("--record", (*MADE, "hardware", "psi", "regularization", "seed", "distance", "found", "iris")),
    "twins.jsonl": ("--record", (*MADE, "hardware", "profile", "refiner", "gaze_error_deg", "within_7_deg")),
    "told_apart.jsonl": ("--record", (*MADE, "hardware", "images", "right_percent", "by_evenness_percent")),
}
SWEEPS = {"ablations.jsonl": "Ablations", "choices.jsonl": "What the paper leaves open"}
ORDER = ("quick", "full", "paper")


def record_of(metrics, real=None, test_days=None):
    """What is kept of a run's metrics.  real, test_days: as for `reproduce`; the name of the folder is nobody's business."""
    later = {name: metrics[name] for name in SINCE if name in metrics}
    later |= {"days_apart": list(test_days)} if test_days else {}
    return {name: metrics[name] for name in KEPT} | later | {"command": _command(metrics, real, test_days)}


def _command(run, real, test_days):
    return command_line(run["profile"], len(run["seeds"]), real and "DIR", test_days, run["seeds"][0])


def save_run(path, metrics, real=None, test_days=None):
    """Add a run's record to a file; the older one of the same run gives way, or, if it is of the seeds before, is joined.

    Raises UserError if that is of more seeds or other test days, if the seeds before are not there, if the file holds
    something else or cannot be written.
    """
    record, first = record_of(metrics, real, test_days), metrics["seeds"][0]
    run, days = {name: record[name] for name in RUN}, record.get("days_apart")
    if before := check_addable(path, run, first, len(record["seeds"]), days, TO_JOIN):
        try:
            record = joined(before[0], record)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        record["command"] = _command(record, real, test_days)
    save_records(path, [record], RUN)


# ---- the page ----
def page(folder=RECORDED):
    """The whole of docs/results.md, of the records in a folder.

    Raises UserError for a file that holds no such records, or if there are none at all.
    """
    folder = Path(folder)
    found = {name: read_records(folder / name, needed) for name, (_, needed) in FILES.items()}
    if not any(found.values()):
        raise UserError(f"{folder}: no records there; expected some of {', '.join(FILES)}")
    where = "simgan_lib/experiments/recorded" if folder == RECORDED else folder
    parts = [HEAD.format(where=where), *main_part(found["reproduce.jsonl"]), *gaze_parts(found["gaze.jsonl"])]
    for name, title in SWEEPS.items():
        parts += [f"## {title}", *ablation_tables(found[name])] if found[name] else []
    parts += [*psi_part(found["features.jsonl"]), "## The refiners that come with the kit", CARDS, card_table()]
    parts += [*twins_part(found["twins.jsonl"]), *told_part(found["told_apart.jsonl"]), *recipe(found, where)]
    return "\n\n".join(parts) + "\n"


def write_pages(docs, records=RECORDED):
    """Make results.md and refiners.md in the folder anew  ->  {their path: whether it changed}.  UserError as `page`."""
    changed = {}
    for path, text in ((Path(docs) / "results.md", page(records)), (Path(docs) / "refiners.md", cards_page())):
        changed[path] = not path.exists() or path.read_text() != text
        write_whole(path, [text.encode()])
    return changed


HEAD = """# Results

Made of the records in `{where}/` by `python -m simgan_lib results`; no measured number was typed. The commands that give the
records stand at the end. "Stand-in" is the kit's own second domain, never real eyes; MPIIGaze here is one person, p00, split
by day, every third day for the test unless a command names others. Deviations from the paper:
[deviations.md](deviations.md)."""
NOTES = """± is the standard deviation over seeds (— with one seed; without ±, it was not recorded), for the pupil over images; [ ]
is the 95 % interval over test images, whole days resampled (of runs that were joined seed by seed, the mean of theirs).
*minutes a seed*: on machines that at times had other work.
"reported": recalled, not checked against the paper's text. † no
better than plain histogram matching."""
GAZE_NOTES = """*images*: of each simulated set, and of the domain's own labelled one; support vectors get at most 5,000 of them,
adaptive linear regression 2,000. The CNN is a small one; the published one was never trained here."""
CARDS = "From their cards, measured on eyes that no training drew; the rest of each card: [refiners.md](refiners.md)."


def _order(run):
    return run["domain"] != "stand-in", ORDER.index(run["profile"])


def _column(profile, domain):
    return f"{domain}, `{profile}`"


def _minutes(records):
    return sum(record["seconds"] for record in records) / 60


# ---- the main job, and gaze ----
def main_part(runs):
    """The heading and the tables of the main job; nothing without runs."""
    runs = sorted(runs, key=_order)
    return ["## The main job", main_table(runs), NOTES, runs_table(runs)] if runs else []


def main_table(runs):
    """Paper, and each recorded run, row by row as `comparison` gives them, where at least one run has a number."""
    tables = [_rows(run) for run in runs]
    names = dict.fromkeys(name for table in tables for name, row in table.items() if row.here != MISSING)
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
             f"{_minutes([run]) / len(run['seeds']):.0f}", run["hardware"], run["commit"], f"`{run['command']}`"]
            for run in runs]
    return markdown_table(head, rows)


def gaze_parts(records):
    """Headings and tables of the study on gaze, for each profile and domain."""
    parts = []
    for profile, domain in sorted({(r["profile"], r["domain"]) for r in records}, key=lambda run: (ORDER.index(run[0]), run[1])):
        chosen = [record for record in records if (record["profile"], record["domain"]) == (profile, domain)]
        parts += [f"## More images, other methods: {_column(profile, domain)}", size_table(chosen),
                  "The paper's order, step by step:", order_table(chosen), "Other methods, mean error in degrees:",
                  method_table(chosen), GAZE_NOTES,
                  f"{_made_by(chosen)}, {_minutes(chosen):.0f} minutes of training."]
    return parts


def _made_by(records):
    first, commits = records[0], dict.fromkeys(record["commit"] for record in records)
    return f"`{first['command']}`, commit {', '.join(commits)}, {first.get('hardware') or first['device']}"


# ---- ablations ----
def ablation_tables(records):
    """One table: each ablation's mean ± standard deviation over seeds, measure by measure, and what it took."""
    titles = {record["name"]: record["title"] for record in records}
    found = {key: summarised(records, key) for key in MEASURES}
    head = ["", *(heading for heading, _, _ in MEASURES.values()), "minutes"]
    rows = [[title, *(_cell(found[key].get(name), MEASURES[key][2]) for key in MEASURES), _minutes_a_run(records, name)]
            for name, title in titles.items()]
    seeds = len({record["seed"] for record in records})
    legend = "; ".join(f"*{heading}*: {meaning}" for heading, meaning, _ in MEASURES.values())
    return [markdown_table(head, rows), f"Mean ± standard deviation over {seeds} seeds. {legend}; *minutes*: a run, on "
            "a machine that at times had other work.",
            settings(records), f"{_made_by(records)}, {_minutes(records):.0f} minutes."]


def _cell(row, form):
    if row is None:
        return MISSING
    sd = row["found"]["sd"]
    return f"{row['found']['mean']:{form}}" + (f" ± {sd:{form}}" if sd is not None else "")


def _minutes_a_run(records, name):
    return f"{statistics.mean(record['seconds'] for record in records if record['name'] == name) / 60:.1f}"


def settings(records):
    """How large the runs of a sweep were, a sentence or two: from the base's record and the sweep's profile."""
    name = records[0]["profile"]
    config = next((record["config"] for record in records if record["name"] == BASE), None)
    profile = PROFILES[name]
    said = (f"Profile `{name}` of the sweep: {profile.synthetic:,} synthetic, {profile.real:,} unlabelled, {profile.test:,} test "
            f"images, {profile.gaze.steps:,} updates of the gaze estimator")
    if config:
        # Records of before say refiner_rate.
        rates = [config.get(f"{player}_lr", config.get(f"{player}_rate")) for player in ("refiner", "discriminator")]
        said += (f"; the base has {config['steps']:,} rounds of batches of {config['batch']}, {config['width']} feature maps, "
                 f"learning rates {rates[0]:g} and {rates[1]:g}, "
                 f"lambda {config['regularization']:g}, a history of {config['buffer']:,}")
    if profile == REPRODUCED.get(name):
        return f"{said}."
    return f"{said}. These sizes are the sweep's own, not those of the main job's `{name}`: compare within this table alone."


# ---- what psi protects ----
def psi_part(records):
    """What training with each psi and lambda did to light and label, over seeds; nothing without records."""
    if not records:
        return []
    groups = {}
    for record in sorted(records, key=lambda record: (record["seed"] >= 0, record["psi"], record["regularization"])):
        groups.setdefault((record["psi"], record["regularization"] or MISSING), []).append(record)
    rows = [[psi, str(weight), *(_over_seeds([record[key] for record in runs]) for key in ("distance", "found", "iris"))]
            for (psi, weight), runs in groups.items()]
    head = ["psi", "lambda", "gray levels from the ideal", "pupil within 1 px, %", "contrast of the iris, % of the ideal's"]
    return ["## Psi: light may change, the label may not", markdown_table(head, rows),
            "Simulated eyes refined towards eyes that squint into the evening sun (notebook 06); the first lines are not refined. "
            f"± over seeds. {_made_by(records)}, {_minutes(records):.0f} minutes."]


# ---- what the shipped refiners were measured to do ----
def twins_part(records):
    """The gaze error after training on what each shipped gray refiner makes; nothing without records."""
    if not records:
        return []
    rows = [[record["refiner"], f"`{record['profile']}`", _ends(record["gaze_error_deg"], ".2f"),
             _ends(record["within_7_deg"], ".1f")] for record in records]
    return ["### Gaze, after training on what they make",
            markdown_table(["refiner", "profile", "mean error, degrees", "% within 7 degrees"], rows),
            f"One seed; [ ] as above. {_made_by(records)}, {_minutes(records):.0f} minutes."]


def _ends(report, form):
    return f"{report['mean']:{form}} [{report['low']:{form}}, {report['high']:{form}}]"


def told_part(records):
    """How often refined eyes are told from the domain's, beside what could be had at best; nothing without records."""
    parts = []
    for record in records:
        rows = [[kind, _over_seeds(values), _over_seeds(record["by_evenness_percent"][kind])]
                for kind, values in record["right_percent"].items()]
        parts += [f"### Told from the stand-in domain, {record['images']:,} images a side",
                  markdown_table(["images", "a network, % right (50: by guessing)", "evenness, % right"], rows),
                  f"± over {len(record['seeds'])} seeds of eyes, camera and classifier. *evenness*: by one number, how far "
                  "a crop's mean is from middle gray; the stand-in's crops are equalised, each for itself, at 36 x 60 pixels, "
                  "which leaves some 0.8 gray levels at 35 x 55. *Matched once more*, to one histogram for all, crops have all "
                  "the same mean, which gives them away; *one by one*, each has the gray levels of some crop of the domain. "
                  f"{_made_by([record])}, {_minutes([record]):.0f} minutes."]
    return parts


def _over_seeds(values):
    return f"{statistics.mean(values):.1f} ± " + (f"{statistics.stdev(values):.1f}" if len(values) > 1 else MISSING)


# ---- how it is all made again ----
def recipe(found, where):
    """The commands, with their options, that give the records, file by file, and the one that makes the page of them."""
    lines = [f"{command} {_seeds(name, records)}{FILES[name][0]} {where}/{name}"
             for name, records in found.items() for command in dict.fromkeys(record["command"] for record in records)]
    return ["## Made again by", "```\n" + "\n".join([*lines, "python -m simgan_lib results"]) + "\n```",
            "DIR: a folder with MPIIGaze. A record takes the place of the older one of the same run; one of fewer seeds or with "
            "other test days is refused. `results --records FOLDER` makes the page of another folder's records."]


def _seeds(name, records):
    """A sweep's records do not say how many seeds were asked for, each being a run of its own."""
    return f"--seeds {len({record['seed'] for record in records})} " if name in SWEEPS else ""
