"""What a notebook's page has in place of what only a running notebook, or a page elsewhere, can show.

Badges are pictures of other servers: they become links in words, and the notebook itself is offered beside them.  A widget's
sentence becomes a note.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

UNSET = "OWNER_UNSET"                            # in addresses, until the kit is published: such a link leads nowhere
HERE = "Read as page"                            # the badge that leads to the page itself
RUNS_ELSEWHERE = "Run the notebook"              # in every widget's sentence


class Badges(SphinxTransform):
    """Pictures from elsewhere become their alternative text; at the top of a notebook there is the file."""

    default_priority = 10                        # before Sphinx looks for pictures

    def apply(self, **_):
        offered = self.env.docname.startswith("notebooks/")
        for image in list(self.document.findall(nodes.image)):
            if "://" not in image["uri"]:
                continue
            link = image.parent
            paragraph = link.parent
            if image["alt"] == HERE or UNSET in link.get("refuri", ""):
                paragraph.remove(link)
            else:
                image.replace_self(nodes.Text(image["alt"]))
            if offered:
                paragraph += self.notebook()
                offered = False

    def notebook(self):
        name = self.env.docname.rpartition("/")[2] + ".ipynb"
        link = addnodes.download_reference("", "", refdoc=self.env.docname, reftarget=name, refdomain="", reftype="download")
        return [nodes.Text(" "), link.__class__("", "Download the notebook", **link.attributes)]


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
    app.add_transform(Badges)
    app.add_transform(Widgets)
    return {"parallel_read_safe": True}
