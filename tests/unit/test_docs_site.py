"""The site made of ``docs/``: its reference is the model's, every page is found, and a dead link is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import keys, links
from relay.config.load import load
from relay.config.model import ConfigFile
from relay.config.schema import config_schema
from relay.destinations.kinds import KINDS
from relay.document.fields import Section
from tests.support.documents import ENV, ROOT

DOCS = ROOT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
INCLUDED = {"changelog.md": "../CHANGELOG.md", "contributing.md": "../CONTRIBUTING.md"}


def test_the_reference_is_what_the_model_says() -> None:
    assert keys.TARGET.read_text("utf-8") == keys.page(), "run: make reference"


@pytest.mark.parametrize("section", [part.section for part in keys.PARTS], ids=lambda section: section.__name__)
def test_every_key_has_a_meaning_and_an_example(section: type[Section]) -> None:
    told_below = {"stratalerts", "storage", "backfill", "http", "destinations", "rules"}
    shown = keys.examples()
    for name, field in keys.own_fields(section):
        assert field.description or getattr(field.annotation, "__doc__", ""), name
        assert ((section, field.alias or name) in shown) or (section is ConfigFile and name in told_below), name


def test_every_key_that_an_editor_knows_is_in_the_reference() -> None:
    page = keys.page()
    schema = config_schema()
    for form in (schema, *schema["$defs"].values()):
        for key, said in form["properties"].items():
            assert f"`{key}`" in page or said.get("not") == {}, key


def test_the_config_of_its_examples_loads(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text((DOCS / "reference/examples.yaml").read_text("utf-8"))
    for name in ("api_key", "http_token"):
        (tmp_path / name).write_text("0123456789abcdef-secret")
    config = load(path, env={**ENV, "SLACK_OPS_URL": "https://hooks.slack.com/services/T0/B0/x"})
    assert {destination.type for destination in config.destinations.values()} == set(KINDS)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "index.md"])
def test_the_first_page_leads_to_every_other_within_two_clicks(page: str) -> None:
    first = (DOCS / "index.md").read_text("utf-8")
    second = (DOCS / "architecture.md").read_text("utf-8")
    assert f"({INCLUDED.get(page, page)})" in first or f"({page})" in second
    assert f"\n{page.removesuffix('.md')}\n" in first  # in the menu


SITE = {
    "index.html": """<link rel="stylesheet" href="a.css"><link rel="canonical" href="https://elsewhere.example/">
        <h1 id="top">A</h1> <a href="#top">t</a> <a href="sub/page.html#there">s</a> <a href="sub/">f</a>
        <a href="https://elsewhere.example/x#y">e</a> <a href="mailto:a@example.org">m</a> <img src="data:image/png,x">
        <a href="caf%C3%A9.html">c</a>""",
    "café.html": "<p>",
    "sub/index.html": "<a href='../index.html'>up</a>",
    "sub/page.html": "<h2 id='there'>B</h2>",
    "a.css": "body { background: url('b.png') } @font-face { src: url(data:font/woff,x) } a { fill: url(#g) }",
    "b.png": "",
}


def site(folder: Path, **more: str) -> links.Survey:
    for name, text in {**SITE, **more}.items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "outside.html").write_text("<p>")
    return links.survey(folder / "site")


def test_a_site_whose_links_all_lead_somewhere_has_none_that_is_dead(tmp_path: Path) -> None:
    assert site(tmp_path) == links.Survey(pages=4, inside=6, outside=4, dead=())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<a href="gone.html">', "gone.html is not there"),
        ('<a href="sub/page.html#nowhere">', "sub/page.html#nowhere has no such place on its page"),
        ('<a href="#nowhere">', "#nowhere has no such place on its page"),
        ('<a href="../outside.html">', "../outside.html leads out of the site"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<script src="https://cdn.example/a.js"></script>', "https://cdn.example/a.js is loaded from elsewhere"),
        ('<link rel="stylesheet" href="//cdn.example/a.css">', "//cdn.example/a.css is loaded from elsewhere"),
        ('<a href="https:///x">', "https:///x is no address"),
        ('<a href="htp://elsewhere.example">', "htp://elsewhere.example has a scheme that no browser follows"),
        ('<a href="mailto:nobody">', "mailto:nobody names nobody"),
    ],
)
def test_a_dead_link_is_named_with_its_page(text: str, why: str, tmp_path: Path) -> None:
    assert site(tmp_path, **{"sub/bad.html": ""}).dead == ()
    assert site(tmp_path, **{"bad.html": text}).dead == (f"bad.html: {why}",)


def test_a_style_sheet_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = site(tmp_path, **{"more.css": "@import 'https://fonts.example/f.css'; a { background: url(gone.png) }"})
    assert found.dead == (
        "more.css: https://fonts.example/f.css is loaded from elsewhere",
        "more.css: gone.png is not there",
    )


def test_no_page_at_all_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert links.main([str(tmp_path)]) == 1
    site(tmp_path)
    assert links.main([str(tmp_path / "site")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 pages, 6 links inside, 4 to elsewhere, 0 dead"
