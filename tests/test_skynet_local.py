"""Running parts together: ports, what dies is started again, leftovers of a crash, warnings and large logs."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from servers import running_database

from skynet.local import logfiles, ports
from skynet.local.logfiles import LogFile
from skynet.local.processes import CantRun, Left, end_leftovers
from skynet.local.supervisor import Program, Supervisor

Eventually = Callable[..., None]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


SLEEPS = python("import time\nwhile True: time.sleep(60)")


class Watched(Supervisor):
    """A supervisor whose words are kept."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        super().__init__(folder, self.said.append)

    def pid(self, name: str) -> int:
        process = self._running[name].process
        assert process is not None
        return process.pid

    def looks_until(self, condition: Callable[[], object], eventually: Eventually) -> None:
        def look() -> object:
            self.watch()
            return condition()

        eventually(look)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.stop()


def test_what_is_killed_is_started_again(supervisor: Watched, eventually: Eventually) -> None:
    supervisor.start(Program("part", SLEEPS, {}))
    first = supervisor.pid("part")
    psutil.Process(first).kill()
    supervisor.looks_until(lambda: supervisor.alive("part") and supervisor.pid("part") != first, eventually)
    assert supervisor.said == ["[part] died (signal SIGKILL) and is started again"]


def test_what_keeps_dying_is_tried_slower_and_told_how_often(supervisor: Watched, eventually: Eventually) -> None:
    told: list[int] = []
    supervisor.start(Program("part", python("raise SystemExit(3)"), {}, before=told.append))
    supervisor.looks_until(lambda: len(told) == 4, eventually)
    assert told == [0, 1, 2, 3]
    assert supervisor._running["part"].again_at > 0
    assert supervisor.said[0] == "[part] died (exit 3) and is started again"


def test_ends_in_reverse_stages_and_kills_what_does_not_end(tmp_path: Path, eventually: Eventually) -> None:
    watched = Watched(tmp_path)
    order = tmp_path / "order"
    ends = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(order)!r}, 'a').write(sys.argv[1]), sys.exit()))\n"
        "print('up', flush=True)\nwhile True: time.sleep(60)"
    )
    deaf = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
    )
    for stage, name in enumerate("abc"):
        watched.start(Program(name, [*python(ends), name], {}, stage=stage))
    watched.start(Program("deaf", python(deaf), {}, stage=3, patience=0.2))
    for name in (*"abc", "deaf"):
        eventually(lambda name=name: watched.log_of(name).read_text() == "up\n")
    pids = [watched.pid(name) for name in (*"abc", "deaf")]
    watched.stop()
    assert order.read_text() == "cba"
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert watched.said == ["[deaf] does not end by itself and is killed"]
    assert not list((tmp_path / "run").glob("*.pid"))


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path, eventually: Eventually) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom skynet.local.supervisor import Program, Supervisor\n"
        f"s = Supervisor(Path({str(tmp_path)!r}), print)\n"
        f"s.start(Program('part', {SLEEPS!r}, {{}}))\nprint('up', flush=True)\nwhile True: time.sleep(60)"
    )
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    eventually(lambda: not child.is_running())


def test_a_later_run_ends_leftovers_but_never_a_pid_that_came_again(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPS) as left, subprocess.Popen(SLEEPS) as stranger:
        record = Left.of(left.pid, signal.SIGTERM)
        recycled = Left(stranger.pid, psutil.Process(stranger.pid).create_time() - 100, int(signal.SIGKILL))
        assert end_leftovers([record, recycled, Left(2**22, 0.0, 15)]) == 1
        assert stranger.poll() is None
        assert not psutil.pid_exists(left.pid)
        stranger.kill()


def test_records_cut_off_by_a_crash_do_not_stop_the_next_start(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "run" / "part.pid").write_bytes(b'{"pid": 12')
    watched.end_leftovers()
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    ("line", "warns"),
    [
        ("2026-11-24T14:19:56Z [warning  ] slow [ingest.lane] ms=30", True),
        (
            "\x1b[2m2026\x1b[0m [\x1b[33m\x1b[1mwarning  \x1b[0m] slow",
            False,
        ),  # colours are for terminals, never in files
        ("2026-11-24T14:19:56Z [info     ] ingest started [ingest.service]", False),
        ('{"level": "error", "event": "x"}', True),
        ("2026-11-24 14:19:53.598 UTC [24422] FATAL:  the database system is starting up", True),
        ("2026-11-24 14:19:53.598 UTC [24422] LOG:  database system is ready", False),
        ("2026-11-24 14:19:53.598 UTC [24422] ERROR:  duplicate key value", False),
        ("1795529993: Error: Unable to open config file", True),
        ("Traceback (most recent call last):", True),
        ("skynet: no broker is configured", True),
    ],
)
def test_lines_that_warn_are_shown(tmp_path: Path, line: str, warns: bool) -> None:
    log = LogFile(tmp_path / "part.log")
    with log._path.open("a") as opened:
        opened.write(line + "\nnot yet a whole line")
    assert log.warnings() == ([line] if warns else [])


def test_a_flood_of_warnings_is_cut_short_and_a_large_log_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part.log"
    log = LogFile(path)
    with path.open("ab") as part:  # stays open, as a part's does
        part.write(b"skynet: x\n" * 20)
        part.flush()
        assert log.warnings(0.0) == ["skynet: x"] * 5 + [f"... and 15 more in {path}"]
        monkeypatch.setattr(logfiles, "LARGEST", 100)
        part.write(b"fine\n")
        part.flush()
        assert log.warnings(1.0) == []
        part.write(b"skynet: y\n")
        part.flush()
    assert log.warnings(2.0) == ["skynet: y"]
    assert path.read_bytes() == b"skynet: y\n"
    assert path.with_suffix(".log.1").stat().st_size == 205


def test_ports_are_as_asked_then_as_last_time_then_free(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    asked = {"web": 0, "mqtt": None}
    first = ports.choose(kept, asked, {})
    assert ports.choose(kept, {"web": None, "mqtt": None}, {}) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["web"]))
        taken.listen()
        assert ports.choose(kept, {"web": None}, {})["web"] != first["web"]
        with pytest.raises(CantRun, match=f"port {first['web']} for the web is taken"):
            ports.choose(kept, {"web": first["web"]}, {})


def test_ports_that_cannot_be_read_are_chosen_anew(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_bytes(b"{")
    assert set(ports.choose(tmp_path / "ports.json", {"web": 0}, {})) == {"web"}


def test_the_database_starts_after_kill_with_a_pid_file_that_names_a_stranger(
    tmp_path: Path, eventually: Eventually
) -> None:
    with running_database(tmp_path / "database") as (cluster, port):
        with psycopg.connect(cluster.url(port, "postgres")) as conn:
            shown = {
                name: conn.execute(f"SHOW {name}").fetchone()
                for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
            }
        file = cluster.data / "postmaster.pid"
        lines = file.read_text().splitlines()
        cluster.forget_stale_pid()
        assert file.exists()  # it runs: its file stays
    assert shown == {
        "fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on",), "data_checksums": ("on",),
        "listen_addresses": ("127.0.0.1",),
    }  # fmt: skip
    with subprocess.Popen(SLEEPS) as stranger:
        file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        cluster.forget_stale_pid()
        assert not file.exists()
        stranger.kill()
