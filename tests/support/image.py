"""What a container engine does with the Dockerfile, done by the kernel alone: no engine, no registry, no network.

    Dockerfile ──stages──> FROM: this machine's /usr and /etc as the base image, Python in /usr/local ─┐
         each RUN, COPY, USER … in its order, in a root of its own ◄───────────────────────────────────┘
    the last stage ──read-only, a volume, /tmp──> Container: process 1 as USER, no capabilities ──> signals, exec

Every mount lies in a namespace of its own, held by a process that does nothing; with that process they are gone. What
is installed comes from a folder of wheels, checked by the same hashes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.support.dockerfile import ROOT, Stage, copied, filled, pairs

WHEELS = ROOT / ".venv" / "wheels"  # `make test` fetches them
UNSHARE = shutil.which("unshare") or "/usr/bin/unshare"
_LINKED = ("bin", "lib", "lib64", "sbin")  # into /usr, on every system of these years
_FOLDERS = ("dev", "etc", "opt", "proc", "root", "run", "src", "tmp", "usr", "var/lib", "wheels")
_DEVICES = ("null", "zero", "random", "urandom")
_ENV = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"}
_TMP = "/tmp"  # noqa: S108  because it lies in a root of its own
_PATIENCE = 300.0
_NUMBERS = itertools.count()  # a root a container


def why_not() -> str:
    """Why the kernel does not let this user build roots; nothing where it does."""
    script = (
        "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/r"
        " && mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && chown 10001 /mnt/r"
    )
    done = subprocess.run([UNSHARE, "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no namespaces for this user here: {done.stderr.strip()}"


class Ground:
    """A mount namespace, and the roots in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "ground"
        self._folder.mkdir()
        held = [UNSHARE, "--mount", "--propagation", "private", "cat"]  # ends when its standard input does
        self._holder = subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.enter = ("nsenter", "--target", str(self._holder.pid), "--mount", "--")
        own = Path("/proc/self/ns/mnt").readlink()
        while Path(f"/proc/{self._holder.pid}/ns/mnt").readlink() == own:  # until it has come into its namespace
            assert self._holder.poll() is None
        self.sh(f"mount -t tmpfs none {self._folder}")

    def close(self) -> None:
        """Let go of it all; an error where a container goes on."""
        own = {self._holder.pid}
        left = {int(mounts.parent.name) for mounts in Path("/proc").glob("[0-9]*/mountinfo") if self._is_here(mounts)}
        self._holder.communicate(timeout=_PATIENCE)
        assert left == own

    def _is_here(self, mounts: Path) -> bool:
        try:
            return str(self._folder) in mounts.read_text()  # where the layers of its roots lie
        except OSError:  # it has ended meanwhile
            return False

    def sh(self, script: str) -> str:
        """Run a script as root, outside of any image; what it printed."""
        done = subprocess.run(
            [*self.enter, "sh", "-ec", script], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def base(self, name: str) -> str:
        """A root that looks like the official Python image, made of what this machine has; where it is."""
        root = f"{self._folder}/{name}"
        lines = [f"mkdir -p {' '.join(f'{root}/{folder}' for folder in _FOLDERS)}", f"chmod 1777 {root}{_TMP}"]
        lines += [f"ln -s {Path('/', link).readlink()} {root}/{link}" for link in _LINKED]
        lines += [self._layer(root, folder, f"/{folder}") for folder in ("usr", "etc")]
        python = sys.base_prefix
        if python == "/usr":
            lines.append(f"ln -sf /usr/bin/python3 {root}/usr/local/bin/python")
        elif python != "/usr/local":
            lines.append(self._layer(root, "usr/local", python))
        lines += [f"touch {root}/dev/{device} && mount --bind /dev/{device} {root}/dev/{device}" for device in _DEVICES]
        lines.append(f"mount --bind {WHEELS} {root}/wheels && mount -o remount,ro,bind {root}/wheels")
        self.sh("\n".join(lines))
        return root

    def _layer(self, root: str, folder: str, below: str) -> str:
        upper, work = f"{root}.layers/{folder}/upper", f"{root}.layers/{folder}/work"
        options = f"lowerdir={below},upperdir={upper},workdir={work}"
        return f"mkdir -p {upper} {work} && mount -t overlay none -o {options} {root}/{folder}"


@dataclass
class Built:
    """A stage, and what its instructions made of it."""

    stage: Stage
    root: str
    env: dict[str, str]
    arguments: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"


def build(ground: Ground, stages: Sequence[Stage]) -> Built:
    """Carry out every instruction of every stage; the last one."""
    done: dict[str | None, Built] = {}
    for number, stage in enumerate(stages):
        at = Built(stage, ground.base(f"stage{number}"), dict(_ENV))
        for word, rest in stage.instructions:
            _carry_out(ground, at, word, rest, done)
        done[stage.name] = at
    return at


def _carry_out(ground: Ground, at: Built, word: str, rest: str, done: Mapping[str | None, Built]) -> None:
    match word:
        case "ARG":
            at.arguments |= pairs(rest)
        case "ENV":
            at.env |= {name: filled(value, at.env) for name, value in pairs(rest).items()}
        case "USER":
            at.user = rest
        case "WORKDIR":
            at.folder = rest
            ground.sh(f"mkdir -p {at.root}{rest}")
        case "RUN":
            offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_CONFIG_FILE": "/dev/null"}
            env = shlex.join(f"{name}={value}" for name, value in {**at.arguments, **at.env, **offline}.items())
            ground.sh(
                f"chroot --userspec={at.user} --groups= {at.root} env -i -C {at.folder} {env} sh -c {shlex.quote(rest)}"
            )
        case "COPY":
            copy = copied(rest)
            origin = str(ROOT) if copy.stage is None else done[copy.stage].root
            target = str(Path(at.folder, copy.target)) + ("/" if copy.target.endswith("/") else "")
            for source in copy.sources:
                _copy(ground, Path(f"{origin}/{source}"), f"{at.root}{target}", copy.owner or "0:0")
        case _:  # what is told of the image, and done by who runs it
            assert word in {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "VOLUME"}


def _copy(ground: Ground, source: Path, target: str, owner: str) -> None:
    """Copy as COPY does: a folder's content, a file into a folder; what `.dockerignore` leaves out is left out."""
    ground.sh(
        f"if test -d {source}; then mkdir -p {target}; cd {source}; set -- .; "
        f"else case {target} in */) mkdir -p {target};; esac; cd {source.parent}; set -- {source.name}; fi\n"
        f"ours=$(case {source} in {ROOT}/*) echo --exclude=__pycache__;; esac)\n"
        f'tar c --owner={owner.partition(":")[0]} --group={owner.partition(":")[2]} --numeric-owner $ours "$@"'
        f" | tar xp --same-owner --numeric-owner -C {target}"
    )


class Container:
    """The last stage, run as ``docker run --read-only --cap-drop ALL --tmpfs /tmp -v … `` would."""

    def __init__(self, ground: Ground, built: Built, *, volume: Path, files: Mapping[str, Path]) -> None:
        self._ground, self._built, self._stage = ground, built, built.stage
        self._root = f"{built.root}.run{next(_NUMBERS)}"
        (where,) = self._stage.command("VOLUME")
        owner = ground.sh(f"stat -c %u:%g {built.root}{where}").strip()
        os.chown(volume, *map(int, owner.split(":")))
        root = self._root
        lines = [f"mkdir {root} && mount --rbind {built.root} {root}"]
        for target, source in files.items():  # an engine makes the places before it makes the root read-only
            lines.append(f"mkdir -p {root}{Path(target).parent} && touch {root}{target}")
            lines.append(f"mount --bind {source} {root}{target} && mount -o remount,ro,bind {root}{target}")
        layers = ["", "/usr", "/etc"] + ([] if sys.base_prefix in {"/usr", "/usr/local"} else ["/usr/local"])
        lines += [f"mount -o remount,ro,bind {root}{layer}" for layer in layers]
        lines.append(f"mount --bind {volume} {root}{where} && mount -t tmpfs none {root}{_TMP}")
        ground.sh("\n".join(lines))
        self._log = volume.with_name(f"{volume.name}.log")
        self._process: asyncio.subprocess.Process | None = None
        self._env: dict[str, str] = {}

    def _inside(self, command: Sequence[str], user: str | None = None) -> list[str]:
        uid, _, gid = (user or self._built.user).partition(":")
        env = [f"{name}={value}" for name, value in {**self._built.env, **self._env}.items()]
        return [
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"),
            *("--bounding-set=-all", "--inh-caps=-all"),
            *("env", "-i", "-C", self._built.folder if user is None else "/", *env, *command),
        ]

    async def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Start process 1: ENTRYPOINT, and the arguments, or CMD."""
        self._env = dict(env or {})
        command = [*self._stage.command("ENTRYPOINT"), *(arguments or self._stage.command("CMD"))]
        inside = shlex.join(["chroot", self._root, *self._inside(command)])
        script = f"mount -t proc proc {self._root}/proc && exec {inside}"
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._ground.enter, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def _first(self) -> int:
        """Process 1, by the number that it has outside."""
        assert self._process is not None
        number = self._process.pid
        (child,) = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        return int(child)

    async def exec(self, *command: str, user: str | None = None) -> tuple[int, str]:
        """Run a command beside process 1; its exit code, and what it said."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(self._first), "--mount", "--pid", "--", "chroot", self._root),
            *self._inside(command, user),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE)
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def health(self) -> tuple[int, str]:
        """What HEALTHCHECK finds."""
        return await self.exec(*self._stage.command("HEALTHCHECK"))

    async def until_health(self, code: int, within: float = 60.0) -> str:
        """Check until it ends with ``code``; what it said then."""
        found, said = -1, ""
        try:
            async with asyncio.timeout(within):
                while found != code:
                    assert self._process is not None
                    assert self._process.returncode is None, self.log
                    try:
                        found, said = await self.health()
                    except ValueError:
                        await asyncio.sleep(0.02)  # there is no process 1 yet
        except TimeoutError:
            raise AssertionError(f"still {found}: {said}\n{self.log}") from None
        return said

    async def stop(self, within: float = 60.0) -> int:
        """Send STOPSIGNAL to process 1, as ``docker stop`` does; its exit code."""
        os.kill(self._first, signal.Signals[self._stage.one("STOPSIGNAL")])
        return await self.ended(within)

    async def ended(self, within: float = 60.0) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within)

    async def until_logged(self, words: str, within: float = 60.0) -> None:
        """Wait until it has written these words."""
        async with asyncio.timeout(within):
            while words not in self.log:  # noqa: ASYNC110  because another process writes them
                await asyncio.sleep(0.02)

    @property
    def log(self) -> str:
        """Everything it wrote."""
        return self._log.read_text()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ValueError, OSError):  # there is no process 1, yet or any more
                os.kill(self._first, signal.SIGKILL)  # --kill-child lets go of who becomes another user
            self._process.kill()
            await self._process.wait()
