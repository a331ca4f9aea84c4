"""The systemd units that ship with the relay, wherever it was installed from.

    systemd/relay.service   ──wheel──> relay/unit_files/ ─┐
    systemd/relay@.service  ──checkout, editable──────────┴─> unit_text(name)

``systemd/`` in the source tree is the one place where they are written; the wheel carries copies as data.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

UNIT: Final = "relay.service"
"""One account: ``/etc/relay/config.yaml``."""

TEMPLATE: Final = "relay@.service"
"""Several accounts: ``/etc/relay/NAME/config.yaml`` for ``relay@NAME``."""


CONFIG: Final = Path("/etc/relay/config.yaml")
"""Which config ``relay.service`` runs with."""

STATE: Final = Path("/var/lib/relay")
"""The folder of its store (``StateDirectory=``)."""


def unit_text(name: str) -> str:
    """The text of a unit.

    Args:
        name: ``UNIT`` or ``TEMPLATE``.

    Raises:
        FileNotFoundError: There is no such unit.
    """
    packaged = resources.files("relay").joinpath("unit_files", name)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parent.parent / "systemd" / name).read_text(encoding="utf-8")
