"""``systemctl`` for a scratch root: a service that is started really runs.

    $SCRATCH_ROOT/etc/systemd/system/*.service (+ *.service.d/*.conf) ──> ExecStart, with what systemd would hand over:
    $STATE_DIRECTORY · $CREDENTIALS_DIRECTORY · $NOTIFY_SOCKET ──READY=1──> up; its output is the journal

Of a unit it knows what the relay's units have in them. Paths of the machine become paths below the scratch root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PLACES = re.compile(r"(?<![\w./-])/(?=opt/relay\b|etc/relay\b|etc/systemd/|var/lib/)")
_PATIENCE = 20.0


def below(root: Path, text: str) -> str:
    """``text`` with the places of the machine that an installation touches moved below ``root``."""
    return PLACES.sub(f"{root}/", text)


class Service:
    """A service by its name, as its unit and its drop-ins say.

    Attributes:
        settings: Every value of each, in order.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self._root = root
        self._folder = root / "run" / name
        prefix, at, instance = name.partition("@")
        units = root / "etc/systemd/system"
        files = [units / f"{prefix}{at}.service", *sorted((units / f"{name}.service.d").glob("*.conf"))]
        self.settings: dict[str, list[str]] = {}
        for line in "\n".join(file.read_text() for file in files).splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.settings.setdefault(key, []).append(below(root, value.replace("%i", instance)))

    @property
    def pid(self) -> int | None:
        """Of its main process, while that runs."""
        return self.pid_in(self._folder)

    @staticmethod
    def pid_in(folder: Path) -> int | None:
        """Of the main process of the service that was started from this folder, while that runs."""
        file = folder / "pid"
        if not file.exists():
            return None
        pid = int(file.read_text())
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return None
        return None if state == "Z" else pid

    def start(self) -> int:
        if self.pid is not None:
            return 0
        shutil.rmtree(self._folder, ignore_errors=True)
        credentials = self._folder / "credentials"
        credentials.mkdir(parents=True, mode=0o700)
        for line in self.settings["LoadCredential"]:
            name, _, source = line.partition(":")
            shutil.copy(source, credentials / name)
        state = self._root / "var/lib" / self.settings["StateDirectory"][-1]
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self._folder / "notify"))
            env = {
                "PATH": os.environ["PATH"],
                "STATE_DIRECTORY": str(state),
                "CREDENTIALS_DIRECTORY": str(credentials),
                "NOTIFY_SOCKET": str(self._folder / "notify"),
            }
            with (self._root / "journal").open("ab") as journal:
                process = subprocess.Popen(
                    shlex.split(self.settings["ExecStart"][-1]),
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=journal,
                    stderr=journal,
                    start_new_session=True,
                    cwd="/",
                )
            (self._folder / "pid").write_text(str(process.pid))
            return self._until_ready(manager, process)

    def _until_ready(self, manager: socket.socket, process: subprocess.Popen[bytes]) -> int:
        manager.settimeout(0.1)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if b"READY=1" in manager.recv(4096).splitlines():
                    return 0
            except TimeoutError:
                continue
        return 1

    def stop(self) -> int:
        pid = self.pid
        if pid is None:
            return 0
        os.kill(pid, getattr(signal, self.settings["KillSignal"][-1]))
        deadline = time.monotonic() + _PATIENCE
        while self.pid is not None:
            if time.monotonic() > deadline:
                return 1
            time.sleep(0.02)
        return 0

    def reload(self) -> int:
        pid = self.pid
        if pid is None:
            return 1
        command = self.settings["ExecReload"][-1].replace("$MAINPID", str(pid))
        return subprocess.run(shlex.split(command), check=False).returncode


def main(root: Path, verb: str, *rest: str) -> int:
    """Do what is asked, as far as the install page asks it."""
    names = [word for word in rest if not word.startswith("-")]
    if verb == "daemon-reload":
        return 0
    (service,) = [Service(root, name) for name in names]
    now = "--now" in rest
    does: dict[str, Callable[[], int]] = {
        "start": service.start,
        "enable": service.start if now else lambda: 0,
        "stop": service.stop,
        "disable": service.stop if now else lambda: 0,
        "restart": lambda: service.stop() or service.start(),
        "reload": service.reload,
        "status": lambda: 0 if service.pid is not None else 3,
        "is-active": lambda: 0 if service.pid is not None else 3,
    }
    return does[verb]()


if __name__ == "__main__":
    sys.exit(main(Path(os.environ["SCRATCH_ROOT"]), *sys.argv[1:]))
