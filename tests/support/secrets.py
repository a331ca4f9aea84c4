"""Secrets in every place of a config that takes one, and how to find them again in what comes out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.process import free_port, webhook

SIGNING = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRETS = {
    "api key": "sk_live_quetzal-51d2a7/apikey",
    "url path": "tok-ocelot-7Jq2vXyZ11",
    "url query": "sig-axolotl-9Kd8Lm4NpQ",
    "url user": "margay-user-55",
    "url password": "pass-jaguar-3Rt6YuIo",
    "header": "team-puma-QwErTy123456",
    "signing secret": SIGNING,
    "discord token": "discord-coati-AbCdEf0987654321",
    "slack path": "T0CACOMISTLE/B0TAYRA/slack-kinkajou-ZxCvBn",
    "apprise path": "ntfy-serval-2Lp0OkMjNhBgVf",
    "page token": "page-tapir-hJkL5678vBnM",
    "heartbeat": "beat-oncilla-8Yt5RfVbGh",
}


def spellings(secret: str) -> set[str]:
    """How a secret may look in what comes out."""
    raw = secret.encode()
    return {secret, quote(secret, safe=""), base64.b64encode(raw).decode(), raw.hex()}


def found_in(text: str) -> list[str]:
    """Names of the secrets in ``text``."""
    return [name for name, secret in SECRETS.items() if any(form in text for form in spellings(secret))]


def one_of_each(server: str) -> dict[str, object]:
    """One destination a kind of failure.

    Args:
        server: Host and port that answer with the status a path begins with.
    """
    path, query = SECRETS["url path"], SECRETS["url query"]
    signed = {"secret": f"whsec_{SIGNING}", "headers": {"X-Team": SECRETS["header"]}}
    user = f"{SECRETS['url user']}:{SECRETS['url password']}@"
    return {
        "fails": webhook(f"http://{user}{server}/500/{path}?sig={query}", **signed),
        "refuses": webhook(f"http://{user}{server}/422/{path}?sig={query}", **signed),
        "redirects": webhook(f"http://{server}/302/{path}?sig={query}", **signed),
        "gone": webhook(f"http://{server}/410/{path}?sig={query}", **signed),
        "closed": webhook(f"http://{user}127.0.0.1:{free_port()}/{path}?sig={query}", **signed),
        "no tls": webhook(f"https://{server}/200/{path}?sig={query}", **signed),
        "template": webhook(f"http://{server}/200/{path}", template="{{ data.nothing.at.all }}", **signed),
        "chat": {"type": "discord", "url": f"http://{server}/404/api/webhooks/1/{SECRETS['discord token']}"},
        "desk": {"type": "slack", "url": f"http://{server}/403/services/{SECRETS['slack path']}"},
        "phone": {"type": "apprise", "url": f"json://{server}/503/{SECRETS['apprise path']}"},
    }


@asynccontextmanager
async def parrot() -> AsyncIterator[str]:
    """A server that repeats all it was asked, with the status that its path begins with; its address."""

    async def repeat(request: web.Request) -> web.Response:
        said = [request.path_qs, str(request.url), *(f"{name}: {value}" for name, value in request.headers.items())]
        body = "\n".join([*said, await request.text()])
        header = request.headers.get("Authorization", "none").replace("\n", " ")
        return web.Response(
            status=int(request.match_info["status"]), text=body, headers={"X-Was": header}, reason=request.path_qs
        )

    app = web.Application()
    app.router.add_route("*", "/{status:[0-9]+}/{tail:.*}", repeat)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"127.0.0.1:{server.port}"
