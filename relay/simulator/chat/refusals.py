"""Discord's answers: its errors, each with status and code (docs.discord.com, error codes), and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from relay.simulator.chat.calls import Reply
from relay.simulator.chat.form import Fields, Form, is_snowflake
from relay.simulator.chat.limits import check, is_empty
from relay.simulator.chat.posted import Webhook

VIA: Final = {"Via": "1.1 google"}
"""What tells an answer of the API from one of the edge before it."""


class Refused(Enum):
    """Why a request is refused: status, code, message."""

    EMPTY = (400, 50006, "Cannot send an empty message")
    FORM = (400, 50035, "Invalid Form Body")
    JSON = (400, 50109, "The request body contains invalid JSON.")
    CHANNEL = (400, 10003, "Unknown Channel")
    THREAD_NEEDED = (400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
    TWO_THREADS = (400, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id")
    NO_FORUM = (400, 220003, "Webhooks can only create threads in forum channels")
    TOKEN = (401, 50027, "Invalid Webhook Token")
    USER_AGENT = (403, 40333, "internal network error")
    NOT_FOUND = (404, 0, "404: Not Found")
    WEBHOOK = (404, 10015, "Unknown Webhook")
    METHOD = (405, 0, "405: Method Not Allowed")
    TOO_LARGE = (413, 40005, "Request entity too large")

    def reply(self, *, status: int | None = None, errors: Mapping[str, object] | None = None) -> Reply:
        """The answer, with another status or with what is wrong in the form."""
        usual, code, message = self.value
        more = {} if errors is None else {"errors": errors}
        return answer(usual if status is None else status, {"message": message, "code": code, **more})


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer with JSON."""
    return Reply(status, {**VIA, "Content-Type": "application/json", **(headers or {})}, msgspec.json.encode(body))


def decode(content_type: str, body: bytes | None) -> dict[str, object] | Refused:
    """The JSON object of a request, or why there is none; without the type of JSON nothing is read of it."""
    if body is None:
        return Refused.TOO_LARGE
    if "json" not in content_type.lower():
        return Refused.EMPTY
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused.JSON
    return payload if isinstance(payload, dict) else Refused.JSON


def check_form(payload: Mapping[str, object], *, terse: bool) -> Reply | None:
    """What is wrong with the message itself; None where nothing is."""
    form = check(payload)
    if form.faults:
        return answer(400, form.terse()) if terse else Refused.FORM.reply(errors=form.errors())
    return Refused.EMPTY.reply() if is_empty(payload) else None


def check_thread(webhook: Webhook, thread_id: str | None, thread_name: object) -> Reply | None:
    """What is wrong with the thread asked for; None where nothing is."""
    if thread_id is not None and not is_snowflake(thread_id):
        form = Form()
        Fields(form, {}).fault("thread_id", "NUMBER_TYPE_COERCE", f"Value {thread_id!r} is not snowflake.")
        return Refused.FORM.reply(errors=form.errors())
    if webhook.forum and not thread_id and not thread_name:
        return Refused.THREAD_NEEDED.reply()
    if webhook.forum and thread_id and thread_name:
        return Refused.TWO_THREADS.reply()
    if thread_name and not webhook.forum:
        return Refused.NO_FORUM.reply()
    if thread_id and thread_id not in webhook.threads:
        return Refused.CHANNEL.reply()
    return None
