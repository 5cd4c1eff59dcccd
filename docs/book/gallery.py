"""```{gallery}```: every picture of the notebooks, with its alternative text, beside a link to where it is explained."""

import base64
import html
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PICTURE = re.compile(r'<img alt="(?P<alt>[^"]*)" width="(?P<width>\d+)" height="(?P<height>\d+)"[^>]*base64,(?P<png>[^"]+)"')
FOLDER = "gallery"                               # of the site; pages of docs/ name it from beside


class Gallery(SphinxDirective):
    """A place that is filled when all notebooks have been read."""

    def run(self):
        return [Place()]


class Place(nodes.General, nodes.Element):
    pass


def fill(app, document, page):
    for place in list(document.findall(Place)):
        lessons = sorted(name for name in app.env.found_docs if name.startswith("notebooks/"))
        place.replace_self([section for lesson in lessons for section in shown(app, page, lesson)])


def shown(app, page, lesson):
    """The section of one notebook."""
    found = [(heading, picture) for heading, raw in pictures(app.env.get_doctree(lesson))
             for picture in PICTURE.finditer(raw)]
    number = lesson.partition("/")[2][:2]
    section = nodes.section("", nodes.title("", f"{number} {app.env.titles[lesson].astext()}"), ids=[f"notebook-{number}"])
    there = app.builder.get_relative_uri(page, lesson)
    rows = [figure(app, there, f"{number}-{i:02d}.png", heading, picture) for i, (heading, picture) in enumerate(found)]
    section += nodes.raw("", f'<div class="gallery">{"".join(rows)}</div>', format="html")
    return [section]


def pictures(document):
    """(section, HTML) of each output of a notebook that holds a picture."""
    for raw in document.findall(nodes.raw):
        if raw.get("format") == "html" and "<img" in raw.astext():
            above = raw.parent
            while not isinstance(above, nodes.section):
                above = above.parent
            yield above, raw.astext()


def figure(app, page, name, heading, picture):
    """A picture, written as a file, and the section of the notebook that shows it."""
    file = Path(app.outdir, FOLDER, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(base64.b64decode(picture["png"]))
    title = html.escape(heading.next_node(nodes.title).astext())
    return (f'<figure><img loading="lazy" src="../{FOLDER}/{name}" width="{picture["width"]}" height="{picture["height"]}" '
            f'alt="{picture["alt"]}"><figcaption><a href="{page}#{heading["ids"][0]}">{title}</a></figcaption></figure>')


def setup(app):
    app.add_node(Place)
    app.add_directive("gallery", Gallery)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True}
