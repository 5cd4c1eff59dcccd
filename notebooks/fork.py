"""Write where the kit lies on GitHub, wherever that is named:  make fork OWNER=name [REPO=simgan-kit].

From OWNER/REPO follow the library's REPOSITORY, the badges of each notebook and what its set-up cell installs, and the
addresses in CITATION.cff, pyproject.toml and README.md.  OWNER_UNSET takes all of it back: no badge is better than a
broken one.  No notebook is run: its outputs stay, and the digest of its code is renewed, since a set-up cell shows nothing.
All is made before anything is written.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import build
import jupytext
import nbformat

ROOT = build.FOLDER.parent
UNSET = "OWNER_UNSET"      # cannot exist on GitHub, for its underscore: nobody installs a stranger's package
OWNER = r"(?=.{1,39}\Z)[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
REPO = r"(?!.*\.git\Z)(?=.*[^.])[A-Za-z0-9._-]{1,100}"
COLAB_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
PAGE_BADGE = "https://img.shields.io/badge/read-as%20page-informational"


class Place(NamedTuple):
    """A repository on GitHub: `owner` a person or an organization."""

    owner: str
    repo: str

    @property
    def published(self):
        return self.owner != UNSET

    @property
    def code(self):
        return f"https://github.com/{self.owner}/{self.repo}"

    @property
    def site(self):
        host = f"{self.owner}.github.io"                     # a repository of that name is served at its root
        return f"https://{host}/" + ("" if self.repo.lower() == host.lower() else f"{self.repo}/")


def place(owner, repo):
    """Raises Refused for names that GitHub would not allow."""
    if owner != UNSET and not re.fullmatch(OWNER, owner):
        raise build.Refused(f"OWNER: expected a name on GitHub (letters, digits and single hyphens, these not at the ends, at "
                            f"most 39), found {owner!r}: make fork OWNER=your-name")
    if not re.fullmatch(REPO, repo):
        raise build.Refused(f"REPO: expected a name on GitHub (letters, digits, . - and _, no .git at the end, at most 100), "
                            f"found {repo!r}")
    return Place(owner, repo)


def once(pattern, new, text, name):
    """The text with the one match of a pattern replaced.  Raises Refused if there is none, or another."""
    made, count = re.subn(pattern, lambda match: match.expand(new), text, flags=re.MULTILINE)
    if count != 1:
        raise build.Refused(f"{name}: expected one place for the repository's name ({pattern}), found {count}")
    return made


# ---- what each file says of the place: (text, place, the file's name) -> text ----------------------------------------

def library(text, there, name):
    return once(r'^REPOSITORY = ".*"$', f'REPOSITORY = "{there.owner}/{there.repo}"', text, name)


def citation(text, there, name):
    lines = f"repository-code: {there.code}\nurl: {there.site}\n" if there.published else ""
    return once(r"(^license: .*\n)(repository-code: .*\n)?(url: .*\n)?", rf"\g<1>{lines}", text, name)


def project(text, there, name):
    lines = f'[project.urls]\nRepository = "{there.code}"\nDocumentation = "{there.site}"\n\n' if there.published else ""
    return once(r"(^\[project\.urls\]\n(.+\n)*\n)?^\[project\.scripts\]$", f"{lines}[project.scripts]", text, name)


def readme(text, there, name):
    sentence = f" [Here it is]({there.site})." if there.published else ""
    return once(r"(As a book to read: `make site`\.)( \[Here it is\]\(.*\)\.)?$", rf"\g<1>{sentence}", text, name)


def script(text, there, name):
    """A notebook's: badges below the title, and the kit that the set-up cell installs."""
    notebook = f"notebooks/{Path(name).stem}"
    colab = f"https://colab.research.google.com/github/{there.owner}/{there.repo}/blob/main/{notebook}.ipynb"
    badges = f"# [![Open in Colab]({COLAB_BADGE})]({colab})\n# [![Read as page]({PAGE_BADGE})]({there.site}{notebook}.html)\n#\n"
    text = once(r"(\A# %% \[markdown\]\n# # .+\n#\n)(# \[!\[.*\n# \[!\[.*\n#\n)?", r"\g<1>" + badges * there.published, text, name)
    return once(r'^    kit = "git\+.*"$', f'    kit = "git+{there.code}"', text, name)


FILES = {"simgan_lib/teaching/notebook.py": library, "CITATION.cff": citation, "pyproject.toml": project, "README.md": readme}


def built(path, text):
    """The text of a script's notebook once the script has another text: cells and digests are new, outputs as they were.

    Raises Refused if the two were out of step before: then a digest of ours would call old outputs fresh.
    """
    if found := build.problems(path):
        raise build.Refused(found[0])
    old, new = build.read_script(path), jupytext.reads(text, fmt="py:percent")
    changed = {a.source: b.source for a, b in zip(old.cells, new.cells, strict=True) if a.source != b.source}
    notebook = build.read_notebook(path)
    for cell in notebook.cells:
        cell.source = changed.get(cell.source.rstrip(), cell.source)
    notebook.metadata.simgan = nbformat.from_dict(build.digests(notebook))
    return nbformat.writes(notebook) + "\n"


def forked(there):
    """{path: its text} of all files that name the place.  Raises Refused."""
    made = {}
    for name, change in FILES.items():
        made[ROOT / name] = change((ROOT / name).read_text(encoding="utf-8"), there, name)
    for path in build.scripts():
        made[path] = script(path.read_text(encoding="utf-8"), there, path.name)
        made[path.with_suffix(".ipynb")] = built(path, made[path])
    return made


def write(path, text):
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(text.encode())
    os.replace(unfinished, path)


def main(arguments=None):
    """Returns the exit status: 0, or 2 if the name is refused or a file is not as expected; then nothing is written."""
    parser = argparse.ArgumentParser(prog="make fork", description="Write the repository's place on GitHub wherever it is named.")
    parser.add_argument("owner", help="a person or an organization")
    parser.add_argument("repo", nargs="?", default="simgan-kit", help="the repository (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        there = place(options.owner, options.repo)
        made = forked(there)
    except build.Refused as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in made.items():
        write(path, text)
    print(f"{there.code} and {there.site}: written into {len(made)} files. Look with git diff, then commit."
          if there.published else f"No place on GitHub any more: taken out of {len(made)} files.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
