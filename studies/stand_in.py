"""How close is the stand-in real domain to real MPIIGaze crops?

    python studies/stand_in.py [--real DIR] [--more DIR] [--quick] [--json]

DIR is MPIIGaze's release (or the part of it that is there); by default MPIIGaze/ in the folder that the variable
SIMGAN_SAMPLES names, or in ../shared/data.  What `reproduce --real` keeps apart stays out.  The other days are
halved: every row of the table is measured against the crops of one half.  What the other half gets is the best that can
be hoped for.  --more names a folder of PNG crops of other people, a second reference: how far one set of real crops may
be from another.

Columns: gray levels by which pixels would have to move to make the histograms equal; mean difference of the power
spectra in dB; how often a small network, trained on some days, can tell the two apart on other days (0.5: not at all).
"""

import json
import os
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.realism import gray_level_distance, spectrum_distance, two_sample_accuracy
from simgan_lib.experiments.domains import real_domain
from simgan_lib.images import ImageSet, resized
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.settings import Parser


def samples():
    return Path(os.environ.get("SIMGAN_SAMPLES") or Path(__file__).parents[2] / "shared" / "data")


def read_crops(folder, size=(35, 55)):
    """All PNG crops of a folder, gray."""
    crops = [np.array(Image.open(path, formats=["PNG"]).convert("L")) for path in sorted(folder.glob("*.png"))]
    return ImageSet(torch.cat([resized(torch.from_numpy(crop)[None, None], size) for crop in crops]), source=folder.name)


def halves(real):
    """(crops of every second day, crops of the other days)."""
    days = np.unique(real.groups["day"])
    if len(days) < 4:
        raise UserError(f"real crops of {len(days)} days: at least 4 are needed to compare days with days")
    return real.split("day", days[1::2].tolist())


def candidates(n, reference):
    """{row: images}: what may be compared with real crops, n of each."""
    synthetic = simulate(n, 0)
    matched = ImageSet(histogram_matched(synthetic, reference), source="synthetic, histogram-matched")
    return {"stand-in": stand_in(n, 0), "synthetic, histogram-matched": matched, "synthetic": synthetic}


def tables(real, other_days, people, seeds):
    """{what the rows are measured against: {row: measures}}.  people: crops of other people, or None."""
    rows = {"real, other days": other_days, **candidates(len(real), real)}
    found = {f"{len(real)} crops of every second day": {name: measured(x, real, seeds) for name, x in rows.items()}}
    if people is not None:
        # As many of each: a network that sees fewer images tells less well.
        few = real.shuffled(torch.Generator().manual_seed(0))[:len(people)]
        rows = {"real, the days above": few, **candidates(len(people), people)}
        found[f"{len(people)} crops of other people"] = {name: measured(x, people, seeds) for name, x in rows.items()}
    return found


def measured(images, real, seeds):
    right = [two_sample_accuracy(images, real, seed)["accuracy"] for seed in range(seeds)]
    return {"gray_levels": round(gray_level_distance(images, real), 2),
            "spectrum_db": round(spectrum_distance(images, real), 2),
            "told_apart": round(statistics.mean(right), 3), "told_apart_sd": round(statistics.pstdev(right), 3),
            "n": len(images)}


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=Path, default=samples() / "MPIIGaze")
    parser.add_argument("--more", type=Path, help="folder of PNG crops of other people")
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    real, other_days = halves(real_domain(asked.real).unlabelled)
    found = tables(real, other_days, read_crops(asked.more) if asked.more else None, 1 if asked.quick else 3)
    if asked.json:
        print(json.dumps({"against": found, "real": real.source}))
        return
    print(real.source)
    for against, table in found.items():
        print(f"\nagainst {against:<40}{'gray levels':>12}{'spectrum, dB':>14}{'told apart':>18}")
        for name, row in table.items():
            told = f"{row['told_apart']:.3f} +- {row['told_apart_sd']:.3f}"
            print(f"{name:<48}{row['gray_levels']:>12}{row['spectrum_db']:>14}{told:>18}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
