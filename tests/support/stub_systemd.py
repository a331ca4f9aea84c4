"""A service manager for tests: ``systemctl`` and ``journalctl`` on the PATH; a service that is started really runs.

    root/etc/systemd/system/NAME.service, NAME.service.d/*.conf ──Unit──> settings
    systemctl start ──Service──> ExecStart, as a child of a shell that notes how it ended; its output is the journal
                      ├─ LoadCredential ──> copies in $CREDENTIALS_DIRECTORY     EnvironmentFile ──> sourced by sh
                      └─ $NOTIFY_SOCKET ──READY=1──> started
    every call, a line each ──> ``calls``

Of a unit it knows what the relay's units have in them. Paths of the machine become paths below the root.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.support.documents import ROOT

PLACES = re.compile(r"(?<![\w./-])/(?=opt/relay\b|etc/relay\b|etc/systemd/|var/lib/|usr/local/bin/relay\b)")
_SCRIPT = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support.stub_systemd import main
sys.exit(main())
"""
_RUN = """\
set -a; for file in $ENVIRONMENT_FILES; do . "$file"; done; set +a
"$@" >>"$JOURNAL" 2>&1 &
echo $! >"$STATE/pid"; wait $!; echo $? >"$STATE/ended"
"""
_NO_CREDENTIAL = "243"  # systemd.exec(5), "Process exit codes"
_PATIENCE = 30.0
_POLL = 0.01


def below(root: Path, text: str) -> str:
    """``text`` with the places of the machine that an installation touches moved below ``root``."""
    return PLACES.sub(f"{root}/", text)


def unit_files(root: Path, name: str) -> list[Path]:
    """A unit and its drop-ins."""
    prefix, at, _ = name.partition("@")
    units = root / "etc/systemd/system"
    return [units / f"{prefix}{at}.service", *sorted((units / f"{name}.service.d").glob("*.conf"))]


class Unit:
    """What a unit and its drop-ins say of a service, with places below ``root``."""

    def __init__(self, root: Path, name: str) -> None:
        instance = name.partition("@")[2]
        self._settings: dict[str, list[str]] = {}
        for file in unit_files(root, name):
            for line in file.read_text().splitlines():
                key, equals, value = line.partition("=")
                if equals and not line.startswith("#"):
                    said = self._settings.setdefault(key, [])
                    if value:
                        said.append(below(root, value.replace("%i", instance)))
                    else:  # an empty one begins a list anew
                        said.clear()

    def all(self, key: str) -> list[str]:
        """The values of a list."""
        return self._settings.get(key, [])

    def last(self, key: str) -> str:
        """The value of what has one."""
        return self.all(key)[-1]


class Service:
    """A service by its name, like ``relay`` or ``relay@second``.

    Args:
        folder: The service manager's state.
        root: Where units, config and store are.
        name: Which.
    """

    def __init__(self, folder: Path, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._journal = folder / "journal"
        self._state = folder / "run" / name
        self._enabled = folder / "enabled" / name
        self._read = folder / "read"

    @property
    def unit(self) -> Unit:
        """As it is now."""
        return Unit(self._root, self._name)

    @property
    def pid(self) -> int | None:
        """Of its main process, while that runs."""
        started = self._told("pid")
        return int(started) if started and not self.code else None

    @property
    def code(self) -> str:
        """What its main process ended with; empty where it runs or never ran."""
        return self._told("ended")

    def _told(self, name: str) -> str:
        file = self._state / name
        return file.read_text().strip() if file.exists() else ""

    def start(self) -> int:
        """What `systemctl start` ends with: it waits until the service says that it is ready."""
        if self.pid is not None:
            return 0
        unit = self.unit
        shutil.rmtree(self._state, ignore_errors=True)
        credentials = self._state / "credentials"
        credentials.mkdir(parents=True, mode=0o700)
        for name, _, source in (line.partition(":") for line in unit.all("LoadCredential")):
            if not Path(source).exists():
                (self._state / "ended").write_text(_NO_CREDENTIAL)
                return 1
            shutil.copy(source, credentials / name)
        state = self._root / "var/lib" / unit.last("StateDirectory")
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("")  # the kernel chooses an abstract name: a path may be too long
            subprocess.Popen(
                ["/bin/sh", "-c", _RUN, "sh", *shlex.split(unit.last("ExecStart"))],
                cwd="/",
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    "PATH": os.environ["PATH"],
                    "ENVIRONMENT_FILES": " ".join(unit.all("EnvironmentFile")),
                    "CREDENTIALS_DIRECTORY": str(credentials),
                    "STATE_DIRECTORY": str(state),
                    "NOTIFY_SOCKET": f"@{manager.getsockname()[1:].decode()}",
                    "JOURNAL": str(self._journal),
                    "STATE": str(self._state),
                },
            )
            return 0 if self._is_ready(manager) else 1

    def _is_ready(self, manager: socket.socket) -> bool:
        manager.settimeout(0.1)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and not self.code:
            try:
                if b"READY=1" in manager.recv(4096).splitlines():
                    return True
            except TimeoutError:
                continue
        return False

    def stop(self) -> int:
        """What `systemctl stop` ends with."""
        pid = self.pid
        if pid is None:
            return 0
        os.kill(pid, getattr(signal, self.unit.last("KillSignal")))
        return 0 if self._has_ended() else 1

    def kill(self) -> None:
        """End it at once, whatever its unit says."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._has_ended()

    def _has_ended(self) -> bool:
        deadline = time.monotonic() + _PATIENCE
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def reload(self) -> int:
        """What `systemctl reload` ends with."""
        pid = self.pid
        if pid is None:
            return 1
        command = self.unit.last("ExecReload").replace("$MAINPID", str(pid))
        return subprocess.run(shlex.split(command), check=False).returncode

    def enable(self) -> int:
        """Have it start with the machine."""
        self._enabled.parent.mkdir(exist_ok=True)
        self._enabled.touch()
        return self.reads()

    def disable(self) -> int:
        """Have it start with the machine no more."""
        self._enabled.unlink(missing_ok=True)
        return 0

    def show(self) -> int:
        """How it stands, as properties."""
        state = "active" if self.pid is not None else "failed" if self.code not in {"", "0"} else "inactive"
        ran = 1 if self.code or self.pid is not None else 0
        say(f"ActiveState={state}\nExecMainStatus={self.code or 0}\nExecMainPID={ran}")
        started = self._state / "pid"
        since = datetime.fromtimestamp(started.stat().st_mtime, tz=UTC) if started.exists() else None
        say(f"ExecMainStartTimestamp={'' if since is None else f'{since:%a %Y-%m-%d %H:%M:%S.%f} UTC'}")
        say(f"NeedDaemonReload={'yes' if self._is_unread() else 'no'}")
        return 0

    def reads(self) -> int:
        """Have its unit read, as ``daemon-reload`` does and ``enable`` does besides."""
        self._read.touch()
        return 0

    def _is_unread(self) -> bool:
        """Whether its unit has changed since it was read."""
        if not self._read.exists():
            return False
        times = [file.stat().st_mtime_ns for file in unit_files(self._root, self._name) if file.exists()]
        return max(times, default=0) > self._read.stat().st_mtime_ns

    @property
    def enabled(self) -> bool:
        """Whether it starts with the machine."""
        return self._enabled.exists()


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
    def bin(self) -> Path:
        """Where its commands are."""
        return self.folder / "bin"

    @property
    def env(self) -> dict[str, str]:
        """What a command needs to meet it."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "STUB_SYSTEMD": str(self.folder),
            "STUB_ROOT": str(self.root),
        }

    def set_up(self) -> None:
        """Write its commands."""
        self.bin.mkdir(parents=True)
        for name in ("systemctl", "journalctl"):
            self.add(name, _SCRIPT)

    def add(self, name: str, script: str) -> None:
        """Another command on the PATH."""
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def service(self, name: str = "relay") -> Service:
        """A service by its name."""
        return Service(self.folder, self.root, name)

    def refuse(self, verb: str, words: str) -> None:
        """Have ``systemctl VERB`` fail with these words, from now on."""
        (self.folder / f"refused-{verb}").write_text(words)

    def refusal(self, verb: str) -> str:
        """With which words it fails; empty where it does not."""
        file = self.folder / f"refused-{verb}"
        return file.read_text() if file.exists() else ""

    @property
    def calls(self) -> list[str]:
        """Everything that was asked of it since the last look, without the questions."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.write_text("")
        return [line for line in lines if not line.startswith(("is-", "show"))]

    @property
    def pid(self) -> int | None:
        """The process of ``relay``, while it runs."""
        return self.service().pid

    def runs(self) -> bool:
        """Whether ``relay`` runs."""
        return self.pid is not None

    @property
    def log(self) -> str:
        """What its services wrote."""
        file = self.folder / "journal"
        return file.read_text() if file.exists() else ""

    def kill(self) -> None:
        """Leave no process behind."""
        for state in (self.folder / "run").glob("*"):
            self.service(state.name).kill()


@contextmanager
def stub_systemd(folder: Path) -> Iterator[StubSystemd]:
    """A service manager over the scratch root ``folder/root``; its services end with it."""
    made = StubSystemd(folder / "systemd", folder / "root")
    made.set_up()
    try:
        yield made
    finally:
        made.kill()


def main() -> int:
    """One call of either command."""
    stub = StubSystemd(Path(os.environ["STUB_SYSTEMD"]), Path(os.environ["STUB_ROOT"]))
    if Path(sys.argv[0]).name == "journalctl":
        parser = argparse.ArgumentParser()
        parser.add_argument("-n", "--lines", type=int, default=0)
        asked, _ = parser.parse_known_args()
        say("\n".join(stub.log.splitlines()[-asked.lines :]))
        return 0
    with (stub.folder / "calls").open("a") as calls:
        calls.write(f"{' '.join(sys.argv[1:])}\n")
    verb, *names = [word for word in sys.argv[1:] if not word.startswith("-")]
    if words := stub.refusal(verb):
        sys.stderr.write(f"{words}\n")
        return 1
    if verb == "daemon-reload":
        return stub.service().reads()
    (service,) = map(stub.service, names)
    now = "--now" in sys.argv
    does: dict[str, Callable[[], int]] = {
        "start": service.start,
        "enable": lambda: service.enable() or (service.start() if now else 0),
        "stop": service.stop,
        "disable": lambda: service.disable() or (service.stop() if now else 0),
        "restart": lambda: service.stop() or service.start(),
        "reload": service.reload,
        "status": lambda: 0 if service.pid is not None else 3,
        "is-active": lambda: 0 if service.pid is not None else 3,
        "is-enabled": lambda: 0 if service.enabled else 1,
        "show": service.show,
    }
    return does[verb]()


def say(text: str) -> None:
    """Show what a command shows."""
    sys.stdout.write(f"{text}\n")
