"""``type: apprise`` of the config: the address of a service that the apprise library knows.

The library is an extra. Without it the config is read as far as that goes, and the fault stands at ``type``.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator

from relay.destinations.apprise.loading import library
from relay.destinations.config import InOrderConfig, Template
from relay.document.addresses import secret_text
from relay.document.fields import Leaf, Refused, wrong
from relay.secret import Secret

_SPACE: Final = re.compile(r"[\x00-\x20\x7f]")

# apprise reads addresses in a way of its own (a backslash may end the host), so what lifts the guard for invented
# alerts is narrow: the schemes that go to their host and nowhere else, a bare host, an optional port, then a path.
_STAYS_HERE: Final = re.compile(
    r"(?:json|xml|form)s?://(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?(?:[/?][^\\@]*)?",
    re.ASCII | re.IGNORECASE,
)


def installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("apprise") is not None


def needs_extra() -> str:
    """What is missing, and what to do about it with the interpreter that runs: the package comes from its clone."""
    if importlib.util.find_spec("pip") is None:  # as in the image, which is built with or without
        return "apprise needs an extra that is not installed here; docs/apprise.md says how"
    command = f"{shlex.quote(sys.executable)} -m pip install '.[apprise]'"
    return f"apprise needs an extra; install it in the folder that the relay was cloned to: {command}"


def _needs_extra(kind: Literal["apprise"]) -> Literal["apprise"]:
    if not installed():
        raise wrong(needs_extra())
    return kind


def _apprise_url(value: object) -> Secret:
    """An address that apprise can send to; the text itself is not repeated."""
    url = secret_text(value)
    if _SPACE.search(url.reveal()):
        raise wrong("an apprise URL like ntfy://ntfy.sh/TOPIC is wanted; this one has a space or control character")
    if installed() and (fault := library().fault_of(url)):
        raise wrong(f"an apprise URL like ntfy://ntfy.sh/TOPIC is wanted; {fault}")
    return url


NO_CA_FILE: Final = (
    "apprise makes its own connections and takes no certificates from here; "
    "name a bundle for all of it in the environment's REQUESTS_CA_BUNDLE"
)
NO_DENY_PRIVATE: Final = "apprise makes its own connections, so their addresses can't be looked at"

AppriseUrl: TypeAlias = Annotated[Secret, Leaf(_apprise_url, {"type": "string", "pattern": r"://|\$\{"})]


class AppriseConfig(InOrderConfig):
    """A service that the apprise library knows: Telegram, ntfy, Pushover, mail and more."""

    type: Annotated[Literal["apprise"], AfterValidator(_needs_extra)]
    """The kind of destination."""
    url: AppriseUrl
    """An apprise URL, like tgram://TOKEN/CHAT or ntfy://ntfy.sh/TOPIC; a secret."""
    ca_file: Annotated[None, Refused(NO_CA_FILE)] = None
    deny_private: Annotated[Literal[False], Refused(NO_DENY_PRIVATE)] = False
    template: Template | None = None
    """Jinja2 that gives the text of one alert, in place of the relay's own."""

    @property
    def stays_here(self) -> bool:
        """Only where neither we nor apprise could read another host out of it."""
        return _STAYS_HERE.fullmatch(self.url.reveal()) is not None
