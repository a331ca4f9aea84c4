"""What ``relay init`` writes: whatever is answered, a config that loads, says just that, and holds no typed secret."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.cli.check import notes
from relay.cli.setup import answers
from relay.cli.setup.answers import Answers, Filter, InEnvironment, InFile, Place, SecretAnswer, Typed, WrongAnswerError
from relay.cli.setup.draft import SCHEMA, written
from relay.cli.setup.files import put
from relay.config.load import load
from relay.events import DIRECTIONS, TIMEFRAMES
from relay.secret import Secret

KEY = "sk-zq7!"
URL = "https://zq7.example/"
ENV = {"KEY_HERE": f"{KEY}env", "URL_HERE": f"{URL}env"}
NASTY = ("on", "NO", "y", "null", "~", "true", "1", "1e5", "0x1F", "1_000", ".5", "12:30", "2026-13-45", "=", "<<")
SIGNS = ("${X}", "$$", "$", "#", "*", "&A", "!x", "[A]", "{A}", "-", "?", "%", "@", "|", ">", "A:", "\\N", "a#b", "É")
FOLDER = Path("/relay")

visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@st.composite
def secrets(draw: st.DrawFn, beginning: str, variable: str, files: dict[str, str]) -> SecretAnswer:
    match draw(st.sampled_from(["typed", "file", "environment"])):
        case "typed":
            return Typed(Secret(beginning + draw(visible)))
        case "file":
            name = draw(st.sampled_from(["a b.key", "$x.url", "api_key", "Discord_swing", "ü#.key"]))
            files[name] = beginning + "file"
            return InFile(FOLDER / name)
        case _:
            return InEnvironment(variable)


def is_name(text: str) -> bool:
    try:
        return answers.place_name(text) == text
    except WrongAnswerError:
        return False


def is_symbol(text: str) -> bool:
    try:
        return bool(answers.symbols(text))
    except WrongAnswerError:
        return False


names = (st.sampled_from([*NASTY, "swing", "Swing", "a b", "a-b"]) | st.text(min_size=1, max_size=8)).filter(is_name)
likely = st.text("ABZaz09^$*?[].=!/_-", min_size=1, max_size=6)
words = st.lists((st.sampled_from([*NASTY, *SIGNS]) | likely).filter(is_symbol), max_size=5)


@st.composite
def everything(draw: st.DrawFn) -> tuple[Answers, dict[str, str]]:
    files: dict[str, str] = {}
    key = draw(secrets(KEY, "KEY_HERE", {}))
    assume(not isinstance(key, InFile))
    places = [
        Place(name, draw(st.sampled_from(answers.KINDS)), draw(secrets(URL, "URL_HERE", files)))
        for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))
    ]
    for place in places:
        if isinstance(place.url, Typed):
            try:
                answers.place_url(place.url.secret.reveal(), {})
            except WrongAnswerError:
                assume(condition=False)
    symbols = answers.symbols(" ".join(draw(words)))
    timeframes = tuple(sorted(draw(st.sets(st.sampled_from(TIMEFRAMES))), key=TIMEFRAMES.index))
    direction = draw(st.none() | st.sampled_from(DIRECTIONS))
    return answers.gathered(key, places, Filter(symbols, timeframes, direction)), files


def revealed(one: SecretAnswer, files: dict[str, str]) -> str:
    match one:
        case Typed():
            return one.secret.reveal()
        case InFile():
            return files[one.path.name]
        case InEnvironment():
            return ENV[one.name]


@given(everything())
def test_whatever_is_answered_gives_a_config_that_loads_and_says_just_that(
    made: tuple[Answers, dict[str, str]],
) -> None:
    said, files = made
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in files.items():
            (folder / name).write_text(content)
        texts = written(said, FOLDER / "config.yaml")
        put(folder, texts)
        loaded = load(folder / "config.yaml", env=ENV)
        assert {name: (folder / name).read_text() for name in files} == files
        for file in texts:
            assert (folder / file.path).stat().st_mode & 0o077 == 0 or not file.secret
    assert loaded.stratalerts.api_key.reveal() == revealed(said.key, files)
    found = {name: (to.type, to.url.reveal()) for name, to in loaded.destinations.items()}
    assert found == {place.name: (place.kind, revealed(place.url, files)) for place in said.places}
    [rule] = loaded.rules
    assert rule.to == tuple(place.name for place in said.places)
    assert (rule.symbols.any, rule.symbols.none) == (said.wanted.symbols, ())
    assert rule.timeframes == (frozenset(said.wanted.timeframes) or None)
    assert rule.directions == (None if said.wanted.direction is None else {said.wanted.direction})
    config = texts[-1].text
    assert KEY not in config
    assert URL not in config
    assert set(yaml.safe_load(config)) == {"stratalerts", "destinations", "rules"}
    assert KEY not in repr(texts)


SIMPLE = answers.gathered(
    InEnvironment("KEY_HERE"), [Place(kind, kind, InEnvironment("URL_HERE")) for kind in answers.KINDS]
)


def test_it_begins_with_the_line_by_which_editors_check_it_and_the_schema_is_beside_it() -> None:
    files = {file.path.name: file.text for file in written(SIMPLE, FOLDER / "relay.yml")}
    assert files["relay.yml"].splitlines()[0] == f"# yaml-language-server: $schema=./{SCHEMA}"
    assert '"$schema"' in files[SCHEMA]


def test_a_commented_key_can_be_put_to_use_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, written(SIMPLE, tmp_path / "config.yaml"))
    path = tmp_path / "config.yaml"
    text = re.sub(r"^( *)# ([a-z_]+: )", r"\1\2", path.read_text(), flags=re.MULTILINE)
    assert text.count("#") < path.read_text().count("#")
    path.write_text(text)
    more = {"BOT_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "HEARTBEAT_URL": "https://watch.example/zq7"}
    loaded = load(path, env={**ENV, **more})
    [rule] = loaded.rules
    assert (loaded.alerts_to, loaded.destinations["webhook"].max_age) == ("webhook", 10)
    assert loaded.heartbeat is not None
    assert not [note for note in notes(loaded) if "secret" in note or "max_age" in note]
    assert rule.symbols.any == ("AAPL", "SPY", "*-USD")
    assert (rule.timeframes, rule.directions) == (frozenset({"D", "W"}), frozenset({"bullish"}))


@given(names)
def test_a_destination_of_any_name_can_be_told_of_the_relays_troubles(name: str) -> None:
    config = written(answers.gathered(SIMPLE.key, [Place(name, "slack", SIMPLE.key)]), FOLDER / "config.yaml")[-1]
    used = yaml.safe_load(re.sub(r"^# (alerts_to: )", r"\1", config.text, flags=re.MULTILINE))
    assert used["alerts_to"] == name.replace("$", "$$")


def test_an_upstream_of_ones_own_is_written(tmp_path: Path) -> None:
    upstream = (
        answers.address("websocket_url", "ws://127.0.0.1:1/ws"),
        answers.address("rest_url", "http://[::1]:1/a"),
    )
    said = answers.gathered(SIMPLE.key, SIMPLE.places, upstream=upstream)
    put(tmp_path, written(said, tmp_path / "config.yaml"))
    loaded = load(tmp_path / "config.yaml", env=ENV).stratalerts
    assert (loaded.websocket_url, loaded.rest_url) == ("ws://127.0.0.1:1/ws", "http://[::1]:1/a")


@pytest.mark.parametrize(
    ("text", "read"),
    [("", ()), ("all", ()), ("ALL", ()), ("aapl,SPY; *-usd", ("AAPL", "SPY", "*-USD")), ("all, spy", ("ALL", "SPY"))],
)
def test_symbols_are_read_as_the_config_reads_them(text: str, read: tuple[str, ...]) -> None:
    assert answers.symbols(text) == read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a key", "letters, digits and signs without spaces"),
        ("", "text is wanted"),
        ("@nowhere.key", "the file nowhere.key can't be read: no such file"),
        ("@~nobody-at-all-7/x", "the file ~nobody-at-all-7/x can't be read"),
        ("${KEY_BAD}", "the environment variable KEY_BAD: letters"),
        ("sk\udcff", "not UTF-8"),
        ("${NOPE", "a variable stands alone"),
        ("$NOPE", "a variable stands alone"),
        ("sk-${NOPE}", "a variable stands alone"),
    ],
)
def test_a_key_that_can_be_none_is_answered_without_it(text: str, said: str) -> None:
    with pytest.raises(WrongAnswerError, match=said) as caught:
        answers.key(text, {"KEY_BAD": "a secret key"})
    assert "secret" not in str(caught.value)


def test_a_variable_within_a_url_is_refused_for_nobody_would_expand_it() -> None:
    with pytest.raises(WrongAnswerError, match="a variable stands alone") as caught:
        answers.place_url("https://bot.example/secret/${TOKEN}", {"TOKEN": "t"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["{", ":", "AAPL:", '"AAPL"', "'", "!tag", "-", "#x", "~", "&a", "\\", "${HOME}", "é", "}}"]
)
def test_what_is_hardly_a_symbol_is_refused_with_examples(text: str) -> None:
    with pytest.raises(WrongAnswerError):
        answers.symbols(f"SPY, {text}")


@pytest.mark.parametrize(
    "text", ["BRK.B", "BTC-USD", "ES=F", "ES1!", "^GSPC", "*-USD", "A[AB]*", "?", "1E3", "EUR/USD"]
)
def test_what_may_be_a_symbol_is_taken(text: str) -> None:
    assert answers.symbols(text) == (text,)


def test_a_variable_that_is_not_set_yet_is_taken_as_it_is() -> None:
    assert answers.key("${LATER}", {}) == InEnvironment("LATER")


def test_two_destinations_of_one_name_are_refused() -> None:
    with pytest.raises(WrongAnswerError, match="two destinations are called bot"):
        answers.gathered(SIMPLE.key, [Place("bot", "slack", SIMPLE.key)] * 2)
