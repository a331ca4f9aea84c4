"""What rules remember, in the SQLite store: ``relay.outbox.memory.RuleMemory`` over the outbox's own connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from relay.outbox import rows
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind
from relay.outbox.opened import StoreReader
from relay.outbox.transaction import Change, Operation, Transaction
from relay.outbox.writer import GroupWriter


class SqliteMemory:
    """Implements ``RuleMemory``."""

    def __init__(self, writer: GroupWriter[Operation, object], reader: StoreReader) -> None:
        self._writer = writer
        self._reader = reader

    async def marks(self, *, since_us: int, limit: int) -> list[Mark]:
        """What cooldowns remember of the last alerts that came at ``since_us`` or later."""
        (text,) = await self._reader.row("marks", since=since_us, limit=limit)
        return [Mark(*columns) for columns in rows.json_value(text)]

    async def sides(self) -> list[Side]:
        """All that rules on quotes and states remember."""
        (text,) = await self._reader.row("sides")
        return [Side(*columns) for columns in rows.json_value(text)]

    async def note_sides(self, sides: Sequence[Side]) -> None:
        """Remember sides on which no rule fired."""

        def write(transaction: Transaction) -> None:
            transaction.run("note_sides", rows=rows.json_rows(sides))

        await self._writer.submit(Change(write))

    async def forget_sides(self, *, but: Sequence[Side]) -> None:
        """Forget the sides of other rules and symbols."""

        def write(transaction: Transaction) -> None:
            transaction.run("forget_sides", kept=rows.json_text([(side.rule, side.symbol) for side in but]))

        await self._writer.submit(Change(write))

    async def snoozes(self) -> list[Snooze]:
        """Snoozes, those that are over included until they are pruned."""
        (text,) = await self._reader.row("snoozes")
        return [Snooze(SnoozeKind(kind), *columns) for kind, *columns in rows.json_value(text)]

    async def snooze(self, snooze: Snooze) -> None:
        """Begin a snooze, in place of an earlier one of the same thing."""

        def write(transaction: Transaction) -> None:
            transaction.run(
                "snooze", kind=snooze.kind.value, name=snooze.name, since=snooze.since_us, until=snooze.until_us
            )

        await self._writer.submit(Change(write))

    async def wake(self, kind: SnoozeKind, name: str) -> bool:
        """End a snooze; whether there was one."""

        def write(transaction: Transaction) -> bool:
            return transaction.run("wake", kind=kind.value, name=name).rowcount > 0

        return cast("bool", await self._writer.submit(Change(write)))
