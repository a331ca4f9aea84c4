"""What every destination's config has, and what chats have besides.

    YAML ──DestinationConfig──> url, timeout, max_age, sources, retry
                 ├── InOrderConfig ──> ChatConfig ──> DiscordConfig · SlackConfig        each in its own package
                 │                └──> AppriseConfig
                 └── WebhookConfig

``relay.config`` puts the kinds together; here is only what they share.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

from jinja2 import TemplateSyntaxError
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relay.deliveries import Ordering
from relay.destinations.reach import Reach
from relay.document.addresses import SecretUrl
from relay.document.faults import found
from relay.document.fields import (
    Flag,
    Leaf,
    Many,
    OneOrMany,
    Section,
    Span,
    choice,
    text,
    whole,
    wrong,
)
from relay.document.scalars import FromOutside
from relay.document.timeframes import timeframe
from relay.durations import format_duration, parse_duration
from relay.events import Source
from relay.loopback import is_loopback_url
from relay.mentions import Chat, Mention, from_id, is_role_name, parse_mention
from relay.secret import Secret
from relay.template import BodyTemplate
from relay.tls import Bundle, context

_SOURCES: Final = (Source.LIVE.value, Source.BACKFILL.value)
MOST_WAITING: Final = 1_000
"""The greatest ``digest_over``: so many waiting alerts a lane can see at once."""

MENTION_FORMS: Final = "a mention like <@&ROLE_ID> or <@USER_ID> (Discord), <!subteam^ID> or <@ID> (Slack)"
_EVERYONE: Final = frozenset({"@everyone", "@here", "<!channel>", "<!here>", "<!everyone>", "everyone", "here"})
_ALL_SOURCES: Final = frozenset({Source.LIVE, Source.BACKFILL})


def _template(value: object) -> BodyTemplate:
    if isinstance(value, BodyTemplate):
        return value
    try:
        return BodyTemplate(text(value))
    except TemplateSyntaxError as error:
        # Jinja2 quotes pieces of the template; one that came from outside may be secret.
        detail = "" if isinstance(value, FromOutside) else f": {(error.message or '').rstrip('.')}"
        raise wrong(f"line {error.lineno} of the template is not Jinja2{detail}") from None


def _source(name: str) -> Source:
    return Source(name)  # by a function: pydantic looks at the signature, and an enum's differs between Pythons


def mention_text(value: object) -> str:
    """Whom to ping: a mention in a chat's own form, or a name of a destination's ``roles``."""
    written = text(value)
    if written.lower() in _EVERYONE:
        raise wrong("an alert can't ping everyone; name a role of those who want it", value)
    if parse_mention(written) is None and (written.isdigit() or not is_role_name(written)):
        raise _no_mention(f"{MENTION_FORMS}, or a name of a destination's roles is wanted", value)
    return written


def _role_name(value: object) -> str:
    name = text(value)
    if not is_role_name(name) or name.isdigit():
        raise wrong("a name for a role is letters, digits, spaces and . - _", value)
    return name


def _role_mention(value: object) -> Mention:
    mention = value if isinstance(value, Mention) else parse_mention(text(value))
    if mention is None:
        raise _no_mention(f"{MENTION_FORMS} is wanted", value)
    return mention


def _no_mention(wanted: str, value: object) -> PydanticCustomError:
    """The refusal of ``value``, and what was meant where it is the id of somebody alone."""
    meant = None if isinstance(value, FromOutside) else from_id(text(value))
    return wrong(f"{wanted}, found {found(value)}; did you mean {meant}?") if meant else wrong(wanted, value)


def default_span(written: str) -> Any:  # noqa: ANN401  because pydantic's Field is typed so
    """A field whose default is a duration, in seconds for the code and as written for the schema."""
    return Field(default=parse_duration(written), json_schema_extra={"default": written})


def _bundle(value: object) -> Bundle:
    if isinstance(value, Bundle):
        return value  # the file has been read by then
    raise wrong("the name of a file is wanted", value)


CaFile: TypeAlias = Annotated[Bundle, Leaf(_bundle, {"type": "string", "minLength": 1})]
Template: TypeAlias = Annotated[BodyTemplate, Leaf(_template, {"type": "string"})]
SourceName: TypeAlias = Annotated[Source, choice(*_SOURCES), AfterValidator(_source)]
Timeframe: TypeAlias = Annotated[str, timeframe()]
MentionText: TypeAlias = Annotated[str, Leaf(mention_text, {"type": "string"})]
RoleName: TypeAlias = Annotated[str, Leaf(_role_name, {"type": "string"})]
RoleMention: TypeAlias = Annotated[Mention, Leaf(_role_mention, {"type": "string"})]
LateForm: TypeAlias = Literal["mark", "digest", "drop"]


class Retry(Section):
    """When to try again, and when to stop."""

    initial: Span = default_span("1s")
    """The longest wait after the first failure."""
    max: Span = default_span("5m")
    """The longest wait after many."""
    give_up_after: Span = default_span("24h")
    """From the first attempt on; then it is a dead letter."""

    @model_validator(mode="after")
    def _rises(self) -> Retry:
        if self.initial > self.max:
            raise wrong(f"initial ({format_duration(self.initial)}) is longer than max ({format_duration(self.max)})")
        return self


class DestinationConfig(Section):
    """What every destination has."""

    secret_keys: ClassVar[tuple[str, ...]] = ("url",)

    url: SecretUrl
    """Where to; a secret."""
    timeout: Span = default_span("10s")
    """How long one attempt may take."""
    max_age: Span | None = None
    """Nothing older than this is sent; a rule's own may be shorter."""
    sources: Annotated[
        frozenset[SourceName], Field(strict=False, json_schema_extra={"default": [*_SOURCES]}), OneOrMany()
    ] = _ALL_SOURCES
    """Which alerts: live, backfill, or both."""
    retry: Retry = Retry()
    """When to try again."""
    ca_file: CaFile | None = None
    """A file of certificates (PEM) to trust besides the system's; relative to the config."""
    deny_private: Flag = False
    """Refuse addresses of this machine and its networks, even where a name leads there."""

    @property
    def keeps_for(self) -> float | None:
        """Seconds after its trigger for which an alert may still be sent here; None is for ever."""
        return self.max_age

    @property
    def stays_here(self) -> bool:
        """Whether what is sent reaches this machine alone; in doubt it does not."""
        return is_loopback_url(self.url.reveal())

    @property
    def reach(self) -> Reach:
        """How to reach it."""
        return Reach(None if self.ca_file is None else context(self.ca_file), self.deny_private)

    def fingerprint(self) -> str:
        """16 hex digits that change when anything of this destination's config does; tells no secret."""
        return _digest(_stable(self))

    def fingerprints(self) -> dict[str, str]:
        """The same for each key that is not at its default, so that it can be told which of them changed."""
        fields = type(self).model_fields.items()
        values = {name: (getattr(self, name), field.get_default(call_default_factory=True)) for name, field in fields}
        return {name: _digest(_stable(value)) for name, (value, default) in values.items() if value != default}


class InOrderConfig(DestinationConfig):
    """What is sent to one message at a time, in order; a message may hold all that waited for it."""

    @property
    def concurrency(self) -> int:
        """One at a time."""
        return 1

    @property
    def ordering(self) -> Ordering:
        """Everything in order."""
        return "strict"

    @property
    def rate_limit(self) -> None:
        """None to be set: what the provider takes is its own to tell."""
        return


class Ping(Section):
    """How often a chat is pinged."""

    wanted: ClassVar[str] = "a mapping is wanted, like {every: 10m}"

    every: Span
    """Nobody is pinged twice within this; what would ping is shown all the same."""


class Late(Section):
    """What becomes of an alert that comes late: it waited for a destination, or was recovered after a gap."""

    wanted: ClassVar[str] = "a mapping is wanted, like {over: 10m, as: digest}"

    over: Span = default_span("10m")
    """Later than this is late; a recovered alert says how late it is from one minute on."""
    form: Annotated[LateForm, choice(*get_args(LateForm))] = Field(default="mark", alias="as")
    """mark: it says so. digest: late ones are gathered in a table. drop: it expires, unsent."""


class ChatConfig(InOrderConfig):
    """What chats have."""

    chat: ClassVar[Chat]

    template: Template | None = None
    """Jinja2 that gives the message of one alert, in place of the relay's own."""
    roles: dict[RoleName, RoleMention] = Field(default_factory=dict)
    """Names for whom to ping, for ``mention`` in rules and ``mentions`` here."""
    mentions: dict[Timeframe, Many[MentionText]] = Field(default_factory=dict)
    """Whom an alert of a timeframe pings."""
    ping: Ping | None = None
    """How often to ping; every time by default."""
    late: Late = Late()
    """What becomes of late alerts."""
    digest_over: Annotated[int | None, whole(1, MOST_WAITING)] = None
    """When more alerts than this wait, a message is a table of them; off by default."""

    @property
    def keeps_for(self) -> float | None:
        """Dropping late ones is a greatest age."""
        ages = [self.max_age, self.late.over if self.late.form == "drop" else None]
        return min((age for age in ages if age is not None), default=None)

    def mention_of(self, text: str) -> Mention | None:
        """Whom ``text``, a name of ``roles`` or a mention, pings in this chat; None where nobody here."""
        mention = self.roles.get(text) or parse_mention(text)
        return mention if mention is not None and mention.chat == self.chat else None


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _stable(value: object) -> object:
    """``value`` as JSON that is equal whenever the value is; a secret, and what a file held, by its fingerprint."""
    match value:
        case Secret() | Bundle():
            return value.fingerprint()
        case Mention() | BodyTemplate():
            return value.text if isinstance(value, Mention) else value.source
        case Section():
            return {name: _stable(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {str(key): _stable(item) for key, item in value.items()}
        case frozenset() | tuple() | list():
            return [_stable(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
        case _:
            return value
