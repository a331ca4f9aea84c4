"""A service manager for tests: ``systemctl`` and ``journalctl`` on the PATH, which do as the units in a folder say.

    systemctl start ──unit, drop-ins──> ExecStart, as a child of a shell that notes how it ended
                    ├─ LoadCredential ──> copies in $CREDENTIALS_DIRECTORY     EnvironmentFile ──> sourced by sh
                    └─ every call, a line each ──> ``calls``

Paths below /etc and /var in the units are those of the scratch root. Only one service is known: relay.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent.parent
_SCRIPT = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(_REPOSITORY)!r})
from tests.support.stub_systemd import main
sys.exit(main())
"""
_RUN = """\
set -a; for file in $ENVIRONMENT_FILES; do . "$file"; done; set +a
"$@" >>"$LOG" 2>&1 &
echo $! >"$STATE/pid"; wait $!; echo $? >"$STATE/ended"
"""
_PATIENCE = 30.0


@dataclass(frozen=True)
class StubSystemd:
    """One machine's, in a folder of its own.

    Attributes:
        folder: Its state.
        root: Where units, config and store are.
    """

    folder: Path
    root: Path

    @property
    def env(self) -> dict[str, str]:
        """What a command needs to meet it."""
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "STUB_SYSTEMD": str(self.folder),
            "STUB_ROOT": str(self.root),
        }

    @property
    def calls(self) -> list[str]:
        """Everything that was asked of it since the last look, without the questions."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.write_text("")
        return [line for line in lines if not line.startswith(("is-", "show"))]

    @property
    def pid(self) -> int | None:
        """The service's process, while it runs."""
        pid, ended = self.folder / "pid", self.folder / "ended"
        return int(pid.read_text()) if pid.exists() and pid.read_text().strip() and not ended.exists() else None

    def runs(self) -> bool:
        """Whether the service runs."""
        return self.pid is not None

    @property
    def log(self) -> str:
        """What the service wrote."""
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def stop(self) -> None:
        """Stop the service, and wait until it has ended."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            self._wait("ended")

    def start(self) -> int:
        """Start it as its unit says; what `systemctl start` ends with."""
        for name in ("pid", "ended"):
            (self.folder / name).unlink(missing_ok=True)
        settings = list(self._settings())
        command = [self._mine(word) for word in shlex.split(_last(settings, "ExecStart")[0])]
        credentials = self.folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for name, _, source in (line.partition(":") for line in _last(settings, "LoadCredential")):
            if not Path(self._mine(source)).exists():
                (self.folder / "ended").write_text("243")
                return 1
            (credentials / name).write_bytes(Path(self._mine(source)).read_bytes())
        state = self.root / "var/lib/relay"
        state.mkdir(parents=True, exist_ok=True)
        subprocess.Popen(
            ["/bin/sh", "-c", _RUN, "sh", *command],
            cwd="/",
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                "PATH": os.environ["PATH"],
                "ENVIRONMENT_FILES": " ".join(map(self._mine, _last(settings, "EnvironmentFile"))),
                "CREDENTIALS_DIRECTORY": str(credentials),
                "STATE_DIRECTORY": str(state),
                "LOG": str(self.folder / "log"),
                "STATE": str(self.folder),
            },
        )
        self._wait("pid")
        return 0

    def _settings(self) -> Iterator[tuple[str, str]]:
        units = self.root / "etc/systemd/system"
        for file in (units / "relay.service", *sorted((units / "relay.service.d").glob("*.conf"))):
            for line in file.read_text().splitlines():
                key, equals, value = line.partition("=")
                if equals and not line.startswith("#"):
                    yield key, value

    def _mine(self, path: str) -> str:
        return str(self.root / path[1:]) if path.startswith(("/etc/relay", "/var/lib/relay")) else path

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        file = self.folder / name
        while not (file.exists() and file.read_text().strip()):
            assert time.monotonic() < deadline, f"no {name}: {self.log[-2000:]}"
            time.sleep(0.01)


def _last(settings: Sequence[tuple[str, str]], key: str) -> list[str]:
    """The values of a list, which an empty one begins anew."""
    values: list[str] = []
    for name, value in settings:
        if name == key:
            values = [*values, value] if value else []
    return values


@contextmanager
def stub_systemd(folder: Path) -> Iterator[StubSystemd]:
    """A service manager over the scratch root ``folder/root``; its service is stopped at the end."""
    made = StubSystemd(folder / "systemd", folder / "root")
    (made.folder / "bin").mkdir(parents=True)
    for name in ("systemctl", "journalctl"):
        script = made.folder / "bin" / name
        script.write_text(_SCRIPT)
        script.chmod(0o755)
    try:
        yield made
    finally:
        made.stop()


def main() -> int:
    """One call of either command."""
    stub = StubSystemd(Path(os.environ["STUB_SYSTEMD"]), Path(os.environ["STUB_ROOT"]))
    if Path(sys.argv[0]).name == "journalctl":
        print("\n".join(stub.log.splitlines()[-15:]))  # noqa: T201  because it stands for a command that prints
        return 0
    words = [word for word in sys.argv[1:] if word not in {"--quiet", "--now"}]
    with (stub.folder / "calls").open("a") as calls:
        calls.write(f"{' '.join(sys.argv[1:])}\n")
    enabled = stub.folder / "enabled"
    match words[0]:
        case "is-active":
            return 0 if stub.runs() else 3
        case "is-enabled":
            return 0 if enabled.exists() else 1
        case "show":
            ended = stub.folder / "ended"
            code = ended.read_text().strip() if ended.exists() else "0"
            ran = (stub.folder / "pid").exists() or code == "243"
            lines = ("ActiveState=failed", f"ExecMainStatus={code}", f"ExecMainPID={1 if ran else 0}")
            print("\n".join(lines))  # noqa: T201  because it stands for a command that prints
        case "enable":
            enabled.touch()
            return stub.start() if "--now" in sys.argv else 0
        case "restart":
            stub.stop()
            return stub.start()
        case "disable":
            enabled.unlink(missing_ok=True)
            stub.stop()
        case _:
            pass
    return 0
