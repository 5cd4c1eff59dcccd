"""The kit as a book for the browser:  make site,  or  sphinx-build -c docs . build/site  in the repository's folder.

Its pages lie as the repository's files do, so that links between files hold on the site, too.  Nothing is run: notebooks show
the outputs that they were committed with.  Nothing is fetched, neither by the build nor by who reads.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]
from simgan_lib import __version__  # noqa: E402

PAGES = {"README.md", "docs", "notebooks", "coursework"}      # where pages are looked for; whatever else lies here is not read

project, author, version = "The SimGAN kit", "The SimGAN kit authors", __version__
project_copyright = "The SimGAN kit authors, MIT licence"
html_title = project
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx.ext.githubpages",
              "book.front", "book.formulas", "book.links", "book.lessons", "book.modules", "book.gallery", "book.releases"]
root_doc = "README"
include_patterns = ["README.md", "docs/**.md", "notebooks/*.ipynb", "coursework/README.md"]
exclude_patterns = sorted(entry.name for entry in ROOT.iterdir() if entry.name not in PAGES)
nitpicky = True
highlight_language = "none"                                     # unless a block says its own
smartquotes = False                                             # what is written is shown

nb_execution_mode = "off"
nb_ipywidgets_js = {}                                           # from a CDN otherwise
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4                                        # [text](page.md#its-heading), as on GitHub

add_module_names = False                                        # a section names its module
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False                              # PyTorch's are not ours to show
autodoc_typehints = "none"
autodoc_preserve_defaults = True                                # names=GALLERY, not all that it holds
viewcode_follow_imported_members = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_math_renderer = "mathml"
html_copy_source = False                                        # a notebook is offered at its top
html_theme_options = {"footer_icons": [], "top_of_page_buttons": []}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
