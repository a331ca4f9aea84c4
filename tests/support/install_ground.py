"""Where the install page is typed: a scratch root with a ``systemctl`` of our own, or a systemd that really runs.

    Scratch   the machine's places are folders of the test; stub_systemd.py starts what the installed unit says
    Booted    a systemd of its own, process 1 in namespaces of its own, over a throw-away layer on this machine's files

Both have a clone of what an installation needs, and wheels to install from without a network. Neither touches the
machine; of Booted all is gone when its process 1 ends, and that ends with the test.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tests.support.documents import ROOT
from tests.support.stub_systemd import StubSystemd, below

WHEELS = ROOT / ".venv" / "wheels"
_NEEDED = ("pyproject.toml", "README.md", "LICENSE", "relay", "systemd", "requirements")
_PIP = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_NO_COMPILE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
_POLL = 0.05
_BOOT_SECONDS = 30.0
_BLOCK_SECONDS = 200.0
_PYTHON = f"python3.{sys.version_info.minor}"


class Machine(Protocol):
    """Something to type at, as root.

    Attributes:
        clone: Where whoever types stands, as the test sees it.
    """

    clone: Path

    async def type(self, script: str) -> str:
        """Run a script to its end; what it showed. It fails where one of its lines does."""
        ...

    async def close(self) -> None:
        """Leave no process behind."""
        ...


def _cloned(folder: Path) -> Path:
    clone = folder / "clone"
    clone.mkdir()
    for name in _NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, clone / name)
    return clone


class Scratch:
    """A scratch root; runs anywhere, as anybody."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "root"
        self._systemd = StubSystemd(folder / "systemd", self._root)
        self.clone = _cloned(folder)
        for place in ("opt", "etc/systemd/system", "var/lib", "usr/local/bin"):
            (self._root / place).mkdir(parents=True)
        self._systemd.set_up()
        self._systemd.add("sudo", '#!/bin/sh\nexec "$@"\n')
        self._systemd.add("python3", f'#!/bin/sh\nexec {Path(sys.base_prefix) / "bin" / _PYTHON} "$@"\n')

    async def type(self, script: str) -> str:
        env = {
            **_PIP,
            **self._systemd.env,
            "PIP_FIND_LINKS": str(WHEELS),
            "HOME": str(self._root),
            "PATH": f"{self._systemd.env['PATH']}:{self._root}/usr/local/bin",
            "RELAY_CONFIG": str(self._root / "etc/relay/config.yaml"),  # where it would look last, on a machine
        }
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euxo", "pipefail", "-c", below(self._root, script)),
            cwd=self.clone,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def close(self) -> None:
        self._systemd.kill()


_BOOT = """\
set -eu
mount --make-rprivate /
mount -t tmpfs -o size=1g none "$FOLDER/layer"
cd "$FOLDER/layer"
mkdir up work root
mount -t overlay none -o lowerdir=/,upperdir=up,workdir=work root
cd root
mount -t proc none proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs none dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
mount -t tmpfs none run
mount -t tmpfs none tmp
mkdir -p clone wheels typed
mount --bind "$FOLDER/clone" clone
mount --bind "$WHEELS" wheels
mount --bind "$FOLDER/typed" typed
rm -f usr/local/bin/relay
rm -rf opt etc/relay etc/systemd/system var/lib/relay* var/lib/private usr/lib/systemd/system-generators
mkdir -p opt etc/systemd/system
for unit in sysctl udevd udev-trigger modules-load tmpfiles-setup tmpfiles-setup-dev random-seed logind remount-fs \
    machine-id-commit firstboot sysusers pstore update-utmp binfmt hwdb-update timesyncd networkd resolved; do
  ln -s /dev/null etc/systemd/system/systemd-$unit.service
done
for unit in proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount tmp.mount \
    kmod-static-nodes.service; do
  ln -s /dev/null etc/systemd/system/$unit
done
: >etc/fstab
echo 0123456789abcdef0123456789abcdef >etc/machine-id
printf '#!/bin/sh\\nexec "$@"\\n' >usr/bin/sudo
chmod 0755 usr/bin/sudo
cat >etc/systemd/system/typist.service <<'UNIT'
[Unit]
After=basic.target
[Service]
ExecStart=/bin/bash /typed/typist
UNIT
cat >etc/systemd/system/typist.target <<'UNIT'
[Unit]
Requires=basic.target
Wants=typist.service
UNIT
mkdir -p old
pivot_root . old
umount -l /old
mount --make-rshared /  # or credentials can't be mounted where a service sees them
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=typist.target \
  --show-status=0 --log-target=null
"""

_TYPIST = """\
export {pip} PIP_FIND_LINKS=/wheels HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin
cd /clone
touch /typed/ready
number=1
while true; do
  while [ ! -e /typed/$number.script ]; do sleep 0.05; done
  bash -euxo pipefail /typed/$number.script >/typed/$number.shown 2>&1 </dev/null
  echo $? >/typed/$number.part
  mv /typed/$number.part /typed/$number.code
  number=$((number + 1))
done
"""


def why_not_booted() -> str:
    """Why no systemd can be started here; empty where it may be tried."""
    if os.geteuid() != 0:
        return "only root starts a systemd of its own"
    if not Path("/lib/systemd/systemd").exists():
        return "no systemd on this machine"
    python = Path("/usr/bin/python3")  # homes are hidden from services, and with them a Python that lies in one
    if not python.exists() or python.resolve().name != _PYTHON:
        return f"no {_PYTHON} of the machine's own"
    asked = subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False, timeout=30)
    return "" if asked.returncode == 0 else "no python3-venv on this machine"


class Booted:
    """A machine with a real systemd; ``boot`` it first."""

    def __init__(self, folder: Path) -> None:
        self.clone = _cloned(folder)
        self._folder = folder
        self._typed = folder / "typed"
        self._blocks = 0
        self._process: asyncio.subprocess.Process | None = None
        for name in ("layer", "typed"):
            (folder / name).mkdir()
        pip = " ".join(f"{name}={value}" for name, value in _PIP.items())
        (self._typed / "typist").write_text(_TYPIST.format(pip=pip))
        self._cgroup = self._new_cgroup()

    def _new_cgroup(self) -> Path | None:
        """A control group of its own, so that systemd sees none of the machine's."""
        for root in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):
            if (root / "cgroup.procs").exists():
                group = root / f"relay-test-{os.getpid()}"
                with suppress(OSError):  # they may be read-only here
                    group.mkdir(exist_ok=True)
                    return group
        return None

    async def boot(self) -> str:
        """Start it; why that can't be done here, or empty where it is up."""
        if self._cgroup is None:
            return "no control groups of the second version to write to"
        told = (self._folder / "console").open("wb")
        # Whatever becomes of the test, it ends with it.
        apart = "exec setpriv --pdeathsig KILL unshare -m -p -f -u -i -C --kill-child"
        enter = f'echo $$ >{self._cgroup}/cgroup.procs; {apart} bash -c "$0"'
        with told:
            self._process = await asyncio.create_subprocess_exec(
                *("/bin/bash", "-c", enter, _BOOT),
                env={**os.environ, "FOLDER": str(self._folder), "WHEELS": str(WHEELS)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=told,
                stderr=told,
            )
        if await self._appears("ready", _BOOT_SECONDS):
            return ""
        said = (self._folder / "console").read_text(errors="replace").strip().splitlines()
        return f"a systemd of its own does not start here: {said[-1] if said else 'it says nothing'}"

    async def _appears(self, name: str, seconds: float) -> bool:
        assert self._process is not None
        for _ in range(round(seconds / _POLL)):
            if (self._typed / name).exists():
                return True
            if self._process.returncode is not None:
                return False
            await asyncio.sleep(_POLL)
        return False

    async def type(self, script: str) -> str:
        self._blocks += 1
        number = self._blocks
        part = self._typed / "part"
        part.write_text(script)
        part.rename(self._typed / f"{number}.script")
        ended = await self._appears(f"{number}.code", _BLOCK_SECONDS)
        shown = (self._typed / f"{number}.shown").read_text(errors="replace")
        assert ended, f"it did not end:\n{shown}"
        assert (self._typed / f"{number}.code").read_text() == "0\n", shown
        return shown

    async def close(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        if self._cgroup is not None:
            for _ in range(100):  # its processes have been killed, and take a moment to be gone
                folders = [Path(where) for where, _, _ in os.walk(self._cgroup, topdown=False)]
                try:
                    for folder in folders:
                        folder.rmdir()
                except OSError:
                    await asyncio.sleep(_POLL)
                else:
                    return
