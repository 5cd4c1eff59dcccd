"""The ablations: one thing changed at a time, over several seeds, everything measured, every finished run kept.

The sweep is data (`IDEAS` of the paper, `CHOICES` it leaves open, all as `PUBLISHED`): a new ablation is a new line.  A run
is a file keyed by its settings and by the code, so a sweep that was stopped goes on, and one whose settings or code have
changed is computed anew.

The runs are independent: they are spread over processes, or over a cluster (`system.spread`), and whoever asked keeps what
they found.
Taught in: notebook 07.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from ..evaluation.gaze import GazeTrainingConfig
from ..evaluation.statistics import interval
from ..system.device import resolve_device
from ..system.errors import UserError
from ..system.files import plain_file, write_whole
from ..system.places import checked, claimed
from ..system.settings import Flag, Number, OneOf, Settings, Whole
from ..system.spread import at_hand, spreading
from ..training import PRESETS
from ..training_config import AS_PUBLISHED
from .differences import seed_by_seed
from .domains import ENTERING, PROFILES, Profile
from .provenance import about, code_digest
from .record_lines import expect, take
from .records import RECORDED, Records, add, check_addable, read, row, run_line
from .runs import Stages
from .trial import from_png, judge, trial

EXPERIMENT = "ablations"
A_RUN = 24 * 3600         # seconds that a run takes at the most
PATCHES = 9 * 14          # verdicts that a local discriminator gives on a crop of 35 x 55

SWEEP_PROFILES = {
    "quick": Profile(replace(PRESETS["quick"], width=16, batch=16, steps=150, refiner_warmup=50, discriminator_warmup=30,
                             buffer=512, refiner_lr=1e-3, discriminator_lr=1e-3, regularization=0.02, ema_decay=0.95),
                     GazeTrainingConfig(steps=700, batch=32), synthetic=2000, real=2000, test=1000, compared=300),
    "full": PROFILES["full"],
}


@dataclass(frozen=True)
class Ablation(Settings):
    """What is changed: fields of TrainingConfig set to other values, numbers multiplied, other input, or no refiner at all.

    summed: the rates are for the paper's sum over the batch; for our mean they are multiplied by its size.  For SGD: Adam does
    not notice.
    """

    title: str
    changes: dict = field(default_factory=dict)
    times_lambda: Number(0, 1000) = 1.0
    times_rates: Number(0, 1000) = 1.0
    times_rounds: Whole(1, 1000) = 1
    summed: Flag() = False
    refine_from: OneOf(ENTERING) = "synthetic_matched"     # as in domains.Profile
    refined: Flag() = True

    def config(self, base):
        """The TrainingConfig of the run, from that of the base."""
        factors = {"regularization": self.times_lambda, "refiner_lr": self.times_rates, "discriminator_lr": self.times_rates,
                   "steps": self.times_rounds}
        config = replace(base, **{name: getattr(base, name) * factor for name, factor in factors.items()} | self.changes)
        batch = config.batch if self.summed else 1
        return replace(config, refiner_lr=config.refiner_lr * batch, discriminator_lr=config.discriminator_lr * batch)

    def profile(self, base):
        """The Profile of the run, from that of the base."""
        return replace(base, training=self.config(base.training), refine_from=self.refine_from)


BASE = "base"
IDEAS = {                 # of the paper, each left out or turned up
    BASE: Ablation("base: history, local, averaged"),
    "not-refined": Ablation("not refined (gray levels matched)", refined=False),
    "no-history": Ablation("no history", {"buffer": 0}),
    "global": Ablation("global discriminator", {"local": False}),
    # One verdict an image, where the local loss sums 126: beside it the same lambda weighs 126 times as much.
    "global-rescaled": Ablation("global, lambda / 126", {"local": False}, 1 / PATCHES),
    "lambda-0": Ablation("lambda 0", times_lambda=0.0),
    "lambda-10": Ablation("lambda x 10", times_lambda=10.0),
    "lambda-100": Ablation("lambda x 100", times_lambda=100.0),
    "residual": Ablation("residual output", {"residual": True}),
    "no-warm-up": Ablation("no warm-up", {"refiner_warmup": 0, "discriminator_warmup": 0}),
    "kg-1": Ablation("K_g : K_d = 1 : 1", {"refiner_updates": 1}),
    "kg-4": Ablation("K_g : K_d = 4 : 1", {"refiner_updates": 4}),
    "kd-4": Ablation("K_g : K_d = 2 : 4", {"discriminator_updates": 4}),
    "last-weights": Ablation("last weights, not their mean", {"ema_decay": 0.0}),
    "no-history-last-weights": Ablation("no history, last weights", {"buffer": 0, "ema_decay": 0.0}),
    "residual-no-warm-up": Ablation("residual, no warm-up",
                                    {"residual": True, "refiner_warmup": 0, "discriminator_warmup": 0}),
}
CHOICES = {               # what the paper leaves open, or we do otherwise: docs/deviations.md
    BASE: IDEAS[BASE],
    "rates-third": Ablation("learning rates / 3", times_rates=1 / 3),
    "rates-3": Ablation("learning rates x 3", times_rates=3.0),
    "sgd": Ablation("SGD at 0.001, averaged", {"optimizer": "sgd", "refiner_lr": 1e-3, "discriminator_lr": 1e-3,
                                                     "warmup_weight": 0.01}),
    "kg-50": Ablation("K_g : K_d = 50 : 1, for 30 rounds", {"refiner_updates": 50, "steps": 30}),
    "batch-64": Ablation("batches of 64", {"batch": 64}),
    "float32": Ablation("float32 throughout", {"mixed_precision": False}),
    "buffer-64": Ablation("history of 64 images", {"buffer": 64}),
    "buffer-4096": Ablation("history of 4,096 images", {"buffer": 4096}),
    "image-pool": Ablation("CycleGAN's image pool", {"image_pool": True}),
    "image-pool-50": Ablation("CycleGAN's image pool of 50", {"image_pool": True, "buffer": 50}),
    "identity": Ablation("psi = identity", {"features": "identity"}),
    "raw-input": Ablation("raw synthetic input, not matched", refine_from="synthetic"),
    "noise": Ablation("noise for the refiner", {"noise": 1}),
    "reflect": Ablation("each convolution mirrors, no margin", {"edges": "reflect"}),
}
RAW = {"refine_from": "synthetic"}
PUBLISHED = {             # the method as the paper describes it, of raw images, and as Apple's article does; its control
    "raw-not-refined": Ablation("raw synthetic, not refined", refined=False, **RAW),
    "published": Ablation("as published, Adam at 0.001", AS_PUBLISHED, **RAW),
    "published-matched": Ablation("as published, gray levels matched", AS_PUBLISHED),
    "published-sgd": Ablation("as published, SGD on the sum", AS_PUBLISHED | {"optimizer": "sgd", "warmup_weight": 0.01},
                              summed=True, **RAW),
    # The article's warm-ups, too: 500 updates, the fewest that it names, and 200.
    "article": Ablation("as published, 0.0001, rounds x 10",
                        AS_PUBLISHED | {"refiner_lr": 1e-4, "discriminator_lr": 1e-4, "refiner_warmup": 500,
                                        "discriminator_warmup": 200}, times_rounds=10, **RAW),
    "article-kg": Ablation("as published, K_g rises up to 50", AS_PUBLISHED | {"refiner_updates_most": 50}, **RAW),
    "batch-norm": Ablation("as published, D with batch norm", AS_PUBLISHED | {"batch_norm": True}, **RAW),
}
SWEEP = IDEAS | CHOICES | PUBLISHED       # in the order in which they are run, seed by seed
# A group is called as no ablation is: a name stands for one or for the other.
GROUPS = {"ideas": IDEAS, "choices": CHOICES, "as-published": PUBLISHED}


# ---- the sweep ----
def sweep(profile_name="quick", seeds=3, only=(), jobs=1, device="auto", results="results", records=None, bar=True, cluster=None):
    """Run what is not kept yet  ->  (Job of all runs asked for, the file that they were added to).

    only: names in SWEEP or GROUPS; all if there are none.  jobs, cluster: where the runs go, as for `spreading`; device: there.
    records: a file of records; by default one beside the runs' own files.  bar: show one.
    On a cluster a run whose worker died goes on where its state is, if `results` is on a disk that the workers share; else it
    begins anew.
    Raises UserError for bad input, and as `spreading` does.
    """
    profile, names = sweep_profile(profile_name), checked_names(only)
    folder = (Path(results) / "ablations" / profile_name).absolute()
    path = Path(records or folder / "records.jsonl")
    checked(folder, folder=True)
    for name in names:
        check_addable(path, _run_line(profile_name, profile, name), range(seeds))              # now, not after hours
    wanted = [(name, seed) for seed in range(seeds) for name in names]         # a stopped sweep has whole seeds
    with spreading(jobs, cluster) as spread:
        device, = spread(_device, [(device,)])
        keys = {each: run_key(profile, *each, device) for each in wanted}
        missing = [each for each in wanted if kept(folder, *each, keys[each]) is None]
        if missing:
            weights = judge(profile, folder, device, spread)
            runs = spread(_run, [(profile_name, profile, *each, keys[each], folder, weights, device) for each in missing])
            for name, seed, found in tqdm(runs, "ablations", len(missing), unit="run", disable=not bar):
                if kept(folder, name, seed, keys[name, seed]) is None:         # of a worker that does not see the folder
                    write_whole(_path(folder, name, seed), found)
    found = [kept(folder, *each, keys[each]) for each in wanted]
    for each in found:
        add(path, each["run"], each["rows"], range(seeds))
    job, = Records.of([each["run"] for each in found],
                      [{"run": each["run"]["run"], **line} for each in found for line in each["rows"]]).jobs()
    return job, path


def sweep_profile(name):
    """The sweep's own Profile of that name.  UserError for another."""
    if name not in SWEEP_PROFILES:
        raise UserError(f"unknown profile {name!r}: expected one of {', '.join(SWEEP_PROFILES)}")
    return SWEEP_PROFILES[name]


def checked_names(only):
    """The names, each once, that are asked for by name or by group.  Raises UserError for one that there is not."""
    names = list(dict.fromkeys(name for word in only for name in GROUPS.get(word, [word])))
    unknown = [name for name in names if name not in SWEEP]
    if unknown:
        raise UserError(f"no ablation {', '.join(unknown)}: expected some of {', '.join([*GROUPS, *SWEEP])}")
    return names or list(SWEEP)


def run_key(profile, name, seed, device):
    """Digest of all that a run's result depends on, the code included (see `runs.Stages`)."""
    ablation = SWEEP[name]
    return Stages("", {"profile": ablation.profile(profile).described(), "refined": ablation.refined, "seed": seed,
                       "device": device, "code": code_digest()}).key


def _path(folder, name, seed):
    return Path(folder) / f"{name}-seed{seed}.json"


def kept(folder, name, seed, key):
    """{"run", "rows"} of a finished run; None if there is none, or one of another `run_key`."""
    try:
        content, runs = json.loads(plain_file(_path(folder, name, seed)).read_text(encoding="utf-8")), {}
        expect(isinstance(content["rows"], list), "a list of rows", content["rows"])
        for line in (content["run"], *({"run": content["run"]["run"], **each} for each in content["rows"])):
            take(line, runs, [])
        return content if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _run_line(profile_name, profile, name, **more):
    ablation = SWEEP[name]
    job = {"config": ablation.profile(profile).described(), "refined": ablation.refined}
    return run_line(EXPERIMENT, profile_name, "stand-in", job, subject=name, **more)


# What runs elsewhere, perhaps: it gets all that it needs, and gives back what is to be kept.
def _device(name):
    return str(resolve_device(name))


def _run(profile_name, profile, name, seed, key, folder, weights, device):
    """(name, seed, the bytes that are kept of it): written where this machine has the folder, too, lest a stopped sweep lose it."""
    ablation, changed = SWEEP[name], SWEEP[name].profile(profile)
    device = str(resolve_device(device))
    # A worker that was given up, or whose sweep was stopped, may still be at work on this very run.
    with at_hand(folder) as place, claimed(_path(place, name, seed), wait=A_RUN) as path:
        if kept(place, name, seed, key) is None:
            found = trial(changed, changed.training if ablation.refined else None, seed, place, weights, device)
            run = _run_line(profile_name, profile, name, seed=seed, failed=found["failed"], shown=found["shown"],
                            **about(torch.device(device), f"python -m simgan_lib ablate --profile {profile_name}"))
            rows = [row(seed, name, measure, value)
                    for measure, value in (found["measured"] | {"seconds": found["seconds"]}).items()]
            write_whole(path, [json.dumps({"key": key, "run": run, "rows": rows}).encode() + b"\n"])
        return name, seed, [path.read_bytes()]


# ---- records, and the table made from them ----
def recorded(path=RECORDED / "ablations.jsonl", profile="quick"):
    """The Job of a file of records; by default of those that come with the kit.  UserError for any other file."""
    jobs = read(path).jobs(experiment=EXPERIMENT, profile=profile)
    if not jobs:
        raise UserError(f"{path}: expected records of ablations with the profile {profile}, found none")
    return jobs[0]


SWEEP_MEASURES = {              # key: (heading, what it is, how it is printed)
    "gaze_error": ("gaze error", "degrees, on stand-in images, after training on the refined ones", ".2f"),
    "foreign": ("foreign", "% of patches with structure that is neither real nor the input's", ".1f"),
    "fixed_pattern": ("pattern", "gray levels of fine structure that all images share", ".2f"),
    "spectrum_distance": ("spectrum", "dB, distance of the power spectrum to the stand-in's", ".1f"),
    "kernel_distance": ("kernel", "kernel distance to the stand-in images, unit arbitrary", ".2f"),
    "pupil": ("pupil", "px, mean distance of the pupil found to the label's", ".2f"),
    "pupil_failed": ("no pupil", "% of images in which no iris was found", ".0f"),
    "change": ("change", "gray levels, mean |refined - input|", ".1f"),
    "last_discriminator": ("D loss", "nats a patch in the last rounds; 0.69 is a guess", ".2f"),
}


def summarised(job, measure, names=SWEEP):
    """{name: {"found": interval, "difference": the same of the differences to the base, seed by seed, or None}}.

    Each has the "values" behind it, too.  In the order of `names`, without ablations of which no run gave the measure.
    """
    table = {}
    for name in names:
        if found := list(job.by_seed(name, measure).values()):
            table[name] = {"found": interval(found) | {"values": found},
                           "difference": seed_by_seed(job, name, BASE, measure) if name != BASE else None}
    return table


def format_table(job, measures=SWEEP_MEASURES, names=SWEEP):
    """The table for a terminal: for each measure mean +- sd [95 % interval], n, and the difference to the base."""
    lines = []
    for key in measures:
        heading, meaning, form = SWEEP_MEASURES[key]
        lines += ["", f"{heading}: {meaning}", f"  {'':36}{'mean ± sd':>17}  {'95 % interval':>18}  n   against the base"]
        for name, line in summarised(job, key, names).items():
            lines.append(f"  {SWEEP[name].title:36}{_said(line['found'], form)}   {_difference(line['difference'], form)}")
    failed = [f"  {SWEEP[run['subject']].title}, seed {run['seed']}: {run['failed']}" for run in job.runs.values()
              if run.get("failed") and run["subject"] in names]
    return "\n".join(lines[1:] + (["", "stopped by the monitor:", *failed] if failed else []))


def _said(found, form):
    spread = "" if found["sd"] is None else f" ± {found['sd']:<5{form}}"
    span = "" if found["low"] is None else f"[{found['low']:{form}}, {found['high']:{form}}]"
    return f"{found['mean']:>11{form}}{spread:8}{span:>18}  {found['n']}"


def _difference(found, form):
    if found is None:
        return ""
    span = "" if found["low"] is None else f" [{found['low']:+{form}}, {found['high']:+{form}}]"
    return f"{found['mean']:+{form}}{span}"


def pictures(job, names=SWEEP):
    """{name: uint8 (5, 1, H, W)}: the same eyes as each ablation refined them, where a record holds them."""
    shown = {run["subject"]: run["shown"] for run in job.runs.values() if run.get("shown")}
    return {name: from_png(shown[name]) for name in names if name in shown}
