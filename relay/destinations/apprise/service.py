"""The one module that imports apprise; everybody else comes here through ``loading.library``.

    url ──service_of──> one plugin of apprise ──send──> Said(sent, why)

All happens in the caller's thread: with ``async_mode`` or a time-out of its own, apprise would hand the work to a pool
whose threads the interpreter waits for at its end, and a service that hangs would hold up the exit. Apprise logs why
something failed instead of returning it, and its words may hold parts of the address, so its log goes nowhere but into
``Said``. (Source: apprise 2.2, apprise.py, asset.py.)
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat

from relay.destinations.apprise.loading import Said
from relay.secret import Secret

_LOGGERS: Final = ("apprise", "urllib3")  # what apprise asks over HTTP, which nobody else here uses, names the url
_heard: Final = threading.local()  # .words: list[str], while somebody listens in this thread


class _Ear(logging.Handler):
    """Keeps what is logged in a thread for whoever listens there."""

    def emit(self, record: logging.LogRecord) -> None:
        words: list[str] | None = getattr(_heard, "words", None)
        if words is not None:
            words.append(record.getMessage())


_ear: Final = _Ear(logging.WARNING)
for _logger in map(logging.getLogger, _LOGGERS):
    _logger.addHandler(_ear)
    _logger.setLevel(logging.WARNING)  # whatever the relay's own level is: these are reasons, not log lines
    _logger.propagate = False


@contextmanager
def _listening() -> Iterator[list[str]]:
    words: list[str] = []
    _heard.words = words
    try:
        yield words
    finally:
        _heard.words = None


def fault_of(url: Secret) -> str:
    """Why apprise can't send to ``url``; empty where it can."""
    if _plugin_of(url) is not None:
        return ""
    return "apprise knows no service by this one's scheme, or a part that the service needs is missing or malformed"


def service_of(url: Secret, timeout: float) -> PluginService:
    """Who is reached by ``url``, which has no fault."""
    plugin = _plugin_of(url)
    assert plugin is not None, "the config was checked with fault_of"
    for name in ("socket_connect_timeout", "socket_read_timeout"):
        if getattr(plugin, name) == getattr(NotifyBase, name):  # the URL asks for no other (cto, rto)
            setattr(plugin, name, timeout)
    return PluginService(plugin)


def _asset() -> AppriseAsset:
    asset = AppriseAsset(service_timeout=0, async_mode=False, http_redirects=False)
    asset.app_id = asset.app_desc = "StratAlerts relay"
    return asset


def _plugin_of(url: Secret) -> NotifyBase | None:
    with _listening(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first call loads every plugin, some with modules that Python will drop
        return Apprise.instantiate(url.reveal(), asset=_asset())


class PluginService:
    """One plugin with its address; see ``loading.Service``."""

    def __init__(self, plugin: NotifyBase) -> None:
        self.plugin = plugin
        self._apprise = Apprise(plugin, asset=plugin.asset)

    def send(self, title: str, body: str) -> Said:
        """Send a plain text, blocking."""
        with _listening() as words:
            try:
                sent = bool(self._apprise.notify(body, title, body_format=NotifyFormat.TEXT))
            except Exception as error:  # noqa: BLE001  because a plugin is foreign code and may raise anything
                sent = False
                words.append(f"it ended with {type(error).__name__}")
        return Said(sent, why="; ".join(dict.fromkeys(words)))
