"""Where do the seconds go?

    python benchmarks/stages.py reproduce [--profile quick] [--device auto] [--top 10] [--json]
    python benchmarks/stages.py notebooks [NN ...] [--jobs 1] [--top 10] [--json]

reproduce: the main job of one seed, in a temporary folder, stage by stage; then a round of Algorithm 1 at the profile's
settings, operator by operator, each without those that it calls.  It takes as long as `make reproduce`.
notebooks: the slowest cells of each, run as the tests run them; a cell that fails is marked.
"""

import json
import sys
import tempfile
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from benchmarks.notebooks import cells, chosen
from benchmarks.reference import eyes
from simgan_lib.experiments.domains import PROFILES, profile_named
from simgan_lib.experiments.reproduce import reproduce
from simgan_lib.system.device import resolve_device
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import PROCESSES, Parser, Whole
from simgan_lib.training import Training


def of_the_main_job(asked):
    """{"stages": {name: seconds}, "operators of a round": {name: seconds}}."""
    with tempfile.TemporaryDirectory() as results:
        folder, _ = reproduce(asked.profile, device=asked.device, results=results, bar=not asked.json)
        stages, = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["stage_seconds"]
    config = profile_named(asked.profile).training
    return {"stages": stages, "operators of a round": operators(config, resolve_device(asked.device))}


def operators(config, device):
    """{operator: seconds of its own} of one round of Algorithm 1, on the device; the second round, as the first fills caches."""
    training = Training(config, eyes(256, 0).to(device), eyes(256, 1).to(device), device=device)
    a_round(training)
    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        a_round(training)
    return {each.key: (each.self_device_time_total if on_gpu else each.self_cpu_time_total) / 1e6 for each in seen.key_averages()}


def a_round(training):
    for _ in range(training.config.refiner_updates):
        training.update_refiner()
    for _ in range(training.config.discriminator_updates):
        training.update_discriminator()


def of_the_notebooks(asked):
    """{notebook: {cell, its first line: seconds}}."""
    paths, found = chosen(asked.notebooks), {}
    code = {path.stem: [line for line in map(first_line, json.loads(path.read_text(encoding="utf-8"))["cells"]) if line is not None]
            for path in paths}
    for notebook, cell, seconds, failed in cells(paths, "", asked.jobs):
        said = f"{cell}{' failed' if failed else ''}: {code[notebook][int(cell.split()[1])]}"
        found.setdefault(notebook, {})[said] = seconds
    return dict(sorted(found.items()))


def first_line(cell):
    """What a cell of code does first, comments left out; None for text, which pytest does not count."""
    lines = [line for line in "".join(cell["source"]).splitlines() if line.strip() and not line.startswith("#")]
    return next(iter(lines), "") if cell["cell_type"] == "code" else None


def table(name, seconds, top):
    """The longest first, and what the others take together."""
    total, order = sum(seconds.values()), sorted(seconds.items(), key=lambda each: -each[1])
    rest = [(f"{len(order) - top} others", sum(value for _, value in order[top:]))] if len(order) > top else []
    lines = [f"{what[:70]:<70}{value:>10.3f} s{100 * value / (total or 1):>6.1f} %" for what, value in [*order[:top], *rest]]
    return "\n".join([f"{name}: {total:.3f} s", *lines, ""])


def main(words=None):
    parser = Parser(description=__doc__.split("\n")[0])
    of = parser.add_subparsers(dest="of", required=True)
    job = of.add_parser("reproduce", help="the stages of the main job, the operators of a round")
    job.add_argument("--profile", choices=PROFILES, default="quick")
    job.add_argument("--device", default="auto")
    lessons = of.add_parser("notebooks", help="the slowest cells of each notebook")
    lessons.add_argument("notebooks", nargs="*", metavar="NN", help="numbers, as 06; by default all")
    lessons.add_argument("--jobs", type=PROCESSES, default=1, help="notebooks at a time")
    for each in (job, lessons):
        each.add_argument("--top", type=Whole(1, 1000), default=10, help="lines of each table")
        each.add_argument("--json", action="store_true", help="print one JSON object, with all lines")
    asked = parser.parse_args(words)
    found = of_the_main_job(asked) if asked.of == "reproduce" else of_the_notebooks(asked)
    print(json.dumps(found) if asked.json else "\n".join(table(name, seconds, asked.top) for name, seconds in found.items()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
