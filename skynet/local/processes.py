"""Processes as others: as which user a server runs when we are root, and how one ends with us."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

_PR_SET_PDEATHSIG = 1
SERVICE_USERS = ("postgres", "mosquitto", "nobody")


class CantRun(Exception):
    """A server can't be run here; the message says what to do."""


def service_user() -> pwd.struct_passwd | None:
    """Whom servers run as when we are root, since PostgreSQL refuses to be root; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in SERVICE_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CantRun("no ordinary user to run PostgreSQL as: add one named postgres")


def give(path: Path, owner: pwd.struct_passwd | None) -> None:
    """Let a folder or file belong to the user its server runs as."""
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def as_user(
    command: list[str], owner: pwd.struct_passwd | None, reads: Path, death: signal.Signals | None = None
) -> list[str]:
    """The command as that user, who must reach the folder `reads`; `death` is the signal it gets when its parent is gone
    (set here, since the kernel forgets it when the user changes).

    The data directory may lie below a folder only root can pass (/root, a test's 0700): then the server gets the one
    capability to pass it, and stays an ordinary user otherwise. setpriv replaces itself, so the process is the server.
    Raises CantRun when there is no way.
    """
    if owner is None:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CantRun("setpriv is missing (package util-linux): install it, or run as an ordinary user")
    plain = [setpriv, f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    reach = _way_to_reach(plain, reads, command[0])
    if reach is None:
        raise CantRun(
            f"the user {owner.pw_name}, as whom servers run, can't reach {reads} or {command[0]}:"
            " give a --data-dir that others may pass (such as /var/lib/micro-skynet), or run as an ordinary user"
        )
    last_word = [] if death is None else [f"--pdeathsig={death.name.removeprefix('SIG')}"]
    return [*plain, *reach, *last_word, "--", *command]


# containers often withhold the first, which only reads and passes; with the second the user could write as well
_PASSES: tuple[tuple[str, ...], ...] = (
    (),
    ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    ("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)


def _way_to_reach(plain: list[str], folder: Path, program: str) -> tuple[str, ...] | None:
    """The least that lets the user pass into the folder and run the program: found by trying."""
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    into = nearest if nearest.is_dir() else nearest.parent
    for way in _PASSES:
        attempt = [*plain, *way, "--", "/bin/sh", "-c", 'cd "$1" && test -x "$2"', "sh", str(into), program]
        if subprocess.run(attempt, capture_output=True, check=False, cwd="/").returncode == 0:
            return way
    return None


def dies_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For Popen's preexec_fn: the kernel sends this signal when the thread that started the process is gone, however it
    went. Prepared before the fork, where nothing may be imported or allocated any more.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


class Left(msgspec.Struct, frozen=True):
    """A process that was started, on record: which it is beyond doubt (pids come again), and how it wants to be ended."""

    pid: int
    created: float
    end: int

    @classmethod
    def of(cls, pid: int, end: signal.Signals) -> "Left":
        """The record of a process that runs now."""
        try:
            return cls(pid, psutil.Process(pid).create_time(), int(end))
        except psutil.NoSuchProcess:
            return cls(pid, 0.0, int(end))

    def process(self) -> psutil.Process | None:
        """The process, if it still is that one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None


def end_leftovers(records: Iterable[Left], patience: float = 4.0) -> int:
    """End processes of an earlier run: ask all of them, wait, then kill; how many there were."""
    alive = []
    for record in records:
        process = record.process()
        if process is not None:
            alive.append(process)
            with suppress(psutil.NoSuchProcess):
                process.send_signal(record.end)
    _, stubborn = psutil.wait_procs(alive, timeout=patience)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(alive)
