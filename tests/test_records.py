"""Records: lines in a file, and the page of results that is made of them alone."""

import json
from pathlib import Path

import pytest
import torch

from simgan_lib import results_page
from simgan_lib.__main__ import main
from simgan_lib.errors import UserError
from simgan_lib.records import RECORDED, markdown_table, read_records, save_records
from simgan_lib.summary import pupil_scatter

ROOT = Path(__file__).resolve().parents[1]
RUN = ("profile", "domain")


def run(profile="quick", domain="stand-in", **more):
    return {"profile": profile, "domain": domain, **more}


def test_a_newer_record_of_the_same_run_takes_the_older_ones_place(tmp_path):
    path = tmp_path / "new" / "r.jsonl"
    assert read_records(path, RUN) == []
    save_records(path, [run(error=5), run("full", error=4)], RUN)
    save_records(path, [run(error=6)], RUN)
    assert read_records(path, RUN) == [run("full", error=4), run(error=6)]


@pytest.mark.parametrize("line, words", [("{", "line 2: not a record"), ("7", "line 2: not a record"),
                                         ('{"profile": "quick"}', "line 2: not such a record: .* found no domain"),
                                         ("<html>", "line 2: not a record")])
def test_a_line_that_is_no_record_is_named_and_nothing_is_written(tmp_path, line, words):
    path = tmp_path / "r.jsonl"
    path.write_text('{"profile": "quick", "domain": "stand-in"}\n' + line + "\n")
    before = path.read_bytes()
    with pytest.raises(UserError, match=words):
        save_records(path, [run("full")], RUN)
    assert path.read_bytes() == before


def test_a_markdown_table_has_columns_of_one_width():
    assert len({len(line) for line in markdown_table(["a", "bb"], [["ccc", "d"], ["e", "ffff"]]).splitlines()}) == 1


# ---- the page --------------------------------------------------------------------------------------------------------

def test_the_page_is_in_step_with_the_records():
    assert (ROOT / "docs" / "results.md").read_text() == results_page.page(), "python -m simgan_lib results"


def test_a_changed_record_changes_the_page(tmp_path):
    """The test above can fail."""
    for name in ("reproduce.jsonl", "gaze.jsonl", "ablations.jsonl"):
        if (RECORDED / name).exists():
            (tmp_path / name).write_bytes((RECORDED / name).read_bytes())
    before = results_page.page(tmp_path)
    first = read_records(tmp_path / "reproduce.jsonl", results_page.KEPT)[0]
    first["gaze_error_deg"]["refined"]["mean"] = 99.25
    save_records(tmp_path / "reproduce.jsonl", [first], RUN)
    assert "99.25" in results_page.page(tmp_path) and "99.25" not in before


def test_the_command_writes_the_page(tmp_path, capsys):
    page = tmp_path / "results.md"
    assert main(["results", str(page)]) == 0 and "made anew" in capsys.readouterr().out
    assert main(["results", str(page)]) == 0 and "as it was" in capsys.readouterr().out
    assert page.read_text() == results_page.page()


def test_no_record_names_a_folder_of_somebodys_machine():
    for path in RECORDED.glob("*.jsonl"):
        assert "/home/" not in path.read_text() and "../" not in path.read_text(), path.name


def test_the_folder_of_real_images_is_not_recorded():
    record = read_records(RECORDED / "reproduce.jsonl", results_page.KEPT)[0]
    metrics = record | {"command": "python -m simgan_lib reproduce --real /data/mine", "stage_seconds": []}
    kept = results_page.record_of(metrics, "/data/mine")
    assert kept["command"].endswith("--real DIR") and "stage_seconds" not in kept


def test_the_scatter_is_the_first_seeds_first_images_and_valid_json():
    nan = float("nan")
    pupil = {"shifts": torch.tensor([[0.123, -1.0], [nan, nan], [2.0, 2.0]]), "own": torch.tensor([[0.5, 0.0]] * 3)}
    kept = pupil_scatter([{"pupil": pupil}, {"pupil": {}}], most=2)
    assert kept == {"shifts": [[0.12, -1.0], None], "own": [[0.5, 0.0]] * 2}
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_a_run_recorded_before_there_was_a_scatter_is_still_a_record():
    record = read_records(RECORDED / "reproduce.jsonl", results_page.KEPT)[0] | {"pupil_scatter": {"shifts": [], "own": []}}
    older = {key: value for key, value in record.items() if key != "pupil_scatter"}
    assert "pupil_scatter" in results_page.record_of(record) and "pupil_scatter" not in results_page.record_of(older)
