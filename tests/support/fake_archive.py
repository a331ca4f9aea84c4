"""An archive without a store behind it: the items a fake desk holds, and a note of what it was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, Protocol

from relay.deliveries import State
from relay.outbox.archive import EVERYTHING, STEP, Count, Page, Selection, Step


class Shelf(Protocol):
    """Where the items lie, oldest first."""

    events: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    asked: list[tuple[object, ...]]
    page_rows: int


class FakeArchive:
    """Of a selection it looks at ids and destinations; the rest it only notes."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        self._shelf.asked.append(("events", *_said(selection), before, limit))
        return _page(self._shelf.events, before, min(limit, self._shelf.page_rows))

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        self._shelf.asked.append(("event", id_or_key))
        return next((item for item in self._shelf.events if id_or_key in {str(item["id"]), item["event"]}), None)

    async def list_deliveries(
        self,
        *,
        state: State | None = None,
        selection: Selection = EVERYTHING,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        self._shelf.asked.append(("deliveries", state, *_said(selection), before, limit))
        return _page(self._chosen([state] if state else list(State), selection), before, limit)

    async def delivery(self, number: int) -> dict[str, Any] | None:
        self._shelf.asked.append(("delivery", number))
        return next((letter for letter in self._shelf.letters if letter["id"] == number), None)

    async def count(
        self, states: Collection[State], selection: Selection, *, copies: bool = False, dropped: bool = False
    ) -> Count:
        flags = [name for name, said in (("copies", copies), ("dropped", dropped)) if said]
        self._shelf.asked.append(("count", frozenset(states), *_said(selection), *flags))
        found = self._chosen(states, selection)
        return Count({State.DEAD: len(found)}, bodiless=1, sendable=Counter(item["destination"] for item in found))

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        return self._step("retry", selection, after, limit)

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        return self._step("drop", selection, after, limit, *(["waiting"] if waiting else []))

    async def replay(
        self, selection: Selection, *, new_ids: bool = False, dropped: bool = False, after: int = 0, limit: int = STEP
    ) -> Step:
        flags = [name for name, said in (("new_ids", new_ids), ("dropped", dropped)) if said]
        return self._step("replay", selection, after, limit, *flags)

    def _step(self, verb: str, selection: Selection, after: int, limit: int, *flags: str) -> Step:
        assert limit == STEP
        self._shelf.asked.append((verb, *_said(selection), after, *flags))
        done = [letter for letter in self._chosen([State.DEAD], selection) if letter["id"] > after]
        self._shelf.letters = [letter for letter in self._shelf.letters if letter not in done]
        names = tuple(dict.fromkeys(str(letter["destination"]) for letter in done))
        return Step(len(done), len(done), None, names)

    def _chosen(self, states: Collection[State], selection: Selection) -> list[dict[str, Any]]:
        return [
            letter
            for letter in self._shelf.letters
            if letter["state"] in states
            and selection.destination in {None, letter["destination"]}
            and selection.id in {None, letter["id"]}
        ]


def _said(selection: Selection) -> tuple[Selection, ...]:
    return () if selection == EVERYTHING else (selection,)


def _page(items: list[dict[str, Any]], before: int | None, limit: int) -> Page:
    older = [item for item in reversed(items) if before is None or item["id"] < before]
    shown = older[:limit]
    return Page(shown, shown[-1]["id"] if len(older) > limit else None)
