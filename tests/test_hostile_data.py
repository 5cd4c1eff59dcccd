"""Data that mean harm or were damaged: sets, pictures, tables, records.  All: `pytest -m long tests/test_hostile_data.py`."""

import json

import pytest
import torch
from hostile import Hostile, ends_well, params

from simgan_lib.images import ImageSet


def a_set(folder):
    gaze = torch.linspace(-0.5, 0.5, 24).reshape(12, 2)
    ImageSet(torch.arange(12 * 64).reshape(12, 1, 8, 8).to(torch.uint8), {"gaze": gaze}, {"day": ["d"] * 12}).save(folder)
    return folder


def sets_of_other_json(random):
    def of(text):
        def make(folder):
            (a_set(folder / "set") / "set.json").write_text(text)
            return "folder", "verify", folder / "set", "--sheet", folder / "sheet.png"
        return make
    for value in (None, 0, 1.5, "x", [], [[]], {}, {"format": "simgan-imageset-2"}):
        yield Hostile(f"set.json {json.dumps(value)}", of(json.dumps(value)), (2,))


@pytest.mark.parametrize("hostile", params([sets_of_other_json]))
def test_it_ends_in_one_line_or_in_what_is_right(tmp_path, hostile):
    ends_well(hostile, tmp_path)
