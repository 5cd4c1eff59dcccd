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
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.system.device import cpu_has_bf16
from simgan_lib.system.errors import exit_status
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
    with tempfile.TemporaryDirectory() as folder:
        startup, report = Path(folder, "profile_default", "startup", "elsewhere.py"), Path(folder, "report.xml")
        startup.parent.mkdir(parents=True)
        startup.write_text(STARTUP.format(plain=plain, seed=seed), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "--dist=loadfile", "--nbval", "--nbval-current-env",
                   f"--nbval-cell-timeout={SECONDS}", "--nbval-sanitize-with=notebooks/nbval.cfg", f"--junitxml={report}",
                   *map(str, notebooks)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"IPYTHONDIR": folder}, capture_output=True, text=True)
        if done.returncode not in (0, 1):          # all passed, some failed
            raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return by_notebook(xml.etree.ElementTree.parse(report))


def by_notebook(report):
    """{notebook: (seconds, {cell: what failed})} of pytest's report."""
    seconds, failed = defaultdict(float), defaultdict(dict)
    for case in report.iter("testcase"):
        name = case.get("classname").removesuffix(".ipynb").split(".")[-1]
        seconds[name] += float(case.get("time"))
        for failure in [*case.iter("failure"), *case.iter("error")]:
            text = re.sub(r"(#x1B|\x1b)\[\d+m", "", failure.text or failure.get("message"))       # without colours
            failed[name][case.get("name")] = " ".join(text.split())
    return {name: (seconds[name], failed[name]) for name in sorted(seconds)}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="numbers, as 06; by default all")
    parser.add_argument("--times", type=Whole(1, 1000), default=2)
    parser.add_argument("--jobs", type=PROCESSES, default=2, help="notebooks at a time")
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=("float32", "bfloat16"))
    parser.add_argument("--json", action="store_true", help="one JSON object a run instead of lines")
    a = parser.parse_args()
    notebooks = [path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
                 if not a.notebooks or path.name[:2] in a.notebooks]
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
