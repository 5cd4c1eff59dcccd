"""The book for the browser: whole, without a fault that Sphinx or a parser sees, and heard as well as seen.

The whole is built once, in about a minute of one core; a small one shows that what is held here can fail.
"""

import json
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build
import nbformat
import pytest
from site_pages import Page, broken, elsewhere, out_of_order, read, unheard

import simgan_lib

ROOT = Path(__file__).resolve().parents[1]
LESSONS = [path.stem for path in build.scripts()]
BUILT_IN = "genindex.html", "py-modindex.html", "search.html"      # Sphinx's own, of which it gives no headings in order
REFERENCE = {name for _, name, folder in pkgutil.walk_packages(simgan_lib.__path__, "simgan_lib.")
             if not folder and "__main__" not in name}


def make(source, out):
    """The book of a folder, by the command of `make site`."""
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-c", ROOT / "docs", source, out, "-d", f"{out}-read"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the kit's own book, and its pages."""
    out = tmp_path_factory.mktemp("book") / "site"
    done = make(ROOT, out)
    assert done.returncode == 0, done.stderr
    return out.resolve(), read(out)


def test_make_builds_by_the_command_that_is_tested():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nsite:")[1].split("\n\n")[0]
    assert "-m sphinx -W -q -c docs . build/site -d build/site-read" in recipe


def test_every_link_leads_somewhere(site):
    folder, pages = site
    assert {name: found for name, page in pages.items() if (found := broken(folder, name, page, pages))} == {}


def test_nothing_is_fetched_from_elsewhere(site):
    folder, pages = site
    asked = {name: [address for address in page.fetched if elsewhere(address)] for name, page in pages.items()}
    assert {name: found for name, found in asked.items() if found} == {}
    for style in folder.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import\s+)[\"']?([^\"')]+)", style.read_text(encoding="utf-8")):
            assert not elsewhere(address), style.name
            assert address.startswith("data:") or (style.parent / address).exists(), (style.name, address)


def test_every_picture_has_an_alternative_text(site):
    _, pages = site
    assert {name: found for name, page in pages.items() if (found := unheard(page))} == {}
    assert sum(len(page.pictures) for page in pages.values()) > 2 * 5 * len(LESSONS)


def test_one_title_a_page_and_headings_in_order(site):
    _, pages = site
    assert [name for name, page in pages.items() if name not in BUILT_IN and out_of_order(page.headings)] == []


def test_tags_close_in_order(site):
    _, pages = site
    assert {name: page.faults for name, page in pages.items() if page.faults} == {}


def test_each_page_lies_where_its_file_does(site):
    _, pages = site
    written = {f"{path.relative_to(ROOT).with_suffix('')}.html".replace("\\", "/") for path in (ROOT / "docs").rglob("*.md")}
    written |= {f"notebooks/{lesson}.html" for lesson in LESSONS} | {"README.html", "index.html"}        # as the badges have it
    if (ROOT / "coursework" / "README.md").exists():
        written.add("coursework/README.html")
    assert written <= set(pages)


def test_the_front_page_is_the_index(site):
    folder, _ = site
    assert (folder / "index.html").read_bytes() == (folder / "README.html").read_bytes()


def test_every_page_is_in_the_table_of_contents(site):
    _, pages = site
    listed = set(pages["index.html"].links)
    own = {name for name in pages if name.startswith(("docs/", "notebooks/", "coursework/"))}
    assert own <= listed


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_its_pictures_and_so_does_the_gallery(site, lesson):
    folder, pages = site
    cells = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4).cells
    outputs = [output.get("data", {}).get("text/html", "") for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [picture["alt"] for html in outputs for picture in Page(html).pictures]
    page, gallery = pages[f"notebooks/{lesson}.html"], pages["docs/gallery.html"]
    assert texts and texts == [picture["alt"] for picture in page.pictures]
    shown = [picture for picture in gallery.pictures if picture["src"].startswith(f"../gallery/{lesson[:2]}-")]
    assert texts == [picture["alt"] for picture in shown]
    assert all((folder / "gallery" / picture["src"].rpartition("/")[2]).read_bytes().startswith(b"\x89PNG") for picture in shown)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_offers_its_file_and_no_way_to_where_one_is(site, lesson):
    _, pages = site
    page = pages[f"notebooks/{lesson}.html"]
    assert any(link.endswith(f"/{lesson}.ipynb") and "_downloads" in link for link in page.links)
    assert not any(f"{lesson}.html" in link and elsewhere(link) for link in page.links)


@pytest.mark.parametrize("lesson", LESSONS)
def test_formulas_are_shown_as_such(site, lesson):
    article = site[1][f"notebooks/{lesson}.html"].text.split("<article")[1].split("</article>")[0]
    source = "\n".join(cell.source for cell in build.read_script(ROOT / "notebooks" / f"{lesson}.py").cells
                       if cell.cell_type == "markdown")
    formulas = len(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.DOTALL), re.DOTALL))
    assert article.count("<math") == formulas


def test_a_widget_is_a_note(site):
    text = site[1]["notebooks/01_domain_gap.html"].text
    note = re.search(r'<div class="[^"]*widget[^"]*">.*?</div>', text, re.DOTALL)
    assert note and "Run the notebook to use them" in note[0]


def test_the_search_knows_words_of_every_kind_of_page(site):
    folder, _ = site
    index = json.loads((folder / "searchindex.js").read_text(encoding="utf-8").removeprefix("Search.setIndex(").removesuffix(")"))

    def pages_with(word):
        found = [index[kind].get(word, []) for kind in ("terms", "titleterms")]
        return {index["docnames"][i] for some in found for i in ([some] if isinstance(some, int) else some)}
    assert "notebooks/03_local_loss" in pages_with("verdict")
    assert "docs/findings" in pages_with("jpeg") and "docs/api/method" in pages_with("buffer")


def test_the_reference_has_every_module_and_leaves_out_what_is_private(site):
    _, pages = site
    there = set().union(*(page.anchors for name, page in pages.items() if name.startswith("docs/api/")))
    assert {f"module-{name}" for name in REFERENCE} <= there
    assert "simgan_lib.losses.local_adversarial_loss" in there
    assert not any(part.startswith("_") for name in there if name.startswith("simgan_lib.") for part in name.split("."))


def test_files_of_the_library_and_programs_lead_to_their_pages(site):
    _, pages = site
    assert "api/method.html#module-simgan_lib.losses" in pages["docs/library.html"].links
    assert "docs/examples.html#refine-eyes-py" in pages["index.html"].links


def test_every_data_set_is_named_with_its_licence(site):
    text = site[1]["docs/credits.html"].text
    programs = [path for path in (ROOT / "data_scripts").glob("[a-z]*.py") if "\nPage " in path.read_text(encoding="utf-8")]
    assert text.count("<tr") == text.split("Data sets")[0].count("<tr") + len(programs) + 1 and len(programs) == 6
    assert "CC BY-NC-SA 4.0" in text


# ---- In a browser ------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def browser():
    """Chromium, where it and its Python are there."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=found)


@pytest.mark.parametrize("name, width, scheme", [
    ("index", 1280, "light"), ("notebooks/03_local_loss", 400, "dark"), ("docs/results", 400, "light"),
    ("docs/api/system", 1280, "dark")])
def test_pages_fit_a_phone_and_axe_finds_no_serious_fault(site, browser, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto((site[0] / f"{name}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert said == [] and all(url.startswith(("file:", "data:")) for url in asked)
    faults = axe.Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults if fault["impact"] in ("serious", "critical")] == []


# ---- A small book, which shows that the checks can fail ----------------------------------------------------------------

BADGES = """
[![Open in Colab](https://colab.research.google.com/assets/badge.svg)](https://colab.research.google.com/github/somebody/kit)
[![Read as page](https://img.shields.io/badge/page.svg)](https://somebody.github.io/kit/notebooks/01_tiny.html)
"""


def small(folder, readme="# A kit\n\nText.", lesson="A text.", badges="", files=()):
    """A folder with a front page and one notebook, whose book can be made in seconds."""
    for name, text in {"README.md": readme, **dict(files)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    cells = [nbformat.v4.new_markdown_cell("# A lesson\n" + badges), nbformat.v4.new_markdown_cell(lesson)]
    (folder / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "01_tiny.ipynb")
    return folder


def test_faults_of_a_page_stop_the_build(tmp_path):
    done = make(small(tmp_path, lesson="[a](02_gone.ipynb) [b](../README.md#no-such-heading) ![c](gone.png)"), tmp_path / "out")
    assert done.returncode != 0
    assert all(fault in done.stderr for fault in ("02_gone.ipynb", "no-such-heading", "gone.png")), done.stderr


def test_a_formula_that_cannot_be_shown_stops_the_build(tmp_path):
    done = make(small(tmp_path, lesson=r"$\nosuchcommand x$"), tmp_path / "out")
    assert done.returncode != 0 and "01_tiny" in done.stderr and "nosuchcommand" in done.stderr


def test_badges_become_links_in_words_and_instructors_have_their_page(tmp_path):
    instructors = "# For instructors\n\n[A part](source/part.py), [a folder](source/), [a lesson](../notebooks/01_tiny.ipynb)."
    files = {"coursework/README.md": instructors, "coursework/source/part.py": "x = 1"}
    done = make(small(tmp_path, badges=BADGES, files=files), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    pages = read(tmp_path / "out")
    page = pages["notebooks/01_tiny.html"]
    assert not broken((tmp_path / "out").resolve(), "coursework/README.html", pages["coursework/README.html"], pages)
    assert "a folder" in pages["coursework/README.html"].text
    assert not any(elsewhere(address) for address in page.fetched)
    assert [link for link in page.links if "somebody" in link] == ["https://colab.research.google.com/github/somebody/kit"]
    assert ">Open in Colab</a> · " in page.text and "../coursework/README.html" in page.links


def test_a_faulty_page_is_seen(tmp_path):
    text = ('<h1>A</h1><h3>B</h3><p><a href="#gone">x</a><a href="other.html">y</a><img src="a.png" alt=" "></div></p>'
            '<script src="https://cdn.example/x.js"></script>')
    page = Page(text)
    (tmp_path / "page.html").write_text(text)
    assert broken(tmp_path, "page.html", page, {"page.html": page}) == ["#gone", "other.html", "a.png"]
    assert unheard(page) == ["a.png"] and out_of_order(page.headings) and page.faults
    assert [address for address in page.fetched if elsewhere(address)] == ["https://cdn.example/x.js"]
    assert not out_of_order([1, 2, 3, 2]) and out_of_order([1, 1]) and out_of_order([2, 1])
