"""How Sphinx builds the documentation.

``sphinx-build -W -b html docs OUT`` builds it, with every warning an error;
``sphinx-build -b linkcheck docs OUT`` asks for every address outside, which needs a network.
"""  # noqa: INP001  read by Sphinx, not a package

from __future__ import annotations

import sys
from pathlib import Path

from tweakreg_steps import __version__

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

project = "tweakreg-steps"
author = "The tweakreg-steps developers"
project_copyright = author
release = __version__
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_pages",
]
exclude_patterns = ["_build", "Thumbs.db", ".DS_Store"]
suppress_warnings = [
    "toc.not_included",  # such pages are listed under "more pages" (sphinx_pages.py)
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = f"tweakreg-steps {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
}

linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"http://localhost.*"]
