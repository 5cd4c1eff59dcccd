"""The report: one page that needs nothing else, and files that are whole or not there.  Numbers are made up."""

import base64
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from simgan_lib.experiments import report
from simgan_lib.experiments.report import write_report
from simgan_lib.figures import canvas
from simgan_lib.system.errors import UserError

METRICS = {"profile": "quick", "domain": "stand-in", "seeds": [0, 1, 2],
           "gaze_error_deg": {"synthetic": {"mean": 8.0, "sd": 0.2, "n": 3}, "refined": {"mean": 6.0, "sd": 0.1, "n": 3}},
           "collapse": {"synthetic": {"change": 0.0}, "refined": {"change": 31.0, "beyond_tone": 0.25}},
           "images": {"test": 1500}, "seconds": 300.0, "stage_seconds": [{"refiner": 100.0}],
           "config": {"training": {"steps": 330}}, "versions": {"torch": "2.13.0"}, "hardware": "a CPU"}
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Elements with their attributes, and the text; fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def figures():
    made = []
    for stem, alternative in (("first", 'A "quoted" line & <another>.'), ("second", "A second line.")):
        figure, ((axes,),) = canvas()
        axes.plot([0, 1])
        made.append((stem, figure, alternative, f"Caption of the {stem} <figure>."))
    return made


@pytest.fixture
def page(tmp_path, figures):
    return Page(write_report(tmp_path / "quick", METRICS, figures).read_text(encoding="utf-8"))


def test_the_page_and_all_files_are_written(tmp_path, figures):
    path = write_report(tmp_path / "quick", METRICS, figures)
    assert path == tmp_path / "quick" / "report.html"
    names = sorted(str(file.relative_to(path.parent)) for file in path.parent.rglob("*") if file.is_file())
    assert names == ["figures/first.png", "figures/first.svg", "figures/second.png", "figures/second.svg", "metrics.json",
                     "report.html"]
    assert json.loads((path.parent / "metrics.json").read_text()) == METRICS


def test_the_page_needs_nothing_from_elsewhere(page):
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object"}
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert "url(" not in report.STYLE_SHEET and "@import" not in report.STYLE_SHEET


def test_images_have_their_alternative_text_size_and_pixels(page, tmp_path):
    first, second = page.all("img")
    assert first["alt"] == 'A "quoted" line & <another>.' and second["alt"] == "A second line."
    content = base64.b64decode(first["src"].removeprefix("data:image/png;base64,"))
    assert content == (tmp_path / "quick" / "figures" / "first.png").read_bytes()
    height, width = _size(tmp_path / "quick" / "figures" / "first.png")
    assert (first["height"], first["width"]) == (str(height), str(width))


def _size(path):
    from PIL import Image
    with Image.open(path) as image:
        return image.height, image.width


def test_the_page_can_be_read_on_a_phone_in_the_dark_and_aloud(page):
    assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == 1 and page.all("main")
    assert any(meta.get("name") == "viewport" and "width=device-width" in meta["content"] for meta in page.all("meta"))
    levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3"}]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    assert "prefers-color-scheme: dark" in report.STYLE_SHEET and "@media print" in report.STYLE_SHEET
    assert len(page.all("table")) == len(page.all("caption")) == 2
    assert all(wide["tabindex"] == "0" and wide["aria-label"] for wide in page.all("div"))       # scrolls by key, too


def test_the_page_says_what_came_out_and_what_was_not_measured(page):
    for words in ("25\xa0% less", "8.00 ± 0.20", "11.2 (Table 3)", "1,500 stand-in images", "visual Turing test",
                  "Missing from this run", "5.0 minutes", "torch 2.13.0", '"steps": 330', "Did the refiner do anything?"):
        assert words in page.text, words


def test_everything_is_escaped(tmp_path, figures):
    nasty = '<script>alert("x")</script>&amp;'
    metrics = METRICS | {"domain": nasty, "profile": nasty, "hardware": nasty, "command": nasty, "seeds": [nasty],
                         "versions": {nasty: nasty}, "images": {nasty: 3}, "test_groups": [nasty], "config": {nasty: nasty},
                         "collapse": {nasty: {"change": 1.0}}, "stage_seconds": [{nasty: 1.0}]}
    hostile = [(stem, figure, f'">{nasty}', nasty) for stem, figure, _, _ in figures]
    page = Page(write_report(tmp_path, metrics, hostile).read_text(encoding="utf-8"))
    assert page.all("script") == [] and nasty in page.text
    assert page.all("img")[0]["alt"] == f'">{nasty}'


def test_a_run_that_measured_nothing_has_a_page_too(tmp_path):
    page = Page(write_report(tmp_path, {"profile": "quick", "domain": "stand-in", "seeds": [0]}, []).read_text())
    assert "Missing from this run" in page.text and not page.all("img")


def test_the_page_says_that_refinement_does_not_beat_matching_when_it_does_not(tmp_path):
    gaze = METRICS["gaze_error_deg"]
    for matched, expected in ((5.5, True), (7.0, False)):
        metrics = METRICS | {"gaze_error_deg": gaze | {"synthetic_matched": {"mean": matched, "sd": 0.1, "n": 3}}}
        page = Page(write_report(tmp_path, metrics, []).read_text(encoding="utf-8"))
        assert ("does not beat plain histogram matching" in page.text) == expected


def test_metrics_are_plain_json(tmp_path):
    """Numbers of NumPy and PyTorch, and not-a-number, which JSON does not have."""
    odd = {"seconds": np.float32(2.0), "a": torch.tensor(3), "b": float("nan"), "c": np.arange(2), "d": Path("x"), "e": ()}
    write_report(tmp_path, METRICS | odd, [])
    found = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert {key: found[key] for key in odd} == {"seconds": 2.0, "a": 3, "b": None, "c": [0, 1], "d": "x", "e": []}


@pytest.mark.parametrize("name", ["metrics.json", "report.html"])
def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch, name):
    write_report(tmp_path, METRICS, [])
    before = (tmp_path / name).read_bytes()
    replace = os.replace

    def disk_full(unfinished, path):
        if Path(path).name == name:
            raise OSError(28, "No space left on device")
        replace(unfinished, path)
    monkeypatch.setattr(os, "replace", disk_full)
    with pytest.raises(UserError, match=f"{name}: could not be written .No space left on device.; .* unchanged"):
        write_report(tmp_path, METRICS | {"seconds": 7.0}, [])
    assert (tmp_path / name).read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["metrics.json", "report.html"]


def test_the_page_is_written_last(tmp_path, figures, monkeypatch):
    """A folder that has a page is whole."""
    def disk_full(figure, stem):
        raise UserError("no space left")
    monkeypatch.setattr(report, "save_figure", disk_full)
    with pytest.raises(UserError):
        write_report(tmp_path, METRICS, figures)
    assert not (tmp_path / "report.html").exists()
