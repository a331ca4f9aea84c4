"""A certificate authority of a test's own, and servers on loopback that it vouches for."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from trustme import CA
from yarl import URL

from relay.tls import Bundle, bundle
from tests.support.receiver import Receiver

__all__ = ["CA"]


def pem_of(*authorities: CA) -> str:
    """What a ``ca_file`` holds that trusts ``authorities``."""
    return "".join(authority.cert_pem.bytes().decode() for authority in authorities)


def bundle_of(*authorities: CA) -> Bundle:
    """The same, read."""
    return bundle("ca.pem", pem_of(*authorities))


def server_side(authority: CA, *hosts: str, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """How a server proves that it is ``hosts``.

    Args:
        authority: Who vouches for it.
        hosts: Names and addresses in its certificate.
        newest: The newest TLS that it speaks; None is the newest there is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # what is old is the point
            context.minimum_version = min(newest, context.minimum_version)
            context.maximum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    authority.issue_cert(*hosts).configure_cert(context)
    return context


def old_client(authority: CA) -> ssl.SSLContext:
    """A client that still speaks TLS 1.1, to show that a server does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@asynccontextmanager
async def receiving_tls(context: ssl.SSLContext) -> AsyncIterator[Receiver]:
    """A receiver over TLS at 127.0.0.1, listening while the block runs."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    try:
        receiver.url = str(server.make_url("/hooks/tok-123456789"))
        yield receiver
    finally:
        receiver.stopping.set()
        await server.close()


class Names(AbstractResolver):
    """Knows the addresses of names that the test gives it, and nothing else.

    Attributes:
        addresses: By name; a test may change them while it runs.
        asked: The names looked up.
    """

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self.addresses[host]
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def fronted(url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """A port that speaks TLS before the server at ``url``, which does not.

    Yields:
        The same url, over TLS.
    """
    plain = URL(url)
    pairs: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one side is gone
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", plain.port)
        for task in (copy(reader, inner_writer), copy(inner_reader, writer)):
            pairs.add(asyncio.create_task(task))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        yield str(plain.with_scheme({"ws": "wss", "http": "https"}[plain.scheme]).with_port(port))
        for task in pairs:
            task.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)
