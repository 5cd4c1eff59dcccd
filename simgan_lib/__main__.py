"""The command line: `python -m simgan_lib COMMAND --help`.

Exit status: 0 done, 2 bad input (one line says what), 130 interrupted (the same command goes on).
"""

import argparse
import os
import sys
from dataclasses import fields, replace

from .experiments.records import RECORDED
from .system.errors import UserError, exit_status


def main(argv=None):
    """Run one command.  Returns the exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: arguments.run(arguments))


def _parser():
    parser = argparse.ArgumentParser(prog="python -m simgan_lib", description="SimGAN: simulate, refine, measure.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_reproduce, _add_gaze_table, _add_ablate, _add_simulate, _add_train, _add_refine, _add_evaluate, _add_ship,
                _add_results):
        command = add(commands)
        command.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    return parser


def _profile(command):
    command.add_argument("--profile", default=os.environ.get("SIMGAN_PROFILE") or "quick", help="quick, full or paper")


def _device(command):
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")


def _add_reproduce(commands):
    command = commands.add_parser("reproduce", help="the main job: refine, train gaze estimators, measure, report")
    _main_job(command)
    command.add_argument("--record", metavar="FILE", help="also add the run's numbers to this file of records (.jsonl)")
    command.set_defaults(run=_reproduce)
    return command


def _add_gaze_table(commands):
    command = commands.add_parser("gaze-table", help="gaze: 1x and 4x images, other methods; after `reproduce` it goes on there")
    _main_job(command)
    command.add_argument("--records", metavar="FILE", help="where the records go (.jsonl); beside the run's stages if not given")
    command.set_defaults(run=_gaze_table)
    return command


def _main_job(command):
    _profile(command)
    command.add_argument("--seeds", type=_count, default=1, help="how many runs to average")
    command.add_argument("--first-seed", type=_at_least(0), default=0, help="seeds may be spread over machines; "
                         "those in one FILE of records are averaged")
    command.add_argument("--real", metavar="DIR", help="MPIIGaze (the release, or a part) instead of the stand-in domain")
    command.add_argument("--test-days", help="days of --real kept apart for the measurement: day03,day06,...; "
                                             "every third day if not given")
    command.add_argument("--results", default="results", help="where results go")
    _device(command)


def _at_least(lowest):
    def number(text):
        if int(text) < lowest:
            raise argparse.ArgumentTypeError(f"expected at least {lowest}, found {text}")
        return int(text)
    return number


_count = _at_least(1)


def _test_days(a):
    if a.test_days and not a.real:
        raise UserError("--test-days goes with --real: the stand-in domain keeps its own days apart")
    return [day.strip() for day in a.test_days.split(",")] if a.test_days else None


def _gaze_table(a):
    from .experiments.gaze_methods import EXPERIMENT, gaze_study, method_table, size_table
    from .experiments.records import read
    from .experiments.reproduce import run_folder
    path = a.records or run_folder(a.results, a.profile, a.real) / "gaze.jsonl"
    gaze_study(path, a.profile, a.seeds, a.real, _test_days(a), a.device, a.results, first_seed=a.first_seed)
    job, = read(path).jobs(experiment=EXPERIMENT, profile=a.profile, domain="MPIIGaze" if a.real else "stand-in")
    print(f"{size_table(job)}\n\nMean error in degrees:\n{method_table(job)}\n\nThe records: {path}")


def _reproduce(a):
    from .experiments.reproduce import reproduce
    from .experiments.tables import format_table
    folder, job = reproduce(a.profile, a.seeds, a.real, _test_days(a), a.device, a.results, first_seed=a.first_seed,
                            record=a.record)
    print(format_table(job))
    print(f"\nThe report: {folder / 'report.html'}")


def _add_simulate(commands):
    command = commands.add_parser("simulate", help="write labelled eye images")
    command.add_argument("out", help="folder to write")
    command.add_argument("--number", type=_count, default=10_000)
    command.add_argument("--stand-in", action="store_true", help="the stand-in real domain instead of synthetic eyes")
    command.add_argument("--seed", type=int, default=0)
    command.set_defaults(run=_simulate)
    return command


def _simulate(a):
    from .experiments.runs import shown_progress
    from .simulators.camera import stand_in
    from .simulators.eyes import simulate
    made = (stand_in if a.stand_in else simulate)(a.number, seed=a.seed, progress=shown_progress("simulating"))
    made.save(a.out)
    print(f"{len(made)} images of {tuple(made.images.shape[1:])} in {a.out}")


def _add_train(commands):
    command = commands.add_parser("train", help="train a refiner; a killed run goes on")
    command.add_argument("synthetic", help="folder of an image set to refine")
    command.add_argument("real", help="folder of an image set to resemble; its labels are not looked at")
    command.add_argument("out", help="the refiner's file (.safetensors)")
    _profile(command)
    command.add_argument("--set", metavar="NAME=VALUE", action="append", default=[],
                         help="another value than the profile's, of any field of TrainingConfig: --set regularization=0.1")
    command.add_argument("--seed", type=int, default=0)
    _device(command)
    command.set_defaults(run=_train)
    return command


def _train(a):
    from pathlib import Path

    from .experiments.domains import profile_named
    from .experiments.runs import train_refiner
    from .images import ImageSet
    from .system.checkpoints import save_module
    from .system.device import resolve_device
    config = profile_named(a.profile).training
    config = replace(config, **dict(_assigned(config, text) for text in a.set))
    synthetic, real = ImageSet.load(a.synthetic), ImageSet.load(a.real)
    state = Path(a.out).with_suffix(".run.state")
    trained = train_refiner(state, config, synthetic, real, a.seed, resolve_device(a.device))
    save_module(a.out, trained.refiner, {"channels": synthetic.images.shape[1], "width": config.width, "blocks": config.blocks,
                                 "noise": config.noise, "residual": config.residual, "seed": a.seed, "steps": config.total,
                                 "synthetic": synthetic.source, "real": real.source,
                                 "last_losses": trained.records[-1]})
    print(f"the refiner: {a.out}\nits losses and the state of the run: {state}")


def _assigned(config, text):
    """"name=value" -> (name, value of the type that the configuration has there)."""
    name, _, value = text.partition("=")
    kinds = {field.name: type(getattr(config, field.name)) for field in fields(config)}
    if name not in kinds:
        raise UserError(f"--set {text}: expected NAME=VALUE, NAME being one of {', '.join(kinds)}")
    try:
        return name, {"true": True, "false": False}[value.lower()] if kinds[name] is bool else kinds[name](value)
    except (KeyError, ValueError) as error:
        raise UserError(f"--set {text}: {value!r} is no {kinds[name].__name__}") from error


def _add_refine(commands):
    command = commands.add_parser("refine", help="refine an image set; its labels stay")
    command.add_argument("refiner", help="a refiner's file")
    command.add_argument("synthetic", help="folder of an image set")
    command.add_argument("out", help="folder to write")
    _device(command)
    command.set_defaults(run=_refine)
    return command


def _refine(a):
    from .experiments.runs import shown_progress
    from .images import ImageSet, save_parts
    from .pretrained import load_refiner
    from .system.device import resolve_device
    from .training import refined_parts
    refiner = load_refiner(a.refiner).to(resolve_device(a.device))
    images = ImageSet.load(a.synthetic)
    refined = refined_parts(refiner, images, progress=shown_progress("refining"))
    print(f"{save_parts(a.out, refined, f'refined from: {images.source}')} refined images in {a.out}")


def _add_evaluate(commands):
    command = commands.add_parser("evaluate", help="train a gaze estimator on one image set, measure it on another")
    command.add_argument("training", help="folder of an image set with gaze labels")
    command.add_argument("test", help="folder of another")
    _profile(command)
    command.add_argument("--seed", type=int, default=0)
    _device(command)
    command.set_defaults(run=_evaluate)
    return command


def _evaluate(a):
    from .evaluation.gaze import gaze_report, predict_gaze, train_gaze_estimator
    from .experiments.domains import profile_named
    from .experiments.runs import shown_progress
    from .images import ImageSet
    from .system.device import resolve_device
    training, test = ImageSet.load(a.training), ImageSet.load(a.test)
    for folder, images in ((a.training, training), (a.test, test)):
        if "gaze" not in images.labels:
            raise UserError(f"{folder}: no gaze labels there; found {', '.join(images.labels) or 'no labels'}")
    if training.images.shape[1:] != test.images.shape[1:]:
        raise UserError(f"{a.test}: images of {tuple(test.images.shape[1:])}, expected {tuple(training.images.shape[1:])}")
    network = train_gaze_estimator(training, profile_named(a.profile).gaze, a.seed, resolve_device(a.device),
                                   progress=shown_progress("gaze estimator"))
    found = gaze_report(predict_gaze(network, test), test.labels["gaze"], seed=a.seed, groups=test.groups.get("day"))
    error, share = found["gaze_error_deg"], found["within_7_deg"]
    print(f"mean gaze error {error['mean']:.2f} degrees (95 % interval {error['low']:.2f} to {error['high']:.2f}), "
          f"{share['mean']:.1f} % within 7 degrees, on {len(test)} images")


def _add_ablate(commands):
    command = commands.add_parser("ablate", help="the sweep of ablations; a stopped sweep goes on")
    command.add_argument("--profile", default="quick", help="quick or full")
    command.add_argument("--seeds", type=_count, default=3, help="runs of each ablation")
    command.add_argument("--only", nargs="+", default=[], metavar="NAME",
                         help="these ablations alone, such as base no-history, or all of a group: ideas, choices")
    command.add_argument("--jobs", type=_count, default=1, help="processes at once, on this machine")
    command.add_argument("--part", default="1/1", help="K/N: one of N machines that share --results; run it on each")
    command.add_argument("--results", default="results", help="where results go")
    command.add_argument("--records", metavar="FILE", help="where the records go (.jsonl); beside the runs' files if not given")
    _device(command)
    command.set_defaults(run=_ablate)
    return command


def _ablate(a):
    from .experiments.ablations import format_table, sweep
    job, path = sweep(a.profile, a.seeds, a.only, a.part, a.jobs, a.device, a.results, a.records)
    print(f"{format_table(job) if job else 'Nothing of this part is done yet.'}\n\nThe records: {path}")


def _add_ship(commands):
    command = commands.add_parser("ship", help="train one of the refiners that come with the kit; a killed run goes on")
    command.add_argument("name", help="gray, gray-no-history, ...: see simgan_lib/experiments/shipped.py")
    command.add_argument("--profile", default="full", help="quick, full or paper")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--results", default="results", help="where the state of the training goes")
    _device(command)
    command.set_defaults(run=_ship)
    return command


def _ship(a):
    from .experiments.shipped import ship
    from .system.device import resolve_device
    print(f"the refiner: {ship(a.name, a.profile, a.seed, resolve_device(a.device), runs=a.results)}")


def _add_results(commands):
    command = commands.add_parser("results", help="make the pages of results and of refiners anew, of records and cards")
    command.add_argument("checkout", nargs="?", default=".", help="where docs/results.md, docs/refiners.md and README.md are")
    command.add_argument("--records", metavar="DIR", help="folder of the records; those that come with the kit if not given")
    command.set_defaults(run=_results)
    return command


def _results(a):
    from .experiments.results_page import write_pages
    for path, changed in write_pages(a.checkout, a.records or RECORDED).items():
        print(f"{path}: {'made anew' if changed else 'as it was'}")


if __name__ == "__main__":
    sys.exit(main())
