"""The part of docs/results.md about SimGAN's neighbours: how discriminators forget, and parts from one label."""

from .claims import NOTE, claims_table
from .study_tables import arms_table, differences_table, over_seeds, subjects
from .tables import made_by, minutes_of, shown

CYCLE = {                # measure: (heading, how it is printed)
    "balanced_accuracy_20": ("balanced accuracy, 20 steps after a switch", ".3f"),
    "auc_10_cycle_1": ("AUC, 10 steps, first time", ".3f"),
    "auc_10_cycle_2": ("AUC, 10 steps, second time", ".3f"),
    "carry_over": ("carried over: second less first", ".3f"),
    "probe_percent": ("ten kinds by a linear probe, %", ".1f"),
}
GANS = {"probe_percent": ("probe at the end, %", ".1f"), "probe_from_best_percent": ("end less best, points", ".1f")}
SAID = {"none": "none: its task alone", "rotation": "rotations", "shuffled": "rotations with shuffled labels (control)",
        "labels": "all ten kinds from their labels (bound)"}


def neighbours_parts(records):
    """Headings, tables and notes; nothing for what was not measured."""
    parts = [text for experiment, part in PARTS.items() for job in records.jobs(experiment=experiment) for text in part(job)]
    return ["## The neighbours: SS-GAN and RepurposeGAN", claims_table(records), NOTE, *parts] if parts else []


def cycle_part(job):
    """SS-GAN's Figure 3."""
    return [f"### Ten tasks in a circle, {job.domain} (SS-GAN, Figure 3)",
            arms_table(job, CYCLE, "beside the task it learns", SAID),
            differences_table(job, (("rotation", "none"), ("rotation", "shuffled")), CYCLE),
            "A discriminator learns to tell one kind from all others, kind after kind, twice through. ± and [ ] over seeds. The "
            "paper's curves are of CIFAR-10, with 1,000 steps a task. "
            f"{made_by(job)}, {minutes_of(job):.0f} minutes."]


def gan_part(job):
    """SS-GAN's Figure 2."""
    return [f"### A probe of the discriminator's features over a GAN's training, {job.domain} (SS-GAN, Figure 2)",
            arms_table(job, GANS, "GAN"), differences_table(job, (("SS-GAN", "plain GAN"),), GANS),
            "A logistic regression learns the ten kinds from features; the GAN sees no label. The paper's curve on CIFAR-10 falls "
            "after a while without rotations and keeps rising with them. "
            f"{made_by(job)}, {minutes_of(job):.0f} minutes."]


def memory_part(job):
    """How well SimGAN's discriminator tells refined eyes of the past, and the gaze error, arm by arm."""
    measures = {f"auc_{age}": (f"AUC, k = {age}", ".2f") for age in job.first["ages"] if age in (0, 10, 50, 100, 200, 500)}
    measures |= {"balanced_accuracy_500": ("balanced accuracy, k = 500", ".2f"), "gaze_error": ("gaze error, degrees", ".2f")}
    compared = {name: measures[name] for name in ("auc_0", "auc_500", "balanced_accuracy_500", "gaze_error") if name in measures}
    first = subjects(job, "gaze_error")[0]
    return ["### SimGAN's discriminator and refined eyes of k rounds ago",
            arms_table(job, measures, "arm"),
            differences_table(job, [(arm, first) for arm in subjects(job, "gaze_error")[1:]], compared),
            "The discriminator of the last hundred rounds judges what the refiner made k rounds before, beside stand-in eyes that "
            f"it never saw. 0.5 is guessing. ± and [ ] over seeds. {made_by(job)}, {minutes_of(job):.0f} minutes."]


PAIRS = [*((f"generator, {n}", f"{other}, {n}") for n in ("1 label", "5 labels", "10 labels")
           for other in ("augmented UNet", "denoiser", "denoiser, student", "generator, a third of the steps")),
         *((f"denoiser, student, {n}", f"denoiser, {n}") for n in ("1 label", "5 labels", "10 labels")),
         *((f"generator, a third of the steps, {n}", f"denoiser, {n}") for n in ("5 labels", "10 labels")),
         ("generator, 1 label", "nearest neighbour, 1 label"),
         ("nearest neighbour, 1 label", "random network, nearest neighbour, 1 label")]


def _over_draws(job, subject, measure, form):
    """As `over_seeds`; of a share of few images, which has no interval by Student's t, mean and deviation."""
    return shown(job.get(subject, measure), form) if measure == "no_pupil_percent" else over_seeds(job, subject, measure, form)


def parts_part(job):
    """Intersection over union by part, for each method and number of labels."""
    measures = {f"iou_{part}": (part, ".3f") for part in ("mean", "skin", "sclera", "iris", "pupil")}
    measures |= {"pupil_px": ("pupil's centre off by, px", ".2f"), "no_pupil_percent": ("no pupil seen in, %", ".1f")}
    return ["### Parts of an eye from few labels (RepurposeGAN): intersection over union",
            arms_table(job, measures, "method, labels", cell=_over_draws),
            differences_table(job, PAIRS, {"iou_mean": ("mean", ".3f")}),
            f"On {job.first['images']:,} fresh simulated eyes with exact masks; [ ] and *seeds*: over draws of the labelled eyes; "
            "the pupil's error is of eyes in which one was seen. "
            "Rows that begin with *drawn eyes* are heads alone, measured on the generator's own eyes (the same command with "
            "`--helps`). What each method is: the first lines of `studies/segmentation.py`. "
            f"{made_by(job)}, {minutes_of(job):.0f} minutes without the networks that know no label, `--helps` and `--others`."]


PARTS = {"forgetting": cycle_part, "SS-GAN": gan_part, "memory": memory_part, "segmentation": parts_part}
