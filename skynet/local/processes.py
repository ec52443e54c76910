"""Processes as others: as which user a server runs when we are root, and how one ends with us."""

import ctypes
import os
import pwd
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

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
    """
    if owner is None:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CantRun("setpriv is missing (package util-linux): install it, or run as an ordinary user")
    options = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    if not _can_pass(reads, owner):
        options += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if death is not None:
        options.append(f"--pdeathsig={death.name.removeprefix('SIG')}")
    return [setpriv, *options, "--", *command]


def _can_pass(path: Path, owner: pwd.struct_passwd) -> bool:
    for folder in path.resolve().parents:
        known = folder.stat()
        bit = (
            stat.S_IXUSR
            if known.st_uid == owner.pw_uid
            else stat.S_IXGRP
            if known.st_gid == owner.pw_gid
            else stat.S_IXOTH
        )
        if not known.st_mode & bit:
            return False
    return True


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


def end_leftover(pid: int, started: float, patience: float = 10.0) -> None:
    """End a process of an earlier run, if it still is that process (pids come again): ask, wait, then kill."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > 1.0:
            return
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=patience)
        for one in alive:
            one.kill()
        psutil.wait_procs(alive, timeout=5)
    except psutil.NoSuchProcess:
        return
