"""A config with a secret wherever one can be, and what becomes of it for a service."""

from __future__ import annotations

from relay.install.handover import Handover, handover

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRETS = ("sk-ocelot", "tok-margay", "beat-puma", "head-coati", "page-tapir", SIGNING)
EVERYTHING = f"""\
# mine
stratalerts: {{api_key: sk-ocelot, auth: bearer}} # the key
http: {{listen: "0.0.0.0:8787", token: page-tapir}}
heartbeat:
  url: 'https://watch.example/beat-puma' # a dead man's switch
destinations:
  swing:
    type: discord
    url: "https://discord.com/api/webhooks/1/tok-margay"
    # the end
  bot: {{type: webhook, url: "${{BOT}}", secret: [{SIGNING}], headers: {{A: head-coati, B: "Bearer ${{TEAM}}"}}}}
rules:
- {{name: all, to: [swing, bot]}}
"""
ENV = {"BOT": "https://bot.example/tok-margay", "TEAM": "head-coati", "UNUSED": "x"}


def handed(text: str, *, env: dict[str, str] | None = None, there: dict[str, str] | None = None) -> Handover:
    read = (there or {}).__getitem__
    return handover(text, ENV if env is None else env, secret=read, beside=read)
