"""```{modules} simgan_lib.system```: the reference of a package's modules, or of the modules flat at the top of simgan_lib.

Docstrings of the kit are plain text, for `help`; they are shown as they are and not read as markup.
"""

import importlib
import inspect
import pkgutil
import re

from sphinx.util.docutils import SphinxDirective

CODE = re.compile(r"`([^`]+)`")
SPECIAL = re.compile(r"([\\*|_<>\[\]])")
BEGINS = re.compile(r"(Returns|Raises|Paper|Taught|Yields|[\w*][\w*, ]{0,40}: |\d\. |- )")       # a line that does not go on


class Modules(SphinxDirective):
    """The modules of a package, one a section, in the order in which its docstring lists them, if it does; then by name."""

    required_arguments = 1

    def run(self):
        package = importlib.import_module(self.arguments[0])
        listed = {line.split()[0]: i for i, line in enumerate((package.__doc__ or "").splitlines()) if line.startswith("    ")}
        walk = pkgutil.walk_packages if "." in package.__name__ else pkgutil.iter_modules        # at the top the modules alone
        found = sorted((module for module in walk(package.__path__, f"{package.__name__}.") if "._" not in module.name),
                       key=lambda module: listed.get(module.name.rpartition(".")[2], len(listed)))
        found = [module.name for module in found if walk is pkgutil.walk_packages or not module.ispkg]
        return self.parse_text_to_nodes("\n\n".join(map(section, found)), allow_section_headings=True)


def section(name):
    """The Markdown of a module's section."""
    members = "\n   :members: " + ", ".join(offered(name)) if offered(name) else ""      # alone, `:members:` would be all
    return f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}{members}\n```"


def offered(name):
    """The functions and classes that a module itself defines, in its order."""
    module = importlib.import_module(name)
    return [each for each, what in vars(module).items() if not each.startswith("_")
            and (inspect.isclass(what) or inspect.isfunction(inspect.unwrap(what))) and what.__module__ == name and what.__doc__]


def as_it_is(app, what, name, subject, options, lines):
    """Each line of a docstring in its own row, but for those that go on; examples stay examples."""
    lines[:] = [row for paragraph in "\n".join(lines).split("\n\n") for row in [*shown(paragraph.splitlines()), ""]]


def shown(lines):
    """A paragraph as reStructuredText: a doctest and what is indented as code, all else as a block of lines."""
    lines = [line for line in lines if line.strip()]
    if lines and lines[0].startswith(">>>"):
        return lines
    if lines and all(line.startswith("  ") for line in lines):
        return ["::", "", *("    " + line for line in lines)]
    rows = []
    for line in lines:
        if rows and not BEGINS.match(line.strip()):
            rows[-1] += " " + line.strip()
        else:
            rows.append(line.strip())
    return ["| " + literal(row) for row in rows]


def literal(row):
    """A row as reStructuredText that shows it; what stands in single backticks is code."""
    parts = CODE.split(row)                                      # text, code, text, code, ..., text
    return "".join(f"\\ ``{part}``\\ " if i % 2 else SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))


def setup(app):
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-docstring", as_it_is)
    return {"parallel_read_safe": True}
