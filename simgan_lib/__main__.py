"""The command line: `python -m simgan_lib COMMAND --help`, or `simgan COMMAND --help` where the kit was installed.

Exit status: 0 done, 2 bad input (one line says what), 130 interrupted (the same command goes on).
A command is a function and a line in COMMANDS.  It imports what it needs when it runs: torch alone takes a second, and
--help should not.
"""

import argparse
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from pathlib import Path

from .system.errors import GOES_ON, UserError, exit_status
from .system.settings import COUNT, PROCESSES, SEED, SEEDS, Parser, text


def main(argv=None):
    """Run one command.  Returns the exit status."""
    arguments = _parser().parse_args(argv)
    if "profile" in arguments and arguments.profile is None:
        arguments.profile = os.environ.get("SIMGAN_PROFILE") or "quick"
    goes_on = arguments.run in (_reproduce, _gaze_table, _ablate, _train, _ship)
    return exit_status(lambda: _run(arguments), **({"stopped": GOES_ON} if goes_on else {}))


def _run(a):
    if os.environ.get("WORLD_SIZE", "1") != "1" and a.run is not _train:
        raise UserError("several processes were started for one command, expected one: of all commands only `train` works in ranks")
    a.run(a)


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of an option, where it has one."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def _parser():
    called = "simgan" if Path(sys.argv[0]).stem == "simgan" else "python -m simgan_lib"
    parser = Parser(prog=called, description="SimGAN: simulate, refine, measure.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, says, options) in COMMANDS.items():
        command = commands.add_parser(name, help=says, formatter_class=_Help)
        command.set_defaults(run=run)
        for names, how in options:
            command.add_argument(*names, **how)
    return parser


# ---- what the commands do ----
def _reproduce(a):
    from .experiments.reproduce import reproduce
    from .experiments.tables import format_table
    folder, job = reproduce(a.profile, a.seeds, a.real, device=a.device, results=a.results, first_seed=a.first_seed,
                            record=a.record, **_kept_apart(a))
    print(f"{format_table(job)}\n\nThe report: {folder / 'report.html'}")


def _gaze_table(a):
    from .experiments.gaze_methods import EXPERIMENT, gaze_study, method_table, size_table
    from .experiments.records import read
    from .experiments.reproduce import run_folder
    from .experiments.tables import no_interval
    path = a.records or run_folder(a.results, a.profile, a.real) / "gaze.jsonl"
    gaze_study(path, a.profile, a.seeds, a.real, device=a.device, results=a.results, first_seed=a.first_seed, **_kept_apart(a))
    job, = read(path).jobs(experiment=EXPERIMENT, profile=a.profile, domain="MPIIGaze" if a.real else "stand-in")
    said = "\n\n".join(filter(None, (size_table(job), no_interval(job))))
    print(f"{said}\n\nMean error in degrees:\n{method_table(job)}\n\nThe records: {path}")


def _kept_apart(a):
    return {"test_days": _names(a, "--test-days", a.test_days, "days such as day03,day06"),
            "test_people": _names(a, "--test-people", a.test_people, "people such as p10,p11")}


def _names(a, option, given, expected):
    if given and not a.real:
        raise UserError(f"{option} goes with --real: the stand-in domain keeps its own days apart")
    names = [name.strip() for name in given.split(",")] if given else None
    if names and not all(names):
        raise UserError(f"{option}: expected names of {expected}, found {given!r}")
    return names


def _simulate(a):
    from .experiments.runs import shown_progress
    from .images import as_arrays
    from .simulators.camera import stand_in
    from .simulators.eyes import simulate
    from .system.image_sets import put_together, work_place
    with work_place(a.out, "simulate") as place:
        made = (stand_in if a.stand_in else simulate)(a.number, seed=a.seed, progress=shown_progress("simulating"))
        put_together(place, a.out, [as_arrays(made)], made.source, writer="simulate")
    print(f"{len(made)} images of {tuple(made.images.shape[1:])} in {a.out}")


def _train(a):
    from .experiments.domains import profile_named
    from .experiments.metrics import watching
    from .experiments.runs import train_refiner
    from .images import ImageSet
    from .pretrained import Sizes, read_card
    from .system.checkpoints import save_module
    from .system.ranks import joined
    config = profile_named(a.profile).training
    config = replace(config, **_assigned(config, a.set))
    state = Path(f"{a.out}.run.state")
    with (joined(a.device) as (ranks, device), ranks.claimed(a.out) as out,
          watching(a.metrics, a.tensorboard) if ranks.first else nullcontext(()) as watch):
        if ranks.first and out.exists() and read_card(a.out).get("writer") != "train":
            raise UserError(f"{a.out}: a refiner that train did not write stands there, and is not replaced; delete it, or name "
                            "another file")
        synthetic, real = ImageSet.load(a.synthetic), ImageSet.load(a.real)
        trained = train_refiner(state, config, synthetic, real, a.seed, device, watch=watch, ranks=ranks)
        if ranks.first:
            save_module(a.out, trained.refiner, {"writer": "train", **asdict(Sizes.of(trained.refiner)), "seed": a.seed,
                                                 "steps": config.total, "synthetic": synthetic.source, "real": real.source,
                                                 "last_losses": (trained.records or [None])[-1]})
            print(f"the refiner: {a.out}\nits losses and the state of the run: {state}")


def _assigned(config, texts):
    """["name=value", ...] -> {name: value of the type that the configuration has there}."""
    rules, values = {field.name: field.type for field in fields(config)}, {}
    for said in texts:
        name, _, value = said.partition("=")
        if name not in rules:
            raise UserError(f"--set {said}: expected NAME=VALUE, NAME being one of {', '.join(rules)}")
        if name in values:
            raise UserError(f"--set {name}: given twice, expected once")
        try:
            values[name] = rules[name](value)
        except argparse.ArgumentTypeError as error:
            raise UserError(f"--set {name}: {error}") from error
    return values


def _refine(a):
    from .experiments.runs import shown_progress
    from .images import ImageSet, save_parts
    from .pretrained import load_refiner
    from .system.device import resolve_device
    from .system.places import apart
    from .training import refined_parts
    refiner = load_refiner(a.refiner).to(resolve_device(a.device))
    images = ImageSet.load(a.synthetic)
    apart(a.out, a.synthetic)
    refined = refined_parts(refiner, images, progress=shown_progress("refining"))
    n = save_parts(a.out, refined, f"refined from: {images.source}", "refine")
    print(f"{n} refined images in {a.out}")


def _evaluate(a):
    from .evaluation.gaze import gaze_report, predict_gaze, train_gaze_estimator
    from .experiments.domains import profile_named
    from .experiments.runs import shown_progress
    from .images import ImageSet, group_names
    from .system.device import resolve_device
    if os.path.realpath(a.training) == os.path.realpath(a.test):
        raise UserError(f"{a.test}: is what is learned from; expected other images to measure on")
    training, test = ImageSet.load(a.training), ImageSet.load(a.test)
    for folder, images in ((a.training, training), (a.test, test)):
        if "gaze" not in images.labels:
            raise UserError(f"{folder}: no gaze labels there; found {', '.join(images.labels) or 'no labels'}")
    if training.images.shape[1:] != test.images.shape[1:]:
        raise UserError(f"{a.test}: images of {tuple(test.images.shape[1:])}, expected {tuple(training.images.shape[1:])}")
    if not len(test):
        raise UserError(f"{a.test}: no images to measure on")
    network = train_gaze_estimator(training, profile_named(a.profile).gaze, a.seed, resolve_device(a.device),
                                   progress=shown_progress("gaze estimator"))
    found = gaze_report(predict_gaze(network, test), test.labels["gaze"], seed=a.seed, groups=group_names(test.groups))
    error, share = found["gaze_error_deg"], found["within_7_deg"]
    interval = f"95 % interval {error['low']:.2f} to {error['high']:.2f}" if error["low"] is not None else (
        f"no interval: {'one image' if len(test) == 1 else 'all images are of one day'}")
    print(f"mean gaze error {error['mean']:.2f} degrees ({interval}), "
          f"{share['mean']:.1f} % within 7 degrees, on {len(test)} images")


def _ablate(a):
    from .experiments.ablations import format_table, sweep
    job, path = sweep(a.profile, a.seeds, a.only, a.jobs, a.device, a.results, a.records, cluster=a.cluster)
    print(f"{format_table(job)}\n\nThe records: {path}")


def _ship(a):
    from .experiments.shipped import ship
    from .system.device import resolve_device
    print(f"the refiner: {ship(a.name, a.profile, a.seed, resolve_device(a.device), runs=a.results)}")


def _results(a):
    from .experiments.records import RECORDED
    from .experiments.results_page import write_pages
    for path, changed in write_pages(a.checkout, a.records or RECORDED).items():
        print(f"{path}: {'made anew' if changed else 'as it was'}")


# ---- how they are called ----
def _option(*names, **how):
    return names, how


PROFILE = _option("--profile", default=None, help="quick, full, paper, or another of `domains.PROFILES` "
                  "(default: what SIMGAN_PROFILE says, else quick)")
DEVICE = _option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
ONE_SEED = _option("--seed", type=SEED, default=0)
REPLACES = "; replaces what this command wrote there, and nothing else"
RESULTS = _option("--results", type=text, default="results", help="where results go")
MAIN_JOB = (
    PROFILE, _option("--seeds", type=SEEDS, default=1, help="how many runs to average"),
    _option("--first-seed", type=SEED, default=0,
            help="seeds may be spread over machines; those in one FILE of records are averaged"),
    _option("--real", type=text, metavar="DIR",
            help="MPIIGaze (the release, or a part) instead of the stand-in domain"),
    _option("--test-days", type=text,
            help="days of --real kept apart for the measurement: day03,day06,... of one person (not given: every third), "
                 "p01/day03,... of several"),
    _option("--test-people", type=text,
            help="people of --real kept apart for the measurement: p10,p11,...; every third of several if neither is given"),
    RESULTS, DEVICE)
COMMANDS = {              # name: (function, what it does, options)
    "reproduce": (_reproduce, "the main job: refine, train gaze estimators, measure, report", (
        *MAIN_JOB,
        _option("--record", type=text, metavar="FILE", help="also add the run's numbers to this file of records (.jsonl)"))),
    "gaze-table": (_gaze_table, "gaze: 1x and 4x images, other methods; after `reproduce` it goes on there", (
        *MAIN_JOB,
        _option("--records", type=text, metavar="FILE",
                help="where the records go (.jsonl); beside the run's stages if not given"))),
    "ablate": (_ablate, "the sweep of ablations; a stopped sweep goes on", (
        _option("--profile", default="quick", help="quick or full"),
        _option("--seeds", type=SEEDS, default=3, help="runs of each ablation"),
        _option("--only", nargs="+", default=[], metavar="NAME",
                help="these ablations alone, such as base no-history, or all of a group: ideas, choices, as-published"),
        _option("--jobs", type=PROCESSES, default=1, help="processes at once, on this machine"),
        _option("--cluster", type=text, metavar="ADDRESS",
                help="a Dask scheduler, such as tcp://login:8786: its workers run them (dask worker --nthreads 1)"),
        _option("--records", type=text, metavar="FILE", help="where the records go (.jsonl); beside the runs' files if not given"),
        RESULTS, DEVICE)),
    "simulate": (_simulate, "write labelled eye images", (
        _option("out", help=f"folder to write{REPLACES}"), _option("--number", type=COUNT, default=10_000),
        _option("--stand-in", action="store_true", help="the stand-in real domain instead of synthetic eyes"), ONE_SEED)),
    "train": (_train, "train a refiner; a killed run goes on", (
        _option("synthetic", help="folder of an image set to refine"),
        _option("real", help="folder of an image set to resemble; its labels are not looked at"),
        _option("out", help=f"the refiner's file (.safetensors){REPLACES}"),
        _option("--set", metavar="NAME=VALUE", action="append", default=[],
                help="another value than the profile's, of any field of TrainingConfig: --set regularization=0.1"),
        _option("--metrics", type=text, metavar="FILE",
                help="the losses while it runs, a JSON object a line (.jsonl); replaces what this command wrote there"),
        _option("--tensorboard", type=text, metavar="DIR", help="the same as curves for TensorBoard; a folder of this run alone"),
        PROFILE, ONE_SEED, DEVICE)),
    "refine": (_refine, "refine an image set; its labels stay", (
        _option("refiner", help="a refiner's file"), _option("synthetic", help="folder of an image set"),
        _option("out", help=f"folder to write{REPLACES}"), DEVICE)),
    "evaluate": (_evaluate, "train a gaze estimator on one image set, measure it on another", (
        _option("training", help="folder of an image set with gaze labels"), _option("test", help="folder of another"),
        PROFILE, ONE_SEED, DEVICE)),
    "ship": (_ship, "train one of the refiners that come with the kit; a killed run goes on", (
        _option("name", help="gray, gray-no-history, ...: see simgan_lib/experiments/shipped.py"),
        _option("--profile", default="full", help="quick, full or paper"), ONE_SEED, RESULTS, DEVICE)),
    "results": (_results, "make the pages of results and of refiners, and README's table, anew of records and cards", (
        _option("checkout", nargs="?", default=".", help="where docs/results.md, docs/refiners.md and README.md are"),
        _option("--records", type=text, metavar="DIR", help="folder of the records; those that come with the kit if not given"))),
}


if __name__ == "__main__":
    sys.exit(main())
