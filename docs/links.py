#!/usr/bin/env python3
"""Walks a built site and names every link in it that leads nowhere: ``make docs`` runs it on what Sphinx wrote.

    build/docs/**/*.html ──Page──> its ids and what it refers to ──dead──> one line for each fault

Inside the site every file and every ``#fragment`` must be there. A link to elsewhere is looked at for its form alone,
because nothing here asks the network. What a page would load by itself (scripts, styles, pictures, fonts) must be the
site's own, so that it reads the same without internet.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_LINKS: Final = {"a": "href", "area": "href"}
_LOADED: Final = {
    "img": "src",
    "script": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
_LOADS_NOTHING: Final = frozenset({"canonical", "search", "index", "next", "prev", "author", "copyright"})
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_IN_STYLE: Final = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


class Page(HTMLParser):
    """What one page has to link to, and what it refers to.

    Attributes:
        ids: Its fragments.
        links: Addresses that a reader may follow.
        loaded: Addresses that a browser asks for by itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the ids and addresses of one tag."""
        found = {name: value for name, value in attrs if value is not None}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag in _LINKS and _LINKS[tag] in found:
            self.links.append(found[_LINKS[tag]])
        if tag in _LOADED and _LOADED[tag] in found:
            only_told = tag == "link" and _LOADS_NOTHING & set(found.get("rel", "").split())
            (self.links if only_told else self.loaded).append(found[_LOADED[tag]])


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found on a site.

    Attributes:
        pages: How many.
        inside: Links and files that lead to the site itself.
        outside: Links to elsewhere.
        dead: A line for each that leads nowhere.
    """

    pages: int
    inside: int
    outside: int
    dead: tuple[str, ...]


def survey(site: Path) -> Survey:
    """Look at every page and style sheet of the site in the folder ``site``."""
    pages = {file.resolve(): Page(file.read_text("utf-8")) for file in sorted(site.rglob("*.html"))}
    root = site.resolve()
    inside = outside = 0
    dead: list[str] = []
    for file, page in pages.items():
        for address, loaded in [*((one, False) for one in page.links), *((one, True) for one in page.loaded)]:
            if urlsplit(address).scheme or address.startswith("//"):
                outside += 1
                why = "is loaded from elsewhere" if loaded and not address.startswith("data:") else _form(address)
            else:
                inside += 1
                why = _inside(address, file, pages, root)
            dead += [f"{file.relative_to(root)}: {address} {why}"] if why else []
    dead += _of_styles(root)
    return Survey(len(pages), inside, outside, tuple(dead))


def _form(address: str) -> str:
    """What is wrong with an address of elsewhere as it is written; empty where nothing is."""
    if address.startswith("data:"):
        return ""
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES:
        return "has a scheme that no browser follows"
    if parts.scheme == "mailto":
        return "" if "@" in parts.path else "names nobody"
    if re.search(r"\s", address) or not parts.hostname:
        return "is no address"
    return ""


def _inside(address: str, file: Path, pages: Mapping[Path, Page], root: Path) -> str:
    """Why ``address``, on the page ``file``, leads nowhere; empty where it leads somewhere."""
    parts = urlsplit(address)
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(root):
        return "leads out of the site"
    if not target.is_file():
        return "is not there"
    fragment = unquote(parts.fragment)
    if fragment and target in pages and fragment not in pages[target].ids:
        return "has no such place on its page"
    return ""


def _of_styles(root: Path) -> Iterator[str]:
    """What style sheets load that is not the site's own, or is not there."""
    for sheet in sorted(root.rglob("*.css")):
        for match in _IN_STYLE.finditer(sheet.read_text("utf-8")):
            address = match[1] or match[2]
            if address.startswith(("data:", "#")):
                continue
            parts = urlsplit(address)
            if parts.scheme or address.startswith("//"):
                yield f"{sheet.relative_to(root)}: {address} is loaded from elsewhere"
            elif not (sheet.parent / unquote(parts.path)).is_file():
                yield f"{sheet.relative_to(root)}: {address} is not there"


def main(arguments: list[str]) -> int:
    """Look at the site in the folder that is named; 1 where a link is dead."""
    found = survey(Path(arguments[0]))
    for line in found.dead:
        sys.stderr.write(f"{line}\n")
    told = f"{found.pages} pages, {found.inside} links inside, {found.outside} to elsewhere, {len(found.dead)} dead\n"
    sys.stdout.write(told)
    return 1 if found.dead or not found.pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
