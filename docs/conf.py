# noqa: INP001  because Sphinx wants its config as a file by itself
"""How Sphinx builds the documentation: ``make docs`` (https://www.sphinx-doc.org/en/master/usage/configuration.html).

    docs/*.md ──MyST──> Sphinx ──Furo──> build/docs        no network: no fonts, scripts or inventories from elsewhere

The pages are plain Markdown that a forge shows as well, so links lead to files: to other pages, and with ``../`` to
what lies beside them. Where such a file is a page of the site, too, the link is turned to that page.
"""

from __future__ import annotations

import re
from typing import Final

import click
from sphinx.application import Sphinx

from relay import __version__
from relay.cli import VERBS, group

project = "StratAlerts relay"
author = "the relay's authors"
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx_click"]
myst_heading_anchors = 4  # `x.md#heading`, by GitHub's rules
exclude_patterns = ["_*"]
smartquotes = False  # `--option` is no dash
highlight_language = "none"
default_role = "code"  # `…` in the commands' help

html_theme = "furo"
html_title = f"StratAlerts relay {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}

_PAGES: Final = {"](../CHANGELOG.md": "](changelog.md", "](../CONTRIBUTING.md": "](contributing.md"}


def _turn_links(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links to files of the repository lead to the pages that include them."""
    del app
    up = "../" * name.count("/")
    for file, page in _PAGES.items():
        source[0] = source[0].replace(f"]({up}{file[2:]}", f"]({up}{page[2:]}")


def _name_verbs() -> None:
    """Give each verb its name, which only the group knows: in its module it is called ``command``."""
    context = click.Context(group)
    for verb in VERBS:
        command = group.get_command(context, verb)
        assert command is not None
        command.name = verb


def _show_as_typed(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Let examples of a help be blocks of code, and no ``NAME=@FILE`` an address to write to."""
    del app, context
    shown: list[str] = []
    in_code = False
    for line in lines:
        typed = line.removeprefix("| ")
        if in_code and typed != line:
            shown.append(f"    {typed}")
        elif in_code := typed != line and typed.endswith(":"):  # the first line says what they are
            shown += [f"{typed}:", ""]
        else:
            shown.append(line if line.startswith("..") else re.sub(r"(?<=\S)@", r"\@", line))
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """What Sphinx calls before it reads the pages."""
    _name_verbs()
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", _show_as_typed)
    app.connect("source-read", _turn_links)
