"""What a notebook's page has in place of what only a running notebook, or a page elsewhere, can show.

Badges are pictures of other servers: they become links in words, and the notebook itself is offered beside them.  A widget's
sentence becomes a note.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

HERE = "Read as page"                            # the badge that leads to the page itself
RUNS_ELSEWHERE = "Run the notebook"              # in every widget's sentence


class Ways(SphinxTransform):
    """Below a notebook's title: where else it opens, and the file.  Badges go, which are pictures from elsewhere."""

    default_priority = 10                        # before Sphinx looks for pictures

    def apply(self, **_):
        ways = [badge for badge in map(worded, badges(self.document)) if badge.astext() != HERE]
        if self.env.docname.startswith("notebooks/"):
            name = self.env.docname.rpartition("/")[2] + ".ipynb"
            ways.append(addnodes.download_reference("", "Download the notebook", refdoc=self.env.docname, reftarget=name,
                                                    refdomain="", reftype="download"))
        if ways:
            separated = [node for way in ways for node in (nodes.Text(" · "), way)][1:]
            self.document.next_node(nodes.section).insert(1, nodes.paragraph("", "", *separated))


def badges(document):
    """The links of a page that are pictures of other servers, taken out of it."""
    linked = [image for image in document.findall(nodes.image) if isinstance(image.parent, nodes.reference)]
    for image in [image for image in linked if "://" in image["uri"]]:
        link, paragraph = image.parent, image.parent.parent
        paragraph.remove(link)
        if not paragraph.astext().strip():
            paragraph.parent.remove(paragraph)
        yield link


def worded(link):
    """The same link in words, those that its picture has for who cannot see it."""
    return nodes.reference("", link.next_node(nodes.image)["alt"], refuri=link["refuri"])


class Widgets(SphinxTransform):
    """The sentence that stands for a widget: a note, not something printed."""

    default_priority = 11

    def apply(self, **_):
        for printed in list(self.document.findall(nodes.literal_block)):
            if RUNS_ELSEWHERE in printed.astext() and "output" in printed.get("classes", []):
                title, text = nodes.title("", "Moves in the notebook"), nodes.paragraph("", printed.astext().strip("'\n"))
                printed.replace_self(nodes.admonition("", title, text, classes=["note", "widget"]))


class Headless(SphinxTransform):
    """A table whose head is empty, as Markdown wants one, has none: a screen reader would read its blanks."""

    default_priority = 12

    def apply(self, **_):
        for head in list(self.document.findall(nodes.thead)):
            if not head.astext().strip():
                head.parent.remove(head)


def setup(app):
    app.add_transform(Headless)
    app.add_transform(Ways)
    app.add_transform(Widgets)
    return {"parallel_read_safe": True}
