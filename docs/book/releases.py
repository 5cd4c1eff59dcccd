"""```{releases}```: a table of the data sets, made of what their programs in data_scripts/ say of themselves."""

import ast
import re
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).resolve().parents[2] / "data_scripts"


class Releases(SphinxDirective):
    def run(self):
        rows = [row(path) for path in sorted(FOLDER.glob("[a-z]*.py"))]
        head = ["| data set | licence | source |", "|---|---|---|"]
        return self.parse_text_to_nodes("\n".join(head + [line for line in rows if line]))


def row(path):
    """A data set's row; nothing for one without a page, such as a folder of one's own."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    said = {name: " ".join(what.split()) for name, what in re.findall(r"^(\w+)  +((?:.+\n?)(?:  .*\n?)*)", text, re.MULTILINE)}
    if "Page" not in said:
        return ""
    return f"| [{text.partition(':')[0]}]({said['Page']}) | {said['Licence']} | {said['Cite']} |"


def setup(app):
    app.add_directive("releases", Releases)
    return {"parallel_read_safe": True}
