"""What destinations need of their config, as protocols: the config's models fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from relay.secret import Secret


class Addressed(Protocol):
    """Whatever has an address."""

    @property
    def url(self) -> Secret:
        """Where to; its query is kept."""
        ...


class ChatSettings(Addressed, Protocol):
    """A Discord or Slack webhook."""

    @property
    def timeout(self) -> float:
        """Seconds an attempt may take."""
        ...


@runtime_checkable
class WebhookSettings(ChatSettings, Protocol):
    """A webhook of the user's own."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """``whsec_…``, several while rotating, none for unsigned."""
        ...

    @property
    def headers(self) -> Mapping[str, Secret]:
        """Added to every request."""
        ...

    @property
    def template(self) -> str | None:
        """Jinja2 source of the body, None for the default JSON."""
        ...

    @property
    def method(self) -> str:
        """``POST``, ``PUT`` or ``PATCH``."""
        ...
