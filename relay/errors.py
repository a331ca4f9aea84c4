"""The root of the tree of errors the relay raises on purpose, and the exit code each one ends the process with.

A package grows its own branch from a class here. An error says what happened (``str(error)``) and what to do next
(``error.hint``); the command line prints those two lines and never a traceback. Exit codes follow sysexits.h where it
has a name for the case.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every verb; service managers decide about a restart by them."""

    OK = 0
    FAILED = 1  # the verb ran and its answer is no: a check that found trouble, a test message that nobody took
    USAGE = 64
    EVICTED = 69
    STORE = 74
    LOCKED = 75
    REJECTED = 77
    CONFIG = 78


class RelayError(Exception):
    """Base of the tree.

    Attributes:
        hint: What the operator does next, one sentence, or empty.
        exit_code: What the process ends with when nobody handles it.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(RelayError):
    """The command line asks for something that does not exist."""

    exit_code = Exit.USAGE


class ConfigError(RelayError):
    """The config can't be used. ``str(error)`` lists every fault, one a line."""

    exit_code = Exit.CONFIG


class StoreError(RelayError):
    """The store can't be opened or is not ours."""

    exit_code = Exit.STORE


class StoreBusyError(RelayError):
    """The store refuses a write for now (disk full, I/O error); the same call may succeed later."""

    exit_code = Exit.STORE


class LockedError(RelayError):
    """Another relay holds the store or the port."""

    exit_code = Exit.LOCKED


class UpstreamError(RelayError):
    """The upstream answered in a way that can't be used."""


class RejectedError(UpstreamError):
    """The upstream refuses this key; trying again won't help."""

    exit_code = Exit.REJECTED


class EvictedError(UpstreamError):
    """Another connection of the account took over (close code 4409)."""

    exit_code = Exit.EVICTED
