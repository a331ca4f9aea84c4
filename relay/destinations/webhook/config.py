"""``type: webhook`` of the config."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic import Field, model_validator

from relay.deliveries import Ordering
from relay.destinations.config import DestinationConfig, Template
from relay.document.addresses import HeaderName, HeaderValue, SigningSecret, parse_url
from relay.document.fields import Leaf, Many, choice, whole, wrong
from relay.durations import parse_duration
from relay.secret import Secret

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


RateLimited: TypeAlias = Annotated[RateLimit, Leaf(_rate_limit, {"type": "string", "pattern": r"^\d+/\d|\$\{"})]
Method: TypeAlias = Annotated[Literal["POST", "PUT", "PATCH"], choice("POST", "PUT", "PATCH")]


class WebhookConfig(DestinationConfig):
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

    @model_validator(mode="after")
    def _authorizes_once(self) -> WebhookConfig:
        url = parse_url(self.url.reveal())
        named = url.raw_user is not None or url.raw_password is not None
        if named and any(name.lower() == "authorization" for name in self.headers):
            raise wrong("the url has a user or password, and headers have Authorization: a request carries one of them")
        return self

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The signing secrets, none for unsigned."""
        return self.secret
