"""The README is the front page.  On GitHub it has no table of contents; here it gets one, and the address of the folder."""

import shutil
from pathlib import Path

CONTENTS = {
    "Notebooks": ["notebooks/*"],
    "What holds": ["docs/findings", "docs/results", "docs/deviations", "docs/refiners", "docs/gallery"],
    "Teaching": ["coursework/README"],
    "The code": ["docs/library", "docs/examples", "docs/api/*"],
    "About": ["docs/credits"],
}
FIRST = "method", "system"                     # of the pages on the code, as one reads them; then by name


def with_contents(app, page, source):
    """Append the table of contents, of those pages that exist."""
    if page != app.config.root_doc:
        return
    for caption, entries in CONTENTS.items():
        listed = "\n".join(entitled(name) for entry in entries for name in found(app.env.found_docs, entry))
        if listed:
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def found(pages, entry):
    """The pages that an entry names, all of a folder if it ends with a star."""
    folder, _, name = entry.rpartition("/")
    if name != "*":
        return [entry] if entry in pages else []
    named = sorted(page.rpartition("/")[2] for page in pages if page.rpartition("/")[0] == folder)
    return [f"{folder}/{name}" for name in [*(n for n in FIRST if n in named), *(n for n in named if n not in FIRST)]]


def entitled(page):
    """An entry of the table; a notebook's has its number and subject, since its title is a whole question."""
    name = page.removeprefix("notebooks/")
    return f"{name.replace('_', ' ')} <{page}>" if name != page else page


def as_index(app, error):
    """The front page a second time, under the name that a server looks for."""
    front = Path(app.outdir, f"{app.config.root_doc}.html")
    if error is None and front.exists():
        shutil.copyfile(front, front.with_name("index.html"))


def setup(app):
    app.connect("source-read", with_contents)
    app.connect("build-finished", as_index)
    return {"parallel_read_safe": True}
