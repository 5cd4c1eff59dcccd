"""Links to what is no page lead to where the book shows it: programs of examples/, modules of simgan_lib; or nowhere."""

import re
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

MODULE = re.compile(r"(simgan_lib(?:/\w+)*)\.py|(simgan_lib(?:\.\w+)+)")
EXAMPLES = "docs/examples"


class ToTheCode(SphinxPostTransform):
    """`simgan_lib/losses.py` and `simgan_lib.losses.psi` lead to the reference, if it has them."""

    default_priority = 400

    def run(self, **_):
        objects = self.env.domains["py"].objects
        for literal in list(self.document.findall(nodes.literal)):
            named = MODULE.fullmatch(literal.astext())
            if not named or isinstance(literal.parent, nodes.reference):
                continue
            there = objects.get((named[1] or named[2]).replace("/", "."))
            if there and there.docname != self.env.docname:
                text = literal.deepcopy()
                literal.replace_self(make_refnode(self.app.builder, self.env.docname, there.docname, there.node_id, text))


class ToTheExamples(SphinxPostTransform):
    """A link to a program of examples/ leads to its text, where it can be read before it is taken."""

    default_priority = 401

    def run(self, **_):
        for link in list(self.document.findall(addnodes.download_reference)):
            path = PurePosixPath(link["reftarget"])
            if path.parts[-2:-1] == ("examples",) and EXAMPLES in self.env.found_docs and self.env.docname != EXAMPLES:
                heading = nodes.make_id(path.name)
                link.replace_self(make_refnode(self.app.builder, self.env.docname, EXAMPLES, heading, link.children))


class Folders(SphinxPostTransform):
    """A link to a folder, which a book cannot open, is its text alone."""

    default_priority = 8                         # before MyST looks for a page of that name

    def run(self, **_):
        here = Path(self.env.doc2path(self.env.docname)).parent
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link["reftype"] == "myst" and (here / link["reftarget"]).is_dir():
                link.replace_self(link.children)


def setup(app):
    app.add_post_transform(Folders)
    app.add_post_transform(ToTheCode)
    app.add_post_transform(ToTheExamples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
