"""The file of variables that systemd reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from relay.config import environment


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20),
        max_size=4,
    )
)
def test_an_environment_is_read_as_it_was_written(variables: dict[str, str]) -> None:
    assert environment.read(environment.written(variables)) == variables


def test_a_shell_reads_it_as_systemd_does(tmp_path: Path) -> None:
    value = """a "b" 'c' $HOME `id` \\ \\n #x %d é"""
    (tmp_path / "env").write_text(environment.written({"ODD": value}))
    script = f'. "{tmp_path}/env"; printf %s "$ODD"'
    assert subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout == value
