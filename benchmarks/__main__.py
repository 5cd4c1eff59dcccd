"""How fast is each part of the kit, against the same written plainly, and against what this machine does at most?

    python benchmarks [--quick] [--json] [--only NAME ...] [--batch 32 128] [--threads 2] [--device cpu]

The plain one is float32, contiguous, eager, one thing at a time: benchmarks/reference.py.  Both run in turns, in processes
of their own.  GFLOP/s are those of the published algorithm, counted on the plain one, over the time that the kit takes.
Shares are of the fastest convolution and matrix product, measured on the same device with as many threads.  Memory is what
a process held at most beyond its start.  --quick takes three minutes on two old cores; without it, several times as long.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from benchmarks.measuring import BATCH, ceilings, compared, flops_of, of_batch, options, sizes_asked
from benchmarks.parts import PARTS
from simgan_lib.system.errors import UserError, exit_status

COLUMNS = {"per_second": "a second", "plain": "plain", "ratio_to_reference": "ratio", "gflops": "GFLOP/s",
           "share_of_convolution": "of conv.", "share_of_product": "of product",
           "memory_mb": "MB", "reference_memory_mb": "plain MB"}


def rows(names, batches, sizes, threads, effort):
    """Yield a dict for the ceilings and one for each part; for each batch where the part depends on it.  A part may have failed."""
    flops = {name: flops_of(PARTS[name], sizes) for name in names if PARTS[name].arithmetic}
    for batch in batches:
        here, most = of_batch(sizes, batch), None
        wanted = [name for name in names if PARTS[name].batched or batch == batches[0]]
        if flops.keys() & set(wanted):
            most = ceilings(here, threads, effort)
            yield {"part": "ceilings", "batch": batch, "gflops": most}
        for name in wanted:
            about = {"part": name, "batch": batch if PARTS[name].batched else None, "unit": PARTS[name].unit}
            try:
                yield about | compared(name, PARTS[name], here, threads, effort, flops.get(name), most)
            except UserError as error:
                yield about | {"failed": str(error)}


def line(row):
    """A row of the table."""
    if row["part"] == "ceilings":
        return "".join(f"{name.replace('_', ' '):<46}{value:>32,.0f} GFLOP/s\n" for name, value in row["gflops"].items())
    name = f"{row['part']}, {row['batch']}" if row["batch"] else row["part"]
    if "failed" in row:
        return f"{name:<30}failed: {row['failed']}"
    shown = row | {"per_second": row[f"{row['unit']}_per_second"], "plain": row[f"reference_{row['unit']}_per_second"]}
    return f"{name:<30}{row['unit']:<7}" + "".join(f"{cell(shown.get(key)):>11}" for key in COLUMNS)


def cell(value):
    """A number with three digits or all before the point; nothing where there is none."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(words=None):
    parser = options(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="NAME", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--batch", nargs="+", type=BATCH, default=[32])
    asked = parser.parse_args(words)
    sizes, effort = sizes_asked(asked)
    about = {"device": sizes.device, "threads": asked.threads, "torch": torch.__version__}
    if not asked.json:
        print(f"{sizes.device}, {asked.threads} threads, torch {torch.__version__}\n")
        print(f"{'part':<30}{'unit':<7}" + "".join(f"{column:>11}" for column in COLUMNS.values()))
    found = []
    for row in rows(asked.only, asked.batch, sizes, asked.threads, effort):
        found.append(row)
        if not asked.json:
            print(line(row), flush=True)
    if asked.json:
        print(json.dumps({"rows": found, **about}))
    if failed := [row["part"] for row in found if "failed" in row]:
        raise UserError(f"{len(failed)} of {len(found)} rows failed: {', '.join(failed)}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
