"""The backup and the restore of docs/operating.md, as they stand there, on a real server."""

import subprocess
from datetime import UTC, datetime

import psycopg
import pytest

from devices.registry import Device, Site
from skynet.local.postgres import Postgres
from skynet.local.programs import server_programs
from store import feed, registry
from store.connect import connect
from store.migrate import is_current

PROGRAMS = server_programs() / "usr" / "lib" / "postgresql" / "17" / "bin"


def run(*command: str) -> None:
    subprocess.run([str(PROGRAMS / command[0]), *command[1:]], check=True, capture_output=True, text=True, timeout=120)


def sql(url: str, *statements: str) -> None:
    run("psql", "--quiet", "-v", "ON_ERROR_STOP=1", *(part for one in statements for part in ("-c", one)), url)


def test_a_dump_is_restored_whole(
    database: str, database_server: tuple[Postgres, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    dump = tmp_path_factory.mktemp("dump") / "skynet.dump"
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="一号站"))
        registry.add_device(conn, Device(site="s1", device="b1", kind="button", name="b1"))
        for hour in range(3):
            conn.execute(
                "INSERT INTO events (received_at, site, device, id, kind, phase)"
                " VALUES (%s, 's1', 'b1', %s, 'person', 'instant')",
                (datetime(2026, 11, 20 + hour, tzinfo=UTC), str(hour)),
            )
        before = feed.identity(conn)
    run("pg_dump", "--format=custom", f"--file={dump}", database)

    cluster, port = database_server
    with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE restored")
    restored = cluster.url(port, "restored")
    try:
        sql(restored, "CREATE EXTENSION timescaledb", "SELECT timescaledb_pre_restore()")
        run("pg_restore", f"--dbname={restored}", str(dump))
        sql(
            restored,
            "SELECT timescaledb_post_restore()",
            "UPDATE feed_identity SET feed = gen_random_uuid()::text",
        )
        with connect(restored, part="test") as conn:
            assert is_current(conn)
            assert set(registry.load(conn).devices) == {("skynet-self", "probe"), ("s1", "b1")}
            assert conn.execute("SELECT count(*) FROM events").fetchone() == (3,)
            assert conn.execute("SELECT count(*) FROM show_chunks('events')").fetchone() == (3,)
            assert feed.identity(conn) != before
    finally:
        with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
            conn.execute("DROP DATABASE restored WITH (FORCE)")
