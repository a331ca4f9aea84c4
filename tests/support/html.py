"""Reading HTML as a browser does, to see what is a tag and what is text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

_ALLOWED: Final = frozenset({
    "html", "head", "meta", "link", "title", "style", "body", "div", "nav", "a", "i", "main", "header", "h1", "h2",
    "h3", "h4", "p", "article", "span", "time", "section", "footer", "hr", "code", "pre", "strong", "em", "u", "s",
})  # fmt: skip
_ATTRIBUTES: Final = frozenset({
    "lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "style", "title", "aria-hidden",
    "aria-current",
})  # fmt: skip
_VOID: Final = frozenset({"meta", "link", "hr"})


class Page(HTMLParser):
    """A document, read.

    Attributes:
        tags: Every start tag.
        text: What it shows.
        links: Where it leads.
        broken: What a document of ours never has.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.broken: list[str] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.broken += [f"open: {tag}" for tag in self._open]

    @property
    def text(self) -> str:
        return "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in _VOID:
            self._open.append(tag)
        if tag not in _ALLOWED:
            self.broken.append(f"tag: {tag}")
        for name, value in attrs:
            if name not in _ATTRIBUTES:
                self.broken.append(f"attribute: {name}")
            if name == "href":
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.broken.append(f"end: {tag}")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        self.broken.append(f"comment: {data}")

    def handle_pi(self, data: str) -> None:
        self.broken.append(f"instruction: {data}")
