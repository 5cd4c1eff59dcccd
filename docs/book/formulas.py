"""Formulas as MathML, which browsers and screen readers know by themselves: no script, no font, nothing to fetch."""

import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.errors import ExtensionError

DOTS = re.compile(r"\\dots\b")                  # not known to docutils, which knows \ldots


def inline(translator, node):
    translator.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def block(translator, node):
    translator.body.append(f'<div class="formula">{mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def mathml(node, block):
    """A formula's MathML.  Raises ExtensionError, which names the page, for what cannot be converted."""
    try:
        return latex2mathml.tex2mathml(DOTS.sub(r"\\ldots", node.astext()), as_block=block)
    except MathError as error:
        raise ExtensionError(f"{node.source or 'a page'}, line {node.line}: a formula cannot be shown, {error}") from error


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
