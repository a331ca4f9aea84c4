"""Whom a destination trusts, and which addresses it refuses, against real servers on loopback.

Where a test needs an address that anybody can reach, 127.0.0.2 stands for it: ``only`` says which ones are private.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from trustme import CA
from yarl import URL

from relay.clock import SystemClock
from relay.deliveries import Verdict
from relay.destinations.answer import Answer, Failure
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient, Request
from relay.destinations.kinds import KINDS
from relay.destinations.probe import probe
from relay.destinations.reach import ANYWHERE, Reach
from relay.loopback import is_loopback_host
from relay.secret import Secret
from relay.tls import context
from tests.support.messages import message
from tests.support.receiver import Receiver, receiving
from tests.support.tls import Names, bundle_of, old_client, receiving_tls, server_side

ONE, OTHER = CA(), CA()
TRUSTING = Reach(context(bundle_of(ONE)))
OUTSIDE = Reach(deny_private=True)
HOST = "bot.example"


@pytest.fixture(autouse=True)
def fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here connects to another machine, whatever is broken."""
    connect = BaseSelectorEventLoop.sock_connect

    async def fenced(loop: BaseSelectorEventLoop, sock: socket.socket, address: tuple[str, int]) -> None:
        assert is_loopback_host(address[0]), f"{address[0]} would have been connected to"
        await connect(loop, sock, address)

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", fenced)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(resolver=Names(bot_example=["127.0.0.1"], other_example=["127.0.0.1"]))
    yield client
    await client.close()


@pytest.fixture
async def secure() -> AsyncIterator[Receiver]:
    """A receiver that ONE vouches for, as bot.example."""
    async with receiving_tls(server_side(ONE, HOST)) as receiver:
        yield receiver


def request(url: str | URL, reach: Reach = ANYWHERE, host: str | None = None) -> Request:
    url = URL(url)
    return Request("POST", url if host is None else url.with_host(host), {}, b"{}", 5.0, reach)


def only(*addresses: str) -> Callable[[str], bool]:
    return lambda address: address in addresses


async def failure(client: HttpClient, asked: Request) -> Failure:
    result = await client.exchange(asked)
    assert isinstance(result, Failure)
    return result


async def test_who_is_in_the_bundle_is_trusted(client: HttpClient, secure: Receiver) -> None:
    result = await client.exchange(request(secure.url, TRUSTING, HOST))
    assert isinstance(result, Answer)
    assert result.status == 200
    assert len(secure.requests) == 1


@pytest.mark.parametrize(
    ("reach", "host", "why"),
    [
        (ANYWHERE, HOST, "unable to get local issuer certificate"),
        (Reach(context(bundle_of(OTHER))), HOST, "unable to get local issuer certificate"),
        (TRUSTING, "other.example", "Hostname mismatch"),
        (TRUSTING, "127.0.0.1", "IP address mismatch"),
    ],
    ids=["the roots alone", "another bundle", "another name", "no name"],
)
async def test_who_is_not_vouched_for_is_refused(
    client: HttpClient, secure: Receiver, reach: Reach, host: str, why: str
) -> None:
    result = await failure(client, request(secure.url, reach, host))
    assert (result.code, why in result.detail) == ("tls", True), result.detail
    assert secure.requests == []


async def test_an_authority_below_the_root_can_be_named_alone(client: HttpClient) -> None:
    below = ONE.create_child_ca()
    async with receiving_tls(server_side(below, HOST)) as receiver:
        reach = Reach(context(bundle_of(below)))
        assert isinstance(await client.exchange(request(receiver.url, reach, HOST)), Answer)


async def test_one_destinations_trust_opens_no_other_a_door(client: HttpClient, secure: Receiver) -> None:
    """A connection that one of them made is still open when the next ones ask."""
    for _ in range(2):
        assert isinstance(await client.exchange(request(secure.url, TRUSTING, HOST)), Answer)
        for reach in (ANYWHERE, Reach(context(bundle_of(OTHER)))):
            assert (await failure(client, request(secure.url, reach, HOST))).code == "tls"
    assert len(secure.requests) == 2
    assert len({received.connection for received in secure.requests}) == 1


async def test_tls_1_1_is_refused(client: HttpClient) -> None:
    server = server_side(ONE, HOST, newest=ssl.TLSVersion.TLSv1_1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        port = listening.getsockname()[1]
        greeted = asyncio.create_task(asyncio.to_thread(greet, listening, server))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=old_client(ONE), server_hostname=HOST)
        writer.close()
        assert await greeted == "TLSv1.1"  # it is well, but for its age
        greeted = asyncio.create_task(asyncio.to_thread(greet, listening, server))
        result = await failure(client, request(f"https://{HOST}:{port}/x", TRUSTING))
        assert await greeted == "UNSUPPORTED_PROTOCOL"
    assert result == Failure("tls", f"no TLS connection with {HOST}:{port}: tlsv1 alert protocol version")


def greet(listening: socket.socket, context: ssl.SSLContext) -> str | None:
    """Shake hands with whoever comes: the version agreed on, or why there is none.

    asyncio's own server hangs up without the alert that every other one sends.
    """
    plain, _ = listening.accept()
    plain.settimeout(10)
    try:
        with context.wrap_socket(plain, server_side=True) as secure:
            return secure.version()
    except ssl.SSLError as error:
        return error.reason


async def test_tls_1_2_is_enough(client: HttpClient) -> None:
    async with receiving_tls(server_side(ONE, HOST, newest=ssl.TLSVersion.TLSv1_2)) as receiver:
        assert isinstance(await client.exchange(request(receiver.url, TRUSTING, HOST)), Answer)


@pytest.mark.parametrize("kind", ["webhook", "discord", "slack"])
async def test_every_kind_of_destination_uses_its_bundle(kind: str) -> None:
    client = HttpClient()
    clock = SystemClock()
    async with receiving_tls(server_side(ONE, "127.0.0.1")) as receiver:
        receiver.answer(200, "ok")
        url = Secret(f"{receiver.url}/webhooks/1/tok")
        own = KINDS[kind].model_validate({"type": kind, "url": url, "ca_file": bundle_of(ONE)})
        bare = KINDS[kind].model_validate({"type": kind, "url": url})
        denying = own.model_copy(update={"deny_private": True})
        factory = Factory(client, clock)
        codes = [(await factory.build(kind, one).send([message()])).code for one in (own, bare, denying)]
        asked = len(receiver.requests)
        probes = [(await probe(one, client)).detail for one in (own, bare, denying)]
    await client.close()
    assert codes == ["200", "tls", "private"]
    assert asked == 1
    assert len(receiver.requests) == 2
    assert "no TLS connection" in probes[1]
    assert "private address" in probes[2]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", HOST])
async def test_the_inside_is_refused_whatever_it_is_called(host: str) -> None:
    names = Names(localhost=["127.0.0.1"], bot_example=["127.0.0.1"])
    client = HttpClient(resolver=names)
    async with receiving() as receiver:
        asked = request(receiver.url, OUTSIDE, host)
        result = await failure(client, asked)
        assert isinstance(await client.exchange(request(receiver.url, ANYWHERE, host)), Answer)
        assert (await failure(client, asked)).code == "private"  # though a connection is open there
    await client.close()
    where = f"{host}:{URL(receiver.url).port}"
    assert result == Failure(
        "private", f"{where} is, or its name leads to, a private address, which deny_private refuses"
    )
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[::ffff:7f00:1]/x",
        "http://[fe80::1]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://[2002:7f00:1::]/x",
        "https://192.168.1.1/x",
    ],
)
async def test_a_literal_is_refused_before_anything_is_sent(client: HttpClient, url: str) -> None:
    assert (await failure(client, request(url, OUTSIDE))).code == "private"


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1"])
async def test_an_address_in_odd_clothes_is_refused(host: str) -> None:
    """The library refuses some itself; what the system's resolver makes of the others is looked at."""
    names = Names(**{host.replace(".", "_"): ["127.0.0.1"]})
    client = HttpClient(resolver=names)
    async with receiving() as receiver:
        url = URL(receiver.url.replace("127.0.0.1", host), encoded=True)
        assert (await failure(client, request(url, OUTSIDE))).code in {"private", "invalid"}
        assert receiver.requests == []
    await client.close()


@pytest.mark.parametrize("found", [["10.1.2.3"], ["10.1.2.3", "192.168.0.1"], ["fd00::1", "::ffff:10.0.0.1"], ["::1"]])
async def test_a_name_that_leads_inside_alone_is_refused(found: list[str]) -> None:
    names = Names(bot_example=found)
    client = HttpClient(resolver=names)
    assert (await failure(client, request("http://bot.example/x", OUTSIDE))).code == "private"
    await client.close()
    assert names.asked == [HOST]


async def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    """127.0.0.2 is the public one; the receiver at 127.0.0.1 hears nothing, whichever comes first."""
    for found in (["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]):
        client = HttpClient(resolver=Names(bot_example=found), private=only("127.0.0.1"))
        async with receiving() as receiver:
            port = URL(receiver.url).port
            assert isinstance(await client.exchange(request(receiver.url, OUTSIDE)), Failure)
            assert (await failure(client, request(receiver.url, OUTSIDE, HOST))).code in {"private", "connect"}
            assert receiver.requests == []
            reached = asyncio.Event()

            async def handle(
                _: asyncio.StreamReader, writer: asyncio.StreamWriter, reached: asyncio.Event = reached
            ) -> None:
                reached.set()
                writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                writer.close()

            async with await asyncio.start_server(handle, "127.0.0.2", port):
                assert isinstance(await client.exchange(request(receiver.url, OUTSIDE, HOST)), Answer)
            assert reached.is_set()
            assert receiver.requests == []
        await client.close()


async def test_a_name_that_turns_inside_is_refused_when_it_is_connected_to() -> None:
    """DNS rebinding: the first answer is public, every later one is not."""
    names = Names(bot_example=["127.0.0.2"])
    client = HttpClient(resolver=names, private=only("127.0.0.1"))
    async with receiving() as receiver:
        port = URL(receiver.url).port

        async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(handle, "127.0.0.2", port):
            assert isinstance(await client.exchange(request(receiver.url, OUTSIDE, HOST)), Answer)
            names.addresses[HOST] = ["127.0.0.1"]
            forget_names(client)
            assert (await failure(client, request(receiver.url, OUTSIDE, HOST))).code == "private"
        assert receiver.requests == []
    await client.close()
    assert len(names.asked) == 2


def forget_names(client: HttpClient) -> None:
    connector = client._outside.connector
    assert isinstance(connector, aiohttp.TCPConnector)
    connector.clear_dns_cache()


async def test_a_resolver_that_gives_no_address_is_refused() -> None:
    client = HttpClient(resolver=Names(bot_example=["localhost"]))
    assert (await failure(client, request("http://bot.example/x", OUTSIDE))).code == "private"
    await client.close()


async def test_a_refused_address_is_tried_again_later() -> None:
    client = HttpClient(resolver=Names(bot_example=["127.0.0.1"]))
    config = KINDS["webhook"].model_validate(
        {"type": "webhook", "url": Secret("http://bot.example/tok-123"), "deny_private": True}
    )
    outcome = await Factory(client, SystemClock()).build("bot", config).send([message()])
    await client.close()
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "private")
    assert "tok-123" not in outcome.detail
