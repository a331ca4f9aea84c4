"""How many files ``relay run`` lets itself open."""

from __future__ import annotations

import resource

import pytest

from relay.cli.run import open_many_files

ANY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1_024, 524_288), (65_536, 524_288)),  # as systemd starts a service
        ((1_024, ANY), (65_536, ANY)),
        ((1_024, 4_096), (4_096, 4_096)),
        ((1_024, 1_024), None),
        ((65_536, 524_288), None),
        ((100_000, 524_288), None),  # somebody wanted more: they have it
        ((ANY, ANY), None),
    ],
)
def test_the_soft_limit_is_raised_to_the_hard_one_within_reason(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: asked.append((what, limits)))
    open_many_files()
    assert asked == ([] if after is None else [(resource.RLIMIT_NOFILE, after)])


@pytest.mark.parametrize("refusal", [ValueError("not allowed to raise maximum limit"), PermissionError(1, "no")])
def test_where_the_kernel_refuses_it_runs_with_what_it_has(monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> None:
    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, ANY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    open_many_files()
