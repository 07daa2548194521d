"""Sphinx's settings, for both editions: `-t pt` makes the Portuguese one."""

import sys
from datetime import date
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from website import extension
from website.pages import REPOSITORY

is_portuguese = tags.has("pt")  # type: ignore[name-defined]  # noqa: F821  # Sphinx defines it

project = "divlab"
author = "Os autores do divlab" if is_portuguese else "The divlab authors"
version = release = version_of("divlab")
language = "pt_BR" if is_portuguese else "en"
locale_dirs = [str(Path(__file__).parent / "locale")]  # the theme has no Portuguese of its own
html_title = "divlab"
root_doc = "index"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "website.extension",
]
templates_path = ["templates"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = [str(extension.made("pt" if is_portuguese else "en"))]
# A page that nothing leads to is a mistake, and so is a reference that leads nowhere.
nitpicky = True

# Notebooks are shown as they are stored.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # or else formulas of exercises would stay as they were typed

myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
myst_links_external_new_tab = False
# Links from one edition to the other: pages.py writes them.
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "other": {"url": "{{path}}"},
    "other-part": {"url": "{{path}}#{{fragment}}"},
}

# One file that draws formulas without fonts or a network. The package is no name of Python's.
mathjax_path = "tex-svg.js"
mathjax = Path(*find_spec("sphinx-mathjax-offline").submodule_search_locations)  # type: ignore[union-attr,misc]
html_static_path = ["static", str(mathjax / "static" / "mathjax" / mathjax_path)]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_use_rtype = False
python_display_short_literal_types = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True
# Names of other packages lead nowhere: their sites are not ours to look up while building.
nitpick_ignore_regex = [("py:.*", r"(?!divlab\.).*")]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_download_button": False,
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "navbar_persistent": [],
    "article_header_end": ["languages.html", "article-header-buttons.html"],
    "extra_footer": "",
    "search_bar_text": "Pesquisar …" if is_portuguese else "Search …",
    "toc_title": "Nesta página" if is_portuguese else "On this page",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
copyright = f"{date.today().year}, {author}. Apache-2.0"
html_last_updated_fmt = None
html_use_index = not is_portuguese  # the Portuguese edition has no reference
