"""Digests that tell sets of images, networks and code apart: what a kept piece of work has in common with what goes on."""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path


def images_digest(images):
    """"shape, digest" of all pixels of uint8 images (N, C, H, W): a set with one other pixel has another."""
    digest = hashlib.sha256()
    for part in images.split(4096):
        digest.update(part.cpu().contiguous().numpy())
    return f"{' x '.join(map(str, images.shape))}, digest {digest.hexdigest()[:12]}"


def module_digest(module):
    """Tells one torch module from another: what it is made of, and its weights."""
    digest = hashlib.sha256(f"{type(module).__qualname__} {module!r}".encode())
    for name, values in module.state_dict().items():
        digest.update(name.encode() + values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def code_digest(files):
    """Digest of Python files as they run: a result of other code is not taken for today's."""
    return hashlib.sha256("\n".join(bare_code(file.read_text(encoding="utf-8")) for file in files).encode()).hexdigest()


@lru_cache(1)
def kit_digest():
    """Digest of all Python files of the kit, as they were when this process first asked: of what it runs, not of later files."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256("\n".join(file.read_text(encoding="utf-8") for file in files).encode()).hexdigest()


def bare_code(text):
    """Python code as it runs: without comments, docstrings and layout.

    >>> bare_code("x = (1 +  # one\\n     2)")
    'x = 1 + 2'
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
