"""Files that are read as text: how large they may be, and why one can't be read, in words.

place ──read_text──> text, or an error that ``why`` puts into words
      └─read_named─> text, or a fault of the document that names the file
"""

from __future__ import annotations

from pathlib import Path as FilePath

from relay.document.faults import Path, shown
from relay.document.yaml import Document


def read_text(place: FilePath, *, limit: int) -> str:
    """The UTF-8 text of a file.

    Raises:
        OSError: It can't be read.
        ValueError: It is larger than ``limit`` bytes, or no UTF-8.
    """
    with place.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it is larger than {limit // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None


def why(error: OSError | ValueError) -> str:
    """Why a file can't be read, in words."""
    if isinstance(error, OSError):
        return (error.strerror or "it is out of reach").lower()
    return str(error)


def read_named(name: str, beside: FilePath, *, path: Path, document: Document, limit: int) -> str | None:
    """The text of a file that ``document`` names; None where it can't be read, which is a fault then.

    Args:
        name: As the document has it; a relative one is looked up in ``beside``.
        beside: The document's folder.
        path: Where in the document the name stands.
        document: Takes the fault.
        limit: Bytes.
    """
    try:
        return read_text(beside / name, limit=limit)
    except (OSError, ValueError) as error:
        document.fault(path, f"the file '{shown(name)}' can't be read: {why(error)}")
        return None
