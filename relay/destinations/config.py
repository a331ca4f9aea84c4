"""What every destination's config has, and what chats have besides.

    YAML ──DestinationConfig──> url, timeout, max_age, sources, retry
                 ├── ChatConfig ──> DiscordConfig · SlackConfig        each in its own package
                 └── WebhookConfig

``relay.config`` puts the kinds together; here is only what they share.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from jinja2 import TemplateSyntaxError
from pydantic import AfterValidator, Field, model_validator

from relay.deliveries import Ordering
from relay.document.addresses import SecretUrl
from relay.document.fields import (
    Anything,
    Flag,
    Later,
    Leaf,
    OneOrMany,
    Section,
    Span,
    Text,
    choice,
    text,
    whole,
    wrong,
)
from relay.document.scalars import FromOutside
from relay.durations import format_duration, parse_duration
from relay.events import Source
from relay.secret import Secret
from relay.template import BodyTemplate

_SOURCES: Final = (Source.LIVE.value, Source.BACKFILL.value)
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


def default_span(written: str) -> Any:  # noqa: ANN401  because pydantic's Field is typed so
    """A field whose default is a duration, in seconds for the code and as written for the schema."""
    return Field(default=parse_duration(written), json_schema_extra={"default": written})


Template: TypeAlias = Annotated[BodyTemplate, Leaf(_template, {"type": "string"})]
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
    ca_file: Annotated[Text | None, Later()] = None
    deny_private: Annotated[Flag | None, Later()] = None

    def fingerprint(self) -> str:
        """16 hex digits that change when anything of this destination's config does; tells no secret."""
        return hashlib.sha256(json.dumps(_stable(self), sort_keys=True).encode()).hexdigest()[:16]


class ChatConfig(DestinationConfig):
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
    def rate_limit(self) -> None:
        """Learnt from the answers, not from the config."""
        return None


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
