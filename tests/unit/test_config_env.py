"""What a config takes from the environment and from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config.watchlist import parse
from tests.support.config_text import SIGNING_SECRET, config_text, faults_of, read


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Where the config is taken to be."""
    return tmp_path / "config.yaml"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "alpha"),
        ("x-${A}-${B}", "x-alpha-beta"),
        ("${NONE:-spare}", "spare"),
        ("${NONE:-}x", "x"),
        ("${EMPTY:-spare}", "spare"),
        ("x${EMPTY}", "x"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$A", "$$A"),
        ("$A", "$A"),
        ("5$", "5$"),
        ("$", "$"),
        ("${SLY}", "a: b # ${A} $$"),
    ],
)
def test_variables_are_read_from_the_environment_once(written: str, value: str) -> None:
    env = {"A": "alpha", "B": "beta", "EMPTY": "", "SLY": "a: b # ${A} $$"}
    config = read(config_text("rules", f"rules: [{{name: '{written}', to: bot}}]"), env=env)
    assert config.rules[0].name == value


@pytest.mark.parametrize("written", ["${", "${}", "${A", "${1A}", "${A-b}", "${A:b}", "${{ x }}", "${A B}"])
def test_what_only_looks_like_a_variable_is_a_fault(written: str) -> None:
    assert faults_of(config_text("more", f"alerts_to: '{written}'"), env={"A": "alpha"}) == [
        "4:12: alerts_to: a variable is written ${NAME} or ${NAME:-default}, and a plain dollar before { as $$"
    ]


def test_every_unset_variable_is_named_where_it_stands() -> None:
    text = "http: {token: '${TOKEN}-${SALT}', hosts: [a, '${HOST}']}"
    assert faults_of(config_text("more", text)) == [
        "4:15: http.token: the environment variable TOKEN is not set",
        "4:15: http.token: the environment variable SALT is not set",
        "4:46: http.hosts[1]: the environment variable HOST is not set",
    ]


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_a_variable_that_is_all_of_a_value_and_empty_is_named(value: str) -> None:
    assert faults_of(config_text("webhook", "headers: {X-A: '${A}'}"), env={"A": value}) == [
        "3:18: destinations.bot.headers.X-A: the environment variable A is empty"
    ]


@pytest.mark.parametrize("written", ["${A}", "Bearer ${A}", "${A:-b}"])
def test_a_variable_that_is_not_utf8_is_named(written: str) -> None:
    assert faults_of(config_text("webhook", f"headers: {{X-A: '{written}'}}"), env={"A": "caf\udce9"}) == [
        "3:18: destinations.bot.headers.X-A: the variable A is not text in UTF-8"
    ]


def test_an_empty_variable_is_right_beside_other_text_or_with_a_default() -> None:
    assert (
        faults_of(config_text("webhook", "headers: {X-A: 'b${A}', X-B: '${A:-}', X-C: '${B:-}'}"), env={"A": ""}) == []
    )


@pytest.mark.parametrize("key", ["url: $BOT_URL", "secret: [$BOT_SECRET]", "headers: {Authorization: $BOT_KEY}"])
def test_a_secret_that_is_the_name_of_a_variable_as_shells_write_it_is_a_fault(key: str) -> None:
    url = "" if key.startswith("url") else "url: 'http://127.0.0.1/x', "
    (told,) = faults_of(config_text("destinations", f"destinations: {{bot: {{type: webhook, {url}{key}}}}}"))
    assert told.endswith(": variables are written ${NAME}; a plain dollar before a name is $$")


@pytest.mark.parametrize(("written", "value"), [("$$TOKEN", "$TOKEN"), ("$ecret", "$ecret"), ("$TOKEN-1", "$TOKEN-1")])
def test_a_secret_may_begin_with_a_dollar(written: str, value: str) -> None:
    token = read(config_text("more", f"http: {{token: {written}}}")).http.token
    assert token is not None
    assert token.reveal() == value


def test_a_variable_can_hold_a_number_or_a_flag() -> None:
    env = {"SIZE": "50", "ON": "false", "LOW": "1.5", "FRAME": "60"}
    text = config_text("rule", "enabled: ${ON}\n    price: {min: '${LOW}'}\n    timeframe: ${FRAME}")
    config = read(f"{text}backfill: {{page_size: '${{SIZE}}'}}\n", env=env)
    assert config.backfill.page_size == 50
    assert config.rules[0].enabled is False
    assert config.rules[0].price is not None
    assert config.rules[0].price.minimum == 1.5
    assert config.rules[0].timeframes == frozenset({"60"})


def test_a_fault_of_a_value_from_the_environment_shows_how_it_is_written() -> None:
    assert faults_of(config_text("more", "log: {level: '${LEVEL}'}"), env={"LEVEL": "hunter2"}) == [
        "4:14: log.level: unknown value, found '${LEVEL}'; allowed: debug, info, warning, error"
    ]


def test_keys_are_not_expanded() -> None:
    assert faults_of(config_text("more", "${A}: 1"), env={"A": "log"})[0].startswith("4:1: ${A}: unknown key")


def test_every_secret_may_be_a_file_beside_the_config(beside: Path) -> None:
    for name, content in {
        "key": "the-key\n",
        "token": "the-token\r\n",
        "url": "http://a/b\n",
        "one": f"{SIGNING_SECRET}\n",
        "two": SIGNING_SECRET,
    }.items():
        (beside.parent / name).write_bytes(content.encode())
    text = """\
stratalerts: {api_key_file: key}
http: {token_file: token}
destinations:
  bot: {type: webhook, url_file: url, secret_file: [one, two]}
  ops: {type: slack, url_file: "${HERE}/url"}
rules: [{name: a, to: [bot, ops]}]
"""
    config = read(text, path=beside, env={"HERE": str(beside.parent)})
    bot = config.destinations["bot"]
    assert config.stratalerts.api_key.reveal() == "the-key"
    assert config.http.token is not None
    assert config.http.token.reveal() == "the-token"
    assert bot.url.reveal() == config.destinations["ops"].url.reveal() == "http://a/b"
    assert bot.type == "webhook"
    assert [secret.reveal() for secret in bot.secrets] == [SIGNING_SECRET, SIGNING_SECRET]


def test_credentials_of_the_service_manager_come_before_files_beside_the_config(beside: Path) -> None:
    credentials = beside.parent / "credentials"
    credentials.mkdir()
    (beside.parent / "key").write_text("beside")
    text = config_text("stratalerts", "stratalerts: {api_key_file: key}")
    env = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert read(text, path=beside, env=env).stratalerts.api_key.reveal() == "beside"
    (credentials / "key").write_text("credential")
    assert read(text, path=beside, env=env).stratalerts.api_key.reveal() == "credential"
    assert read(text, path=beside, env={}).stratalerts.api_key.reveal() == "beside"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the file 'url' can't be read: no such file or directory (looked for BESIDE/url)"),
        (b"", "the file 'url' is empty"),
        (b"\n", "the file 'url' is empty"),
        (b"http://\xff", "the file 'url' can't be read: it is not UTF-8 text"),
        (b"x" * 70_000, "the file 'url' can't be read: it is larger than 64 KiB"),
        (b"hunter2", "a URL that begins with http:// or https:// is wanted"),
    ],
)
def test_a_secret_file_that_is_of_no_use_is_a_fault_where_it_is_named(
    beside: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (beside.parent / "url").write_bytes(content)
    text = config_text("destinations", "destinations: {bot: {type: slack, url_file: url}}")
    reason = reason.replace("BESIDE", str(beside.parent))
    assert faults_of(text, path=beside) == [f"2:45: destinations.bot.url_file: {reason}"]


def test_a_secret_file_that_is_nowhere_is_told_with_each_place_that_was_looked_at(beside: Path) -> None:
    text = config_text("stratalerts", "stratalerts: {api_key_file: key}")
    [fault] = faults_of(text, path=beside, env={"CREDENTIALS_DIRECTORY": "/run/credentials"})
    assert fault.endswith(f"(looked for /run/credentials/key and {beside.parent}/key)")
    [fault] = faults_of(text.replace(": key", ": /no/key"), path=beside)
    assert fault.endswith("the file '/no/key' can't be read: no such file or directory")


@pytest.mark.parametrize("value", ["5", "''", "[a]", "{a: b}", "true"])
def test_a_secret_file_is_named_by_text(beside: Path, value: str) -> None:
    text = config_text("destinations", f"destinations: {{bot: {{type: slack, url_file: {value}}}}}")
    assert faults_of(text, path=beside) == ["2:45: destinations.bot.url_file: the name of a file is wanted"]


def test_an_unset_variable_in_a_files_name_is_one_fault(beside: Path) -> None:
    text = config_text("stratalerts", "stratalerts: {api_key_file: '${WHERE}/key'}")
    assert faults_of(text, path=beside) == ["1:29: stratalerts.api_key_file: the environment variable WHERE is not set"]


def test_only_secrets_may_be_files() -> None:
    assert faults_of(config_text("webhook", "template_file: x"))[0].startswith(
        "3:3: destinations.bot.template_file: unknown key"
    )


def test_a_watchlist_adds_to_the_symbols(beside: Path) -> None:
    (beside.parent / "watch.txt").write_text("# mine\naapl, msft;ON\n\nNO # not no\nAAPL *-usd\n")
    text = config_text("rule", "symbol: [SPY, aapl]\n    symbol_file: watch.txt")
    assert read(text, path=beside).rules[0].symbols.any == ("SPY", "AAPL", "MSFT", "ON", "NO", "*-USD")
    text = config_text("rule", "symbol: {not: TSLA}\n    symbol_file: watch.txt")
    symbols = read(text, path=beside).rules[0].symbols
    assert (symbols.any, symbols.none) == (("AAPL", "MSFT", "ON", "NO", "*-USD"), ("TSLA",))


def test_a_watchlist_without_a_symbol_is_a_fault_and_not_every_symbol(beside: Path) -> None:
    (beside.parent / "watch.txt").write_text("# AAPL\n")
    assert faults_of(config_text("rule", "symbol_file: watch.txt"), path=beside) == [
        "6:18: rules[0].symbol_file: the file 'watch.txt' holds no symbol"
    ]


@given(
    st.lists(st.text(st.sampled_from("ABC.-*"), min_size=1, max_size=5)), st.sampled_from(["\n", ",", " ; ", "\r\n"])
)
def test_symbols_are_told_apart_by_whatever_people_use(symbols: list[str], separator: str) -> None:
    assert list(parse(separator.join(symbols))) == list(dict.fromkeys(symbols))
