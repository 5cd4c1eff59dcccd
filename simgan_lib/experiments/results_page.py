"""The pages that are made of records alone: docs/results.md, docs/refiners.md, and the table in README.

The commands of `FILES` add records, `python -m simgan_lib results` makes the pages; a test holds them together.
"""

import re
from pathlib import Path

import numpy as np

from .. import paper
from ..figures.base import training_set_name
from ..system.errors import UserError
from ..system.files import reading, write_whole
from .ablations import BASE, CHOICES, IDEAS, PUBLISHED, SWEEP_MEASURES, SWEEP_PROFILES, summarised
from .attribution import attribution_table, headline
from .cards import card_table, cards_page
from .domains import PROFILES
from .gaze_methods import method_table, order_table, size_table
from .hands_page import hands_parts
from .left_page import EXPERIMENT as LEFT
from .left_page import left_parts
from .neighbours_page import neighbours_parts
from .people_page import people_parts
from .records import RECORDED, read
from .tables import MISSING, as_code, comparison, made_by, markdown_table, minutes_of, shown, shown_with_interval

FILES = {                 # file: (the experiments in it, what their command needs to fill it)
    "reproduce.jsonl": ("reproduce", "--record"),
    "gaze.jsonl": ("gaze", "--records"),
    "ablations.jsonl": ("ablations", "--records"),
    "features.jsonl": ("features", "--record"),
    "twins.jsonl": ("twins", "--record"),
    "told_apart.jsonl": ("told apart", "--record"),
    "forgetting.jsonl": ("forgetting", "SS-GAN", "--record"),
    "memory.jsonl": ("memory", "--record"),
    "segmentation.jsonl": ("segmentation", "--record"),
    "hands.jsonl": ("hands", "--record"),
    "people.jsonl": ("people", "--record"),
    "left.jsonl": ("what is left", "--record"),
}
BEFORE = "before.jsonl"   # what is known over seeds alone, from before the one table
ORDER = ("quick", "full", "paper")
BESIDE = {name: (IDEAS | CHOICES)[name] for name in (BASE, "not-refined", "raw-input")}      # what the published rows stand beside
ORACLE = "the domain's own, with labels"


def read_all(folder=RECORDED):
    """The Records of a folder.  UserError for a file that holds no records, or if there are none at all."""
    records = read(*(Path(folder) / name for name in [*FILES, BEFORE]))
    if not records.runs:
        raise UserError(f"{folder}: no records there; expected some of {', '.join(FILES)}")
    return records


def jobs_of(records, experiment):
    """The jobs of an experiment: the stand-in's before real ones, small profiles before large ones, others last."""
    place = {name: at for at, name in enumerate(ORDER)}
    return sorted(records.jobs(experiment=experiment),
                  key=lambda job: (job.domain != "stand-in", place.get(job.profile, len(ORDER)), job.profile))


# ---- the page ----
def page(folder=RECORDED):
    """The whole of docs/results.md, of the records in a folder.  Raises UserError as `read_all`."""
    records = read_all(folder)
    where = "simgan_lib/experiments/recorded" if Path(folder) == RECORDED else folder
    parts = [HEAD.format(where=where), *main_part(main := jobs_of(records, "reproduce")), *steps_part(main),
             *gaze_parts(jobs_of(records, "gaze"))]
    for job in records.jobs(experiment="ablations"):
        parts += ["## Ablations", *ablation_tables(job, IDEAS), "## What the paper leaves open", *ablation_tables(job, CHOICES)]
        if {run["subject"] for run in job.runs.values()} & set(PUBLISHED):
            parts += ["## The method as published", *ablation_tables(job, BESIDE | PUBLISHED)]
    parts += [*psi_part(records.jobs(experiment="features")), "## The refiners that come with the kit", CARDS, card_table()]
    parts += [*twins_part(jobs_of(records, "twins")), *told_part(records.jobs(experiment="told apart"))]
    parts += [*left_parts(jobs_of(records, LEFT)), *people_parts(records), *hands_parts(records), *neighbours_parts(records)]
    parts += recipe(records, where)
    return "\n\n".join(parts) + "\n"


def write_pages(root, records=RECORDED):
    """Make docs/results.md, docs/refiners.md and README's table in a checkout anew  ->  {path: whether it changed}.

    Raises UserError as `page`, if these files are not there, and if README has no place for the table.
    """
    root, changed = Path(root), {}
    readme = root / "README.md"
    if not readme.is_file() or not (root / "docs").is_dir():
        raise UserError(f"{root}: expected a checkout of the kit, found no README.md and docs there")
    with reading(records, "folder of records that a page can be made of", "measure them anew"):
        texts = {root / "docs" / "results.md": page(records), root / "docs" / "refiners.md": cards_page(),
                 readme: with_table(readme, small_table(jobs_of(read_all(records), "reproduce")))}
    for path, text in texts.items():
        changed[path] = not path.exists() or path.read_text(encoding="utf-8") != text
        write_whole(path, [text.encode()])
    return changed


HEAD = """# Results

Made of the records in `{where}/` by `python -m simgan_lib results`; no measured number was typed. The commands that give the
records stand at the end. "Stand-in" is the kit's own second domain, never real eyes. MPIIGaze here is a sample of one person:
2,018 of p00's 3,000 crops of the Evaluation Subset, which went through JPEG. Every third day is for the test unless a command
names others. What the true release gives: [findings.md](findings.md#how-to-read-the-numbers). Deviations from the paper:
[deviations.md](deviations.md)."""
NOTES = """± is the standard deviation over seeds, for the pupil over images; of two seeds both values stand there. [ ] is the 95 %
interval over test images, whole days resampled; p00 has eight test days, of which it comes out too narrow. Behind a
*difference seed by seed* it is the 95 % interval over seeds, by Student's t.
In `full` refined images are matched once more: there *refined against histogram-matched* is the refiner with that matching.
*minutes a seed*: on machines that at times had other work. "reported": recalled, not checked against the paper's text.
† no better than plain histogram matching."""
BEFORE_NOTE = """Some numbers are from before the kit kept sums by day. They are known over their seeds alone, and kept in
`before.jsonl`. Their intervals were computed then. Where seeds had been measured apart, as those of the stand-in in `full`,
that is the mean of theirs. Of two such seeds the smaller value stands first."""
STEPS_NOTES = """Mean gaze error in degrees. *Gained*: by how much it is lower after a step; below 0 it is higher.
*Over seeds*: paired seed by seed, the 95 % interval by Student's t; of two seeds both values. *Over days*: seeds averaged, the
same drawn test days for both sets; — where sums by day were not recorded. *Matching* gives images the gray levels of the
unlabelled ones: a tone curve, ours, no part of the published method. *The refiner* is SimGAN's part, with our changes; its share
holds for this order of steps. *With the matching after*: not measured before that matching. Where seeds do not decide whether
anything is gained, as on p00, there is no share. The last step is what labels of the domain would give."""
GAZE_NOTES = """*images*: of each simulated set, and of the domain's own labelled one; support vectors get at most 5,000 of them,
adaptive linear regression 2,000. The CNN is a small one; the published one was never trained here. ± and [ ] as above."""
CARDS = "From their cards, measured on images that no training drew; the rest of each card: [refiners.md](refiners.md)."


def _column(job):
    return f"{job.domain}, `{job.profile}`"


# ---- the main job ----
def main_part(jobs):
    """The heading and the tables of the main job; nothing without jobs."""
    old = [BEFORE_NOTE] if any(job.rows["seeds"].notna().any() for job in jobs) else []
    return ["## The main job", main_table(jobs), NOTES, *old, runs_table(jobs)] if jobs else []


def main_table(jobs):
    """Paper, and each recorded job, row by row as `comparison` gives them, where at least one job has a number."""
    tables = [{(title, row.name): row for title, rows in comparison(job, ORACLE, "the domain's") for row in rows} for job in jobs]
    names = dict.fromkeys(name for table in tables for name, row in table.items() if row.here != MISSING)
    head = ["", "paper", *map(_column, jobs)]
    rows = [[": ".join(name), next(table[name].paper for table in tables if name in table),
             *(table[name].here if name in table else MISSING for table in tables)] for name in names]
    return markdown_table(head, rows)


def steps_part(jobs):
    """What each step of the pipeline earns in each recorded job; nothing where no job has synthetic and refined images."""
    said = [f"- {_column(job)}: {sentence}" for job in jobs if (sentence := headline(job))]
    table = attribution_table({_column(job): job for job in jobs})
    return ["## What each step earns", table, "\n".join(said), STEPS_NOTES] if said else []


def runs_table(jobs):
    """What gives each column again, and what it cost."""
    head = ["column", "seeds", "synthetic, unlabelled, test images", "minutes a seed", "hardware", "commit", "command"]
    rows = [[_column(job), ", ".join(map(str, job.seeds)),
             ", ".join(f"{job.first.get('images', {}).get(name, 0):,}" for name in ("synthetic", "unlabelled", "test")),
             f"{minutes_of(job) / len(job.seeds):.0f}", job.said("hardware"), job.said("commit"), as_code(job.each_said("command"))]
            for job in jobs]
    return markdown_table(head, rows)


def small_table(jobs):
    """README's table: mean gaze error in degrees, the paper's and ours."""
    published = {"synthetic": paper.GAZE_SYNTHETIC_ERROR, "refined": paper.GAZE_REFINED_ERROR}
    head = ["trained on", "paper, MPIIGaze", *map(_column, jobs)]
    rows = [[ORACLE if kind == "oracle" else training_set_name(kind, "stand-in"),
             f"{published[kind].value:g}" if kind in published else MISSING,
             *(shown(job.get(kind, "gaze_error_deg")) for job in jobs)]
            for kind in ("synthetic", "synthetic_matched", "refined", "oracle")]
    return markdown_table(head, rows)


def with_table(readme, table):
    """README's text with the table between its two marks.  UserError if they are not there."""
    text = readme.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- results: [^\n]*-->\n).*?(<!-- /results -->)", re.DOTALL)
    if not marked.search(text):
        raise UserError(f"{readme}: expected the lines <!-- results: ... --> and <!-- /results -->, found no such pair")
    return marked.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)


# ---- gaze ----
def gaze_parts(jobs):
    """Headings and tables of the study on gaze, for each profile and domain."""
    return [part for job in jobs for part in (
        f"## More images, other methods: {_column(job)}", size_table(job), "The paper's order, step by step:", order_table(job),
        "Other methods, mean error in degrees:", method_table(job), GAZE_NOTES,
        f"{made_by(job)}, {minutes_of(job):.0f} minutes of training.")]


# ---- ablations ----
def ablation_tables(job, names):
    """One table: each ablation's mean ± standard deviation over seeds, measure by measure, and what it took."""
    found = {key: summarised(job, key, names) for key in SWEEP_MEASURES}
    head = ["", *(heading for heading, _, _ in SWEEP_MEASURES.values()), "minutes"]
    rows = [[names[name].title, *(shown(found[key][name]["found"] if name in found[key] else None, SWEEP_MEASURES[key][2])
                                  for key in SWEEP_MEASURES), f"{np.mean(list(seconds.values())) / 60:.1f}"]
            for name in names if (seconds := job.by_seed(name, "seconds"))]
    legend = "; ".join(f"*{heading}*: {meaning}" for heading, meaning, _ in SWEEP_MEASURES.values())
    minutes = sum(sum(job.by_seed(name, "seconds").values()) for name in names) / 60
    return [markdown_table(head, rows), f"Mean ± standard deviation over {len(job.seeds)} seeds. {legend}; *minutes*: a run, on "
            "machines that at times had other work; all tables show the same runs of the base.", *stopped(job, names),
            settings(job), f"{made_by(job, names)}, {minutes:.0f} minutes."]


def stopped(job, names):
    """One sentence for each run that the monitor stopped, in a paragraph; nothing if there is none."""
    said = [f"{names[run['subject']].title}, seed {run['seed']}: {run['failed']}." for run in job.runs.values()
            if run.get("failed") and run["subject"] in names]
    return [" ".join(["Stopped by the monitor, and not measured.", *said])] if said else []


def settings(job):
    """How large the runs of a sweep were, a sentence or two: from the base's record and the sweep's profile."""
    config = next((run["job"]["config"] for run in job.runs.values() if run["subject"] == BASE), {}).get("training")
    profile = SWEEP_PROFILES[job.profile]
    said = (f"Profile `{job.profile}` of the sweep: {profile.synthetic:,} synthetic, {profile.real:,} unlabelled, {profile.test:,} "
            f"test images, {profile.gaze.steps:,} updates of the gaze estimator")
    if config:
        said += (f"; the base has {config['steps']:,} rounds of batches of {config['batch']}, {config['width']} feature maps, "
                 f"learning rates {config['refiner_lr']:g} and {config['discriminator_lr']:g}, "
                 f"lambda {config['regularization']:g}, a history of {config['buffer']:,}")
    if profile == PROFILES.get(job.profile):
        return f"{said}."
    return f"{said}. These sizes are the sweep's own, not those of the main job's `{job.profile}`: compare within this table alone."


# ---- studies ----
def psi_part(jobs):
    """What training with each psi and lambda did to light and label, over seeds; nothing without records."""
    parts = []
    for job in jobs:
        rows = [[*(subject.split(":") if ":" in subject else (subject, MISSING)),
                 *(shown(job.get(subject, measure), ".1f") for measure in ("distance", "found", "iris"))]
                for subject in dict.fromkeys(job.rows["subject"])]
        head = ["psi", "lambda", "gray levels from the ideal", "pupil within 1 px, %", "contrast of the iris, % of the ideal's"]
        parts += ["## Psi: light may change, the label may not", markdown_table(head, rows),
                  "Simulated eyes refined towards eyes that squint into the evening sun (notebook 06); the first lines are not "
                  f"refined. ± over seeds. {made_by(job)}, {minutes_of(job):.0f} minutes."]
    return parts


def twins_part(jobs):
    """The gaze error after training on what each shipped gray refiner makes; nothing without records."""
    rows = [[subject, f"`{job.profile}`", shown_with_interval(job.get(subject, "gaze_error_deg")),
             shown_with_interval(job.get(subject, "within_7_deg"), ".1f")]
            for job in jobs for subject in dict.fromkeys(job.rows["subject"])]
    return ["### Gaze, after training on what they make",
            markdown_table(["refiner", "profile", "mean error, degrees", "% within 7 degrees"], rows),
            " ".join(["One seed; [ ] as above.", *(f"{made_by(job)}, {minutes_of(job):.0f} minutes." for job in jobs)])
            ] if rows else []


def told_part(jobs):
    """How often refined eyes are told from the domain's, beside what could be had at best; nothing without records."""
    parts = []
    for job in jobs:
        rows = [[kind, *(shown(job.get(kind, measure), ".1f") for measure in ("right_percent", "by_evenness_percent"))]
                for kind in dict.fromkeys(job.rows.loc[job.rows["measure"] == "right_percent", "subject"])]
        parts += [f"### Told from the stand-in domain, {job.first['images']:,} images a side",
                  markdown_table(["images", "a network, % right (50: by guessing)", "evenness, % right"], rows),
                  f"± over {len(job.seeds)} seeds of eyes, camera and classifier, of one refiner each. *evenness*: by one number, "
                  "how far a crop's mean is from middle gray; the stand-in's crops are equalised, each for itself, at 36 x 60 "
                  "pixels, which leaves some 0.8 gray levels at 35 x 55. *Matched once more*, to one histogram for all, crops have "
                  "all the same mean, which gives them away; *one by one*, each has the gray levels of some crop of the domain. "
                  "*The simulator's eyes before the domain's camera* differ from the domain in skin, lashes and irises, but also "
                  "in the ranges of light, exposure and the crop's place. "
                  f"{made_by(job)}, {minutes_of(job):.0f} minutes."]
    return parts


# ---- how it is all made again ----
def recipe(records, where):
    """The commands, with their options, that give the records, file by file, and the one that makes the pages of them."""
    lines = []
    for name, (*experiments, option) in FILES.items():
        for job in (job for experiment in experiments for job in records.jobs(experiment=experiment)):
            seeds = f" --seeds {len(job.seeds)}" if job.experiment == "ablations" else ""     # its command does not say how many
            lines += [f"{command}{seeds} {option} {where}/{name}" for command in job.each_said("command")]
    return ["## Made again by", "```\n" + "\n".join([*lines, "python -m simgan_lib results"]) + "\n```",
            "DIR: a folder with MPIIGaze. A number takes the place of the older one of the same seed; a run of other settings, "
            "images or test days is refused. `results --records FOLDER` makes the pages of another folder's records."]
