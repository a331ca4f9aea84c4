"""Bundles: the files of certificates that a ``ca_file`` names, read once while the config is.

    ca_file: own-ca.pem ──read_bundles──> Bundle | a fault where the name stands

A certificate is no secret, so that a relative name is looked up beside the config alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Final

from relay.destinations.kinds import KINDS
from relay.document.faults import Path, shown
from relay.document.reading import read_named
from relay.document.yaml import BROKEN, Document
from relay.tls import bundle

CA_FILE: Final = "ca_file"
_LARGEST: Final = 1024 * 1024  # bytes; all public authorities together are a quarter of it


def read_bundles(document: Document, beside: FilePath) -> None:
    """Put the certificates of every ``ca_file`` in its place."""
    for holder, path in _holders(document.root):
        name = holder.get(CA_FILE)
        if isinstance(name, str) and name.strip():
            holder[CA_FILE] = _read(name, (*path, CA_FILE), document, beside)


def _holders(root: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Path]]:
    upstream, destinations = root.get("stratalerts"), root.get("destinations")
    if isinstance(upstream, dict):
        yield upstream, ("stratalerts",)
    for name, destination in destinations.items() if isinstance(destinations, dict) else ():
        kind = KINDS.get(str(destination.get("type"))) if isinstance(destination, dict) else None
        if kind is not None and CA_FILE in kind.known_keys():  # where it is refused, that is the fault to tell
            yield destination, ("destinations", name)


def _read(name: str, path: Path, document: Document, beside: FilePath) -> object:
    text = read_named(name, beside, path=path, document=document, limit=_LARGEST)
    if text is None:
        return BROKEN
    try:
        return bundle(shown(name), text)
    except ValueError as error:
        document.fault(path, f"the file '{shown(name)}' can't be used: {error}")
        return BROKEN
