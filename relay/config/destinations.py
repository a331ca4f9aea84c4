"""``destinations:`` of the config: one model a type, told apart by ``type``."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, TypeAlias, get_args

from jinja2 import TemplateSyntaxError
from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from relay.config.addresses import HeaderName, HeaderValue, SecretUrl, SigningSecret
from relay.config.fields import (
    Anything,
    Flag,
    Later,
    Leaf,
    Many,
    OneOrMany,
    Section,
    Span,
    Text,
    choice,
    text,
    whole,
    wrong,
)
from relay.config.scalars import FromOutside
from relay.deliveries import Ordering
from relay.durations import format_duration, parse_duration
from relay.events import Source
from relay.secret import Secret
from relay.template import BodyTemplate

TYPES: Final = ("webhook", "discord", "slack")
_SOURCES: Final = (Source.LIVE.value, Source.BACKFILL.value)
_ALL_SOURCES: Final = frozenset({Source.LIVE, Source.BACKFILL})
_NAME: Final = re.compile(r"[^\W_][\w .@+-]{0,62}\w|[^\W_]")
_MOST_CONCURRENT: Final = 256


class RateLimit(NamedTuple):
    """At most ``requests`` in any ``seconds``."""

    requests: int
    seconds: float


def _rate_limit(value: object) -> RateLimit:
    if isinstance(value, RateLimit):
        return value
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\S+)\s*", value, re.ASCII) if isinstance(value, str) else None
    try:
        limit = RateLimit(int(match[1]), parse_duration(match[2])) if match else None
    except ValueError:
        limit = None
    if limit is None or limit.requests == 0 or limit.seconds == 0:
        raise wrong("a number of requests and a duration are wanted, like 50/1s", value)
    return limit


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


def _name(value: object) -> str:
    name = text(value)
    if not _NAME.fullmatch(name):
        raise wrong("a destination's name is letters, digits, spaces and . @ + - _, at most 64", value)
    return name


def default_span(written: str) -> Any:  # noqa: ANN401  because pydantic's Field is typed so
    """A field whose default is a duration, in seconds for the code and as written for the schema."""
    return Field(default=parse_duration(written), json_schema_extra={"default": written})


Name: TypeAlias = Annotated[str, Leaf(_name, {"type": "string"})]
RateLimited: TypeAlias = Annotated[RateLimit, Leaf(_rate_limit, {"type": "string", "pattern": r"^\d+/\d|\$\{"})]
Template: TypeAlias = Annotated[BodyTemplate, Leaf(_template, {"type": "string"})]
Method: TypeAlias = Annotated[Literal["POST", "PUT", "PATCH"], choice("POST", "PUT", "PATCH")]
SourceName: TypeAlias = Annotated[Source, choice(*_SOURCES), AfterValidator(_source)]


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


class _Destination(Section):
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
    ca_file: Annotated[Text | None, Later()] = None
    deny_private: Annotated[Flag | None, Later()] = None

    def fingerprint(self) -> str:
        """16 hex digits that change when anything of this destination's config does; tells no secret."""
        return hashlib.sha256(json.dumps(_stable(self), sort_keys=True).encode()).hexdigest()[:16]


class WebhookConfig(_Destination):
    """Signed JSON to a URL of the user's own."""

    secret_keys: ClassVar[tuple[str, ...]] = ("url", "secret")

    type: Literal["webhook"]
    """The kind of destination."""
    secret: Many[SigningSecret] = ()
    """Signs every request, Standard Webhooks; a list while rotating."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Added to every request."""
    template: Template | None = None
    """Jinja2, in place of the default JSON body."""
    method: Method = "POST"
    """The HTTP method."""
    concurrency: Annotated[int, whole(1, _MOST_CONCURRENT)] = 8
    """Requests in flight at once."""
    ordering: Annotated[Ordering, choice(*get_args(Ordering))] = "symbol"
    """In order per symbol, in order over all, or in any order."""
    rate_limit: RateLimited | None = None
    """Requests in a time, like 50/1s; none by default."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The signing secrets, none for unsigned."""
        return self.secret


class _Chat(_Destination):
    """What chats have; they are sent to one at a time, in order."""

    template: Annotated[Template | None, Later()] = None
    mentions: Annotated[Anything, Later()] = None
    roles: Annotated[Anything, Later()] = None
    ping: Annotated[Anything, Later()] = None
    late: Annotated[Anything, Later()] = None
    username: Annotated[Text | None, Later()] = None
    avatar_url: Annotated[Text | None, Later()] = None
    thread_id: Annotated[Text | None, Later()] = None
    silent: Annotated[Flag | None, Later()] = None
    digest_over: Annotated[int | None, whole(1, 1_000_000), Later()] = None

    @property
    def concurrency(self) -> int:
        """One at a time."""
        return 1

    @property
    def ordering(self) -> Ordering:
        """Everything in order."""
        return "strict"

    @property
    def rate_limit(self) -> RateLimit | None:
        """Learnt from the answers, not from the config."""
        return None


class DiscordConfig(_Chat):
    """A Discord webhook."""

    type: Literal["discord"]
    """The kind of destination."""


class SlackConfig(_Chat):
    """A Slack incoming webhook."""

    type: Literal["slack"]
    """The kind of destination."""


class _OtherType(Section):
    """A destination whose type is missing, unknown, or not supported yet."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, choice(*TYPES)]


class _Apprise(Section):
    """Known to the schema, not yet to the relay."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, choice("apprise"), Later("'apprise' is")]


def _by_type(value: object) -> str:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"type={name}" if name in (*TYPES, "apprise") else "type=?"


Destination: TypeAlias = WebhookConfig | DiscordConfig | SlackConfig

AnyDestination: TypeAlias = Annotated[
    Annotated[WebhookConfig, Tag("type=webhook")]
    | Annotated[DiscordConfig, Tag("type=discord")]
    | Annotated[SlackConfig, Tag("type=slack")]
    | Annotated[_Apprise, Tag("type=apprise")]
    | Annotated[_OtherType, Tag("type=?")],
    Discriminator(_by_type),
]
"""How a destination is read; what comes out without a fault is a ``Destination``."""


def _stable(value: object) -> object:
    """``value`` as JSON that is equal whenever the value is; a secret by its fingerprint."""
    match value:
        case Secret() | BodyTemplate():
            return value.fingerprint() if isinstance(value, Secret) else value.source
        case Section():
            return {name: _stable(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {str(key): _stable(item) for key, item in value.items()}
        case frozenset():
            return sorted(str(item) for item in value)
        case tuple() | list():
            return [_stable(item) for item in value]
        case _:
            return value
