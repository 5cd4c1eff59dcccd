"""Do the notebooks hold on other machines than the one that wrote their outputs?

    python benchmarks/notebooks.py [NN ...] [--times 2] [--jobs 2] [--precision float32 bfloat16] [--json]

Another CPU rounds otherwise, and a GAN makes of a last bit another picture.  So each notebook is run as the tests run it,
outputs compared, but whatever is trained starts from weights that differ by a thousandth, and in both number formats.  An
assertion that fails here, if only once, is one that fails for some reader.  A run without a failure shows that it is rare, no more.
--times: runs in each format, each with a noise of its own.  bfloat16 is left out where the CPU does not multiply it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.system.device import cpu_has_bf16
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.settings import PROCESSES, Parser, Whole

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 1800                    # that a cell may take
# What each notebook's kernel does before the first cell.
STARTUP = """
import torch
from simgan_lib.system import device

if {plain}:
    device.cpu_has_bf16 = lambda: False
begin = torch.optim.Optimizer.__init__


@torch.no_grad()
def begin_elsewhere(optimizer, *given, **named):
    begin(optimizer, *given, **named)
    noise = torch.Generator().manual_seed({seed})
    for group in optimizer.param_groups:
        for weights in group["params"]:
            weights.mul_(1 + 1e-3 * torch.randn(weights.shape, generator=noise).to(weights))


torch.optim.Optimizer.__init__ = begin_elsewhere
"""


def run(notebooks, plain, seed, jobs):
    """{notebook: (seconds that its cells took, {cell: what failed})} of one run.  RuntimeError if pytest could not run."""
    found = {}
    for notebook, cell, seconds, failed in cells(notebooks, STARTUP.format(plain=plain, seed=seed), jobs):
        before, failures = found.get(notebook, (0.0, {}))
        found[notebook] = (before + seconds, failures | ({cell: failed} if failed else {}))
    return dict(sorted(found.items()))


def cells(notebooks, startup, jobs):
    """[(notebook, cell, seconds, what failed)] of one run, the startup run in each kernel first.  RuntimeError as `run`."""
    with tempfile.TemporaryDirectory() as folder:
        first, report = Path(folder, "profile_default", "startup", "elsewhere.py"), Path(folder, "report.xml")
        first.parent.mkdir(parents=True)
        first.write_text(startup, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "--dist=loadfile", "--nbval", "--nbval-current-env",
                   f"--nbval-cell-timeout={SECONDS}", "--nbval-sanitize-with=notebooks/nbval.cfg", f"--junitxml={report}",
                   *map(str, notebooks)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"IPYTHONDIR": folder}, capture_output=True, text=True)
        if done.returncode not in (0, 1):          # all passed, some failed
            raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return [read(case) for case in xml.etree.ElementTree.parse(report).iter("testcase")]


def read(case):
    """(notebook, cell, seconds, what failed or "") of a test case in pytest's report."""
    failures = [failure.text or failure.get("message") for failure in [*case.iter("failure"), *case.iter("error")]]
    said = " ".join(re.sub(r"(#x1B|\x1b)\[\d+m", "", " ".join(failures)).split())       # without colours
    return case.get("classname").removesuffix(".ipynb").split(".")[-1], case.get("name"), float(case.get("time")), said


def chosen(numbers):
    """Files of the notebooks of these numbers, as 06; of all if none is given.  UserError for a number that no notebook has."""
    paths = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if unknown := set(numbers) - {path.name[:2] for path in paths}:
        raise UserError(f"{min(unknown)}: no such notebook, expected some of {' '.join(path.name[:2] for path in paths)}")
    return [path for path in paths if not numbers or path.name[:2] in numbers]


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="numbers, as 06; by default all")
    parser.add_argument("--times", type=Whole(1, 1000), default=2)
    parser.add_argument("--jobs", type=PROCESSES, default=2, help="notebooks at a time")
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=("float32", "bfloat16"))
    parser.add_argument("--json", action="store_true", help="one JSON object a run instead of lines")
    a = parser.parse_args()
    notebooks = chosen(a.notebooks)
    failures = 0
    for precision in a.precision:
        if precision == "bfloat16" and not cpu_has_bf16():
            continue
        for seed in range(1, a.times + 1):
            for name, (seconds, failed) in run(notebooks, precision == "float32", seed, a.jobs).items():
                failures += len(failed)
                if a.json:
                    print(json.dumps({"notebook": name, "precision": precision, "seed": seed, "seconds": round(seconds, 1),
                                      "failed": failed}), flush=True)
                else:
                    said = f"failed: {', '.join(failed)}" if failed else "holds"
                    print(f"{precision:8} {seed}  {name:24} {seconds:6.0f} s  {said}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
