#!/usr/bin/env python3
"""Writes ``docs/reference/config.md``, every key of the config, from the models that read it.

    models ──fields──┬─ annotation ──> what a value is, and which there are
                     ├─ default, description ──> as they stand
                     └─ reference/examples.yaml, config.example.yaml ──> how it is written there

    .venv/bin/python docs/keys.py        (`make reference`)

A key whose form has no words here is an error, so that a new kind of value can't be left out; tests compare the page
with what would be written, and read every example.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import Tag
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from relay.config import model
from relay.config.channels import KEYS_OF
from relay.config.conditions import Price, SymbolLists
from relay.config.routes import RoutesConfig
from relay.config.rules import RuleConfig
from relay.config.windows import ActiveConfig
from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.config import ChatConfig, DestinationConfig, Late, Ping, Retry
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.kinds import KINDS
from relay.destinations.webhook.config import WebhookConfig
from relay.document.fields import Leaf, OneOrMany, Refused, Section
from relay.events import Channel

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "docs/reference/config.md"
CONFIGS: Final = (ROOT / "docs/reference/examples.yaml", ROOT / "config.example.yaml")
_COMMENTED: Final = re.compile(r"^(\s*)# ([a-z_]+: .*)$", re.MULTILINE)
_LONGEST: Final = 46  # characters of an example in a table


class Part(NamedTuple):
    """A heading of the page, and the keys under it.

    Attributes:
        title: As it stands there.
        section: Whose keys.
        told: A line or two before the table, with links.
    """

    title: str
    section: type[Section]
    told: str


PARTS: Final = (
    Part("At the top", model.ConfigFile, "What a config is made of; each has a part of its own below."),
    Part("stratalerts", model.StratAlerts, "The upstream and the key to it."),
    Part("storage", model.Storage, "Where events and deliveries are kept: [the store's file](../store.md)."),
    Part("backfill", model.Backfill, "Catching up over REST: [what is guaranteed](../guarantees.md)."),
    Part("http", model.Http, "The relay's own page and [endpoints](../http.md)."),
    Part("log", model.Log, "What is logged, and how."),
    Part("heartbeat", model.Heartbeat, "A [dead man's switch](../monitoring.md#when-something-is-wrong)."),
    Part("Every destination", DestinationConfig, "What each of `destinations` can have, whatever its `type`."),
    Part("retry", Retry, "Of a destination: [what is tried again](../guarantees.md#in-order-and-without-blocking)."),
    Part("webhook", WebhookConfig, "`type: webhook`, besides those of every destination: [webhooks](../webhooks.md)."),
    Part(
        "discord and slack",
        ChatConfig,
        "`type: discord` and `type: slack`, besides those of every destination: [Discord](../discord.md), "
        "[Slack](../slack.md).",
    ),
    Part("ping", Ping, "Of a chat."),
    Part("late", Late, "Of a chat."),
    Part("discord alone", DiscordConfig, "`type: discord`, besides those of both chats."),
    Part(
        "apprise",
        AppriseConfig,
        "`type: apprise`, besides those of every destination but `ca_file` and `deny_private`: [more](../apprise.md).",
    ),
    Part(
        "rules",
        RuleConfig,
        "A list; each rule has these. All its conditions must hold, and one that is left out admits everything: "
        "[rules](../rules.md), [cookbook](../cookbook.md). A key on a channel that it is not *on* is an error.",
    ),
    Part("symbol", SymbolLists, "Of a rule, where names alone won't do. One symbol or a list is short for `any`."),
    Part("price", Price, "Of a rule. On quotes the last four are [what it waits for](../rules.md#quotes-and-states)."),
    Part("active", ActiveConfig, "Of a rule: its [window](../rules.md#windows). `days`, `hours` or both."),
    Part("to", RoutesConfig, "Of a rule, where a name or a list is not enough: [routes](../rules.md#routes)."),
)

_BY_READER: Final = {
    "secret_url": "an address, `https://…`; a secret",
    "_apprise_url": "an address of apprise's; a secret",
    "credential": "text; a secret",
    "signing_secret": "`whsec_` and base64; a secret",
    "header_name": "the name of a header",
    "header_value": "text; a secret",
    "listen_address": "`HOST:PORT`, or `off`",
    "host_name": "a host's name",
    "store_url": "`sqlite:FILE`",
    "_bundle": "a file's name",
    "_watchlist": "a file's name",
    "_template": "a Jinja2 template",
    "_rate_limit": "`REQUESTS/DURATION`",
    "_name": "a name",
    "_rule_name": "a name",
    "_role_name": "a name",
    "_role_mention": "a mention",
    "mention_text": "a name of `roles`, or a mention",
    "_username": "a name",
    "_thread": "a thread's number",
    "_symbol": "a symbol or glob",
    "_shape": "a shape or glob",
    "_zone": "an IANA time zone",
    "_days": "a day or a range of days",
    "_hours": "a range of hours",
    "_channel": ", ".join(f"`{channel}`" for channel in Channel),
    "text": "text",
    "flag": "`true` or `false`",
    "number": "a number",
    "<lambda>": "a mapping: value to destination, list, or mapping",
}
_ON: Final = {
    Channel.IN_FORCE: "in force",
    Channel.BREAKS: "breaks",
    Channel.STATES: "states",
    Channel.QUOTES: "quotes",
}


def page() -> str:
    """The whole page."""
    shown = examples()
    parts = [_HEAD, *(f"## {part.title}\n\n{part.told}\n\n{_table(part.section, shown)}" for part in PARTS)]
    return "\n".join(parts)


_HEAD: Final = """\
# Every key of the config

Made from the config's model by `make reference`. `relay schema` prints the same as a JSON Schema, which the first line
of [config.example.yaml](../../config.example.yaml) hands to editors; `relay check` names every fault with its line.

* **A duration** is a number and its unit, `ms`, `s`, `m`, `h` or `d`: `250ms`, `1.5h`, `7d`.
* **A list** may be one value alone.
* **A secret** `x` may lie in a file, and `x_file` names it: in `$CREDENTIALS_DIRECTORY`, else beside the config.
* **`${NAME}`** and `${NAME:-default}` in a text are read from the environment; `$$` is a dollar.
* Only `true` and `false` are booleans: `ON`, `NO` and `Y` are tickers. Unknown and repeated keys are faults.
"""


def _table(section: type[Section], shown: Mapping[tuple[type[Section], str], str]) -> str:
    of_rules = section is RuleConfig
    head = ["key", "on", "value", "default", "example", "means"] if of_rules else ["key", *_COLUMNS]
    rows = [head, ["---"] * len(head)]
    for name, field in own_fields(section):
        key = field.alias or name
        named = f"`{key}`, or `{key}_file`" if name in section.secret_keys else f"`{key}`"
        means = re.sub(r"``([^`]+)``", r"`\1`", field.description or getattr(field.annotation, "__doc__", "") or "")
        cells = [
            named,
            *([_channels(key)] if of_rules else []),
            *_value(field),
            _code(shown.get((section, key), "")),
            means,
        ]
        rows.append(cells)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"


_COUNTS: Final = RuleConfig.model_fields["threshold"].annotation
_THRESHOLD: Final = "at least `2`, `3` or `4`; or a list of exact counts; or `all`"  # two forms that share their words
_COLUMNS: Final = ("value", "default", "example", "means")


def own_fields(section: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields that a section itself brings, or has in another form than those it derives from; none it refuses."""
    for name, field in section.model_fields.items():
        if any(isinstance(data, Refused) for data in field.metadata) or owner(section, name) is not section:
            continue
        if name != "type":
            yield name, field


def owner(section: type[Section], name: str) -> type[Section]:
    """The class that says what a field is."""
    lines = (base for base in section.__mro__ if issubclass(base, Section))
    return next(base for base in lines if name in vars(base).get("__annotations__", {}))


def _channels(key: str) -> str:
    on = [channel for channel in Channel if key in KEYS_OF[channel]]
    return "all" if len(on) == len(Channel) else ", ".join(_ON[channel] for channel in on)


def _value(field: FieldInfo) -> tuple[str, str]:
    told = _THRESHOLD if field.annotation is _COUNTS else words(field.annotation, field.metadata)
    return told, _default(field)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    extra = field.json_schema_extra
    value: Any = extra["default"] if isinstance(extra, dict) and "default" in extra else field.get_default()
    if value is None or value is PydanticUndefined or value in ((), {}) or isinstance(value, Section):
        return "its keys' defaults" if isinstance(value, Section) else "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, list) else f"`{value}`"


def _code(text: str) -> str:
    return f"`{text}`" if text else "below"


def words(annotation: object, metadata: Sequence[object] = ()) -> str:
    """What a value of this type is, in a few words; choices are all named.

    Raises:
        LookupError: There are no words for it yet.
    """
    leaf = next((data for data in metadata if isinstance(data, Leaf)), None)
    if leaf is not None:
        return _leaf(leaf)
    inner = get_args(annotation)
    if any(isinstance(data, OneOrMany) for data in metadata):
        return f"{words(inner[0])}, or a list"
    return _composed(get_origin(annotation), inner) if inner else _section(annotation)


def _composed(origin: object, inner: Sequence[Any]) -> str:
    if origin is Annotated:
        told = words(inner[0], inner[1:])
    elif origin in (Union, types.UnionType):
        told = "; or ".join(dict.fromkeys(words(one) for one in inner if one is not types.NoneType))
    elif origin is Literal:
        told = ", ".join(f"`{one}`" for one in inner)
    elif origin is dict:
        told = f"a mapping: {words(inner[0])} to {words(inner[1])}"
    else:
        told = f"a list of {words(inner[0]).replace('a mapping', 'mappings')}"
    return told


def _section(annotation: object) -> str:
    if annotation in KINDS.values() or getattr(annotation, "__name__", "").startswith("_"):
        return "[a destination](#every-destination)"
    for part in PARTS:
        if part.section is annotation:
            named = "symbol or glob, a list, or [`any` and `not`]" if annotation is SymbolLists else "[a mapping]"
            return f"{named}(#{part.title.lower().replace(' ', '-')})"
    raise LookupError(f"no words for {annotation}")


def _leaf(leaf: Leaf) -> str:
    if leaf.options:
        return ", ".join(f"`{option}`" for option in leaf.options)
    form = leaf.schema.get("anyOf", [leaf.schema])[0]
    if form.get("type") == "integer" and "maximum" in form and leaf.read.__name__ == "read":
        return f"a whole number, {form['minimum']} to {form['maximum']}"
    pattern = form.get("pattern", "")
    if "(ms|s|m|h|d)" in pattern:
        return "a duration"
    if match := re.match(r"\^\(?([a-z|]+)\)?://", pattern) if leaf.read.__name__ == "read" else None:
        return f"an address, {' or '.join(f'`{scheme}://…`' for scheme in match[1].split('|'))}"
    return _BY_READER[leaf.read.__name__]


def examples() -> dict[tuple[type[Section], str], str]:
    """How each key is written in one of the configs, a commented one too; the first that fits into a line."""
    found: dict[tuple[type[Section], str], str] = {}
    for config in CONFIGS:
        text = _COMMENTED.sub(r"\1\2", config.read_text("utf-8"))
        for section, key, node in _written(yaml.compose(text, Loader=yaml.SafeLoader), model.ConfigFile):
            written = text[node.start_mark.index : node.end_mark.index].strip()
            if "\n" not in written and len(written) <= _LONGEST:
                found.setdefault((section, key), written)
    return found


def _written(node: yaml.Node | None, section: type[Section]) -> Iterator[tuple[type[Section], str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return
    names = {field.alias or name: name for name, field in section.model_fields.items()}
    for key, value in node.value:
        if key.value not in names:  # x_file, for a secret x
            continue
        name = names[key.value]
        yield owner(section, name), key.value, value
        annotation = section.model_fields[name].annotation
        if key.value == "destinations":
            for _, destination in value.value:
                kind = next(one.value for said, one in destination.value if said.value == "type")
                yield from _written(destination, KINDS[kind])
        for inner in _sections(annotation):
            for one in value.value if isinstance(value, yaml.SequenceNode) else (value,):
                yield from _written(one, inner)


def _sections(annotation: object) -> Iterator[type[Section]]:
    """The sections that a value may be, but for destinations, which tell themselves apart."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        if not issubclass(annotation, DestinationConfig):
            yield annotation
    elif get_origin(annotation) is not dict:
        for inner in get_args(annotation):
            if not isinstance(inner, Tag | Leaf):
                yield from _sections(inner)


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
