"""Formulas as MathML, which browsers and screen readers know by themselves: no script, and nothing to fetch elsewhere."""

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError

CONVERTER = LatexToMathML()


def inline(translator, node):
    translator.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def block(translator, node):
    translator.body.append(f'<div class="formula">{mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def mathml(node, block):
    """A formula's MathML.  Raises ExtensionError, which names the page, for what cannot be converted."""
    try:
        return CONVERTER.convert_with_local_state(node.astext(), displaystyle=block)
    except LatexError as error:
        place = f"{node.source or 'a page'}, line {node.line}"
        raise ExtensionError(f"{place}: the formula {node.astext()!r} cannot be shown") from error


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
