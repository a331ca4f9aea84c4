"""What a verb reads around a service's config, typed at a shell by the `relay` that `relay install` put on the PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.config import environment
from relay.config.load import load
from relay.config.surroundings import around
from relay.config.whereabouts import whereabouts
from tests.support.config_text import config_text


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The service's config; its store is in ``state``, the key in its environment."""
    path = tmp_path / "etc/config.yaml"
    path.parent.mkdir()
    path.write_text(config_text("stratalerts", 'stratalerts: {api_key: "${KEY}"}'))
    path.with_name("relay.env").write_text(environment.written({"KEY": "sk-lynx-1"}))
    return path


def told(service: Path, **more: str) -> dict[str, str]:
    return {"RELAY_SERVICE": f"{service}:{service.parents[1]}/state", **more}


def test_a_services_config_finds_its_store_and_its_variables(service: Path, tmp_path: Path) -> None:
    config = load(service, env=told(service))
    assert (config.store_path, config.stratalerts.api_key.reveal()) == (tmp_path / "state/relay.db", "sk-lynx-1")
    found = whereabouts(service, env=told(service))
    assert found is not None
    assert found.store_path == config.store_path


def test_what_is_set_already_counts(service: Path, tmp_path: Path) -> None:
    config = load(service, env=told(service, KEY="sk-other-1", STATE_DIRECTORY=str(tmp_path)))
    assert (config.store_path, config.stratalerts.api_key.reveal()) == (tmp_path / "relay.db", "sk-other-1")


@pytest.mark.parametrize("name", ["mine.yaml", "second/config.yaml", "../config.yaml"])
def test_any_other_config_keeps_a_store_of_its_own(service: Path, name: str) -> None:
    path = service.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(config_text("more", ""))
    assert load(path, env=told(service)).store_path == path.parent / "relay.db"


def test_a_service_is_known_however_its_config_is_named(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(service.parent)
    (tmp_path / "link.yaml").symlink_to(service)
    for path in (Path("config.yaml"), Path("../etc/config.yaml"), tmp_path / "link.yaml"):
        assert around(path, told(service))["STATE_DIRECTORY"] == str(tmp_path / "state")


@pytest.mark.parametrize("value", ["", "/etc/relay/config.yaml", "/etc/relay/config.yaml:"])
def test_without_a_service_nothing_is_around(value: str) -> None:
    env = {"RELAY_SERVICE": value}
    assert around(Path("/etc/relay/config.yaml"), env) is env


@pytest.mark.parametrize("is_there", [False, True])
def test_without_a_file_that_can_be_read_a_service_has_no_variables(
    service: Path, tmp_path: Path, *, is_there: bool
) -> None:
    variables = service.with_name("relay.env")
    variables.unlink()
    if is_there:
        variables.mkdir()  # which root can't read as a file either
    assert around(service, told(service)) == told(service, STATE_DIRECTORY=str(tmp_path / "state"))
