"""What do published hand pose methods reach on NYU's test set, in every unit, and on which of its three persons?

    python studies/hand_protocol.py NYU [--json]

NYU: the data set's folder, with the test set's joints and published_predictions (see `simgan_lib.datasets.nyu_published`).
Mean joint error in mm beside the published one; percentage of frames whose largest joint error is within 20, 30, 40, 50 mm,
and within 5 pixels: of the 64 of a heat map, and of the 224 of an image.  The 95 % intervals come from drawing blocks of
100 frames.  Then mean error and share within 30 mm, by person: the first is the one whom the methods were trained on.
Tompson 2014 is the data set's own paper; it predicts places in the picture, without depth.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.datasets.nyu import persons
from simgan_lib.datasets.nyu_published import read_published, read_tompson
from simgan_lib.evaluation.hands import IMAGE, frame_blocks, joint_errors_mm, joint_errors_px, report_by_person
from simgan_lib.paper import NYU_MEAN_ERRORS
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.settings import Parser, text

WITHIN = {"mm": (20, 30, 40, 50), "heat_map_px": (5,), "image_px": (5,)}
COLUMNS = [f"max_within_{d}_{unit}" for unit, within in WITHIN.items() for d in within]


def reports(folder):
    """{method: {"all" or a person: `hand_report`}} of all predictions at hand."""
    predicted, truth = read_published(folder)
    errors = {name: {"mm": joint_errors_mm(joints, truth), **in_pixels(joints, truth)} for name, joints in predicted.items()}
    try:
        errors = {"Tompson 2014": in_pixels(read_tompson(folder), truth)} | errors
    except UserError as error:
        print(f"without Tompson 2014: {error}", file=sys.stderr)
    frames = np.arange(1, len(truth) + 1)
    who = persons(frames)
    return {name: report_by_person(each, who, within=WITHIN, groups=frame_blocks(frames, who)) for name, each in errors.items()}


def in_pixels(joints, truth):
    return {"heat_map_px": joint_errors_px(joints, truth), "image_px": joint_errors_px(joints, truth, IMAGE)}


def interval(found):
    """"11.8 (11.2 to 12.4)" of a measurement, or — if there is none."""
    return f"{found['mean']:.1f} ({found['low']:.1f} to {found['high']:.1f})" if found else "—"


def print_tables(found):
    print(f"{'':34}{'published':>10}  {'mean mm':22}{'max within 20 / 30 / 40 / 50 mm, %':38}{'5 px of 64, %':22}5 px of 224, %")
    for name, of in found.items():
        published, shares = NYU_MEAN_ERRORS.get(name), [of["all"].get(column) for column in COLUMNS]
        mm = " / ".join(f"{share['mean']:.1f}" for share in shares[:4] if share) or "—"
        print(f"{name:34}{f'{published.value:.2f}' if published else '—':>10}  {interval(of['all'].get('joint_error_mm')):22}"
              f"{mm:38}{interval(shares[4]):22}{shares[5]['mean']:.1f}")
    print(f"\n{'by person':34}{'mean mm':24}{'max within 30 mm, %':24}max within 5 px of 64, %")
    for name, of in found.items():
        rows = [[of[person].get(column) for person in "123"] for column in ("joint_error_mm", COLUMNS[1], COLUMNS[4])]
        shown = [" / ".join(f"{each['mean']:.1f}" if each else "—" for each in row) for row in rows]
        print(f"{name:34}{shown[0]:24}{shown[1]:24}{shown[2]}")


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=text, metavar="NYU", help="the data set's folder")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    a = parser.parse_args()
    found = reports(a.folder)
    print(json.dumps(found)) if a.json else print_tables(found)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
