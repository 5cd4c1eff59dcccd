"""The report: one page that needs nothing else, and files that are whole or not there.  Numbers are made up."""

import base64
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from test_tables import run

from simgan_lib.experiments.report import content, write_report
from simgan_lib.figures import canvas
from simgan_lib.system.errors import UserError

CONTENT = {"title": "SimGAN, quick run", "domain": "the stand-in domain", "lead": "Measured on 1,500 images.",
           "findings": ["Wrong by 25 % less."],
           "table": [("Gaze error", [("refined", "7.8 (Table 3)", "6.00 ± 0.10 [5.00, 7.00]")])],
           "notes": ["Three seeds."], "changes": {"head": ["refined"], "rows": [("gray levels", ["31.0"])]},
           "missing": ["Whether people can tell."], "facts": [("time", "5.0 minutes")],
           "folded": [("Configuration", {"training": {"steps": 330}})]}
NASTY = '"><script>alert("x")</script><b>&amp;'
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Elements with their attributes, and the text; fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text, self.style = [], [], "", ""
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
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data.replace("\xa0", " ")

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
    return Page(write_report(tmp_path / "quick", CONTENT, figures).read_text(encoding="utf-8"))


def test_the_page_and_all_files_are_written(tmp_path, figures):
    path = write_report(tmp_path / "quick", CONTENT, figures)
    assert path == tmp_path / "quick" / "report.html"
    names = sorted(str(file.relative_to(path.parent)) for file in path.parent.rglob("*") if file.is_file())
    assert names == ["figures/first.png", "figures/first.svg", "figures/second.png", "figures/second.svg", "report.html"]


def test_the_page_needs_nothing_from_elsewhere(page):
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object"}
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert "url(" not in page.style and "@import" not in page.style


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
    assert "prefers-color-scheme: dark" in page.style and "@media print" in page.style
    assert len(page.all("table")) == len(page.all("caption")) == 2
    assert [head["scope"] for head in page.all("th")] == ["col", "col", "rowgroup", "row", "col", "row"]
    assert all(wide["tabindex"] == "0" and wide["aria-label"] for wide in page.all("div"))       # scrolls by key, too


def test_all_of_the_content_stands_on_the_page(page):
    for words in ("SimGAN on the stand-in domain", "Measured on 1,500 images.", "Wrong by 25 % less.", "Gaze error", "refined",
                  "7.8 (Table 3)", "6.00 ± 0.10", "Three seeds.", "Did the refiner do anything?", "gray levels", "31.0",
                  "Whether people can tell.", "5.0 minutes", "Configuration", '"steps": 330'):
        assert words in page.text, words


def test_lines_break_neither_before_a_percent_sign_nor_within_a_number_and_its_deviation(tmp_path):
    text = write_report(tmp_path, CONTENT, []).read_text(encoding="utf-8")
    assert "25\xa0% less" in text and "6.00\xa0±\xa00.10 [5.00,\xa07.00]" in text and "7.8 (Table\xa03)" in text


def test_what_was_not_measured_has_no_heading_of_its_own(tmp_path):
    page = Page(write_report(tmp_path, CONTENT | {"changes": None, "notes": []}, []).read_text(encoding="utf-8"))
    headings = page.text.count("Did the refiner do anything?"), page.text.count("The figures"), len(page.all("table"))
    assert headings == (0, 0, 1) and not page.all("img")


@pytest.mark.parametrize("key", sorted(CONTENT))
def test_content_that_is_forgotten_is_an_error_and_no_gap(tmp_path, key):
    with pytest.raises(UndefinedError, match=key):
        write_report(tmp_path, {name: value for name, value in CONTENT.items() if name != key}, [])
    assert not (tmp_path / "report.html").exists()


def hostile(value):
    """`value` with every text in it, keys too, replaced by an attempt to write a script into the page."""
    if isinstance(value, dict):
        return {name: hostile(item) for name, item in value.items()}
    return [hostile(item) for item in value] if isinstance(value, (list, tuple)) else NASTY


def test_everything_is_escaped(tmp_path, figures):
    folded = {"folded": [(NASTY, {NASTY: NASTY})]}
    page = Page(write_report(tmp_path, hostile(CONTENT) | folded, [(stem, figure, NASTY, NASTY) for stem, figure, _, _ in figures])
                .read_text(encoding="utf-8"))
    assert page.all("script") == page.all("b") == [] and page.text.count('<script>alert("x")</script>') == 18
    assert page.all("img")[0]["alt"] == NASTY


def test_a_domain_with_a_tag_in_its_name_is_shown_as_it_is(tmp_path):
    assert "SimGAN on <b>" in Page(write_report(tmp_path, content(run(domain="<b>")), []).read_text(encoding="utf-8")).text


def fill_the_disk_at(name, monkeypatch):
    replace = os.replace

    def disk_full(unfinished, path):
        if Path(path).name == name:
            raise OSError(28, "No space left on device")
        replace(unfinished, path)
    monkeypatch.setattr(os, "replace", disk_full)


def test_a_write_that_fails_leaves_the_old_page_whole(tmp_path, monkeypatch):
    write_report(tmp_path, CONTENT, [])
    before = (tmp_path / "report.html").read_bytes()
    fill_the_disk_at("report.html", monkeypatch)
    with pytest.raises(UserError, match="report.html: could not be written .No space left on device.; .* unchanged"):
        write_report(tmp_path, CONTENT | {"lead": "Another."}, [])
    assert (tmp_path / "report.html").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_page_is_written_last(tmp_path, figures, monkeypatch):
    """A folder that has a page is whole."""
    fill_the_disk_at("second.svg", monkeypatch)
    with pytest.raises(UserError):
        write_report(tmp_path, CONTENT, figures)
    assert (tmp_path / "figures" / "first.png").exists() and not (tmp_path / "report.html").exists()


def test_the_template_is_installed_with_the_kit():
    tomllib = pytest.importorskip("tomllib", reason="pyproject.toml is read with Python 3.11 or later")
    root = Path(__file__).parents[1]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["simgan_lib"]
    found = {path.name for pattern in patterns for path in (root / "simgan_lib").glob(pattern)}
    assert "report.html.jinja" in found


# ---- from measurements to the content of the page ----
def page_of(folder, job, seconds=()):
    return Page(write_report(folder, content(job, seconds), []).read_text(encoding="utf-8"))


def test_the_page_of_a_run_says_what_came_out_and_how(tmp_path):
    page = page_of(tmp_path, run(), [{"refiner": 100.0}])
    for words in ("25 % less", "8.00 ± 0.10", "11.2 (Table 3)", "stand-in images", "visual Turing test", '"refiner": 100.0',
                  "seeds0, 1, 2", "Did the refiner do anything?"):
        assert words in page.text, words


def test_what_the_meter_did_not_measure_has_no_table(tmp_path):
    assert "Did the refiner do anything?" not in page_of(tmp_path, run(without=["change"])).text


def test_the_page_says_that_refinement_does_not_beat_matching_when_it_does_not(tmp_path):
    for matched, expected in ((5.5, True), (7.0, False)):
        assert ("refinement does not beat it" in page_of(tmp_path, run(synthetic_matched=matched)).text) == expected
