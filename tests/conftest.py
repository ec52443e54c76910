"""What tests share: real servers, a fresh database each, and waiting for a condition instead of sleeping."""

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside the tests

for name in [name for name in os.environ if name.startswith("SKYNET_")]:
    del os.environ[name]  # a running system of the same machine is none of the tests' business

from servers import Broker, running_broker, running_database  # noqa: E402

from skynet.local.postgres import Postgres  # noqa: E402
from store.migrate import migrate  # noqa: E402

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, int]]:
    """A running TimescaleDB with a migrated template, for the whole session."""
    with running_database(tmp_path_factory.mktemp("servers") / "database") as (cluster, port):
        with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE template_skynet")
        migrate(cluster.url(port, "template_skynet"))
        with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
            # closed to everybody: TimescaleDB's own workers would come back to it and keep it from being copied
            conn.execute("ALTER DATABASE template_skynet WITH ALLOW_CONNECTIONS false")
        yield cluster, port


@pytest.fixture
def databases(database_server: tuple[Postgres, int]) -> Iterator[Callable[[], str]]:
    """`databases()`: the URL of a fresh migrated database of this test's own, as often as it is asked for."""
    cluster, port = database_server
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'template_skynet'"
                " AND pid <> pg_backend_pid()"
            )
            conn.execute(f"CREATE DATABASE {name} TEMPLATE template_skynet")
        made.append(name)
        return cluster.url(port, name)

    yield make
    with psycopg.connect(cluster.url(port, "postgres"), autocommit=True) as conn:
        for name in made:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(databases: Callable[[], str]) -> str:
    """The URL of a fresh migrated database of this test's own."""
    return databases()


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[Broker]:
    """A running broker of this test's own, with our own users."""
    with running_broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """`eventually(condition)`: wait until it is true; fail with what it last was after `within` seconds."""

    def wait(condition: Callable[[], object], within: float = 15.0) -> None:
        deadline = time.monotonic() + within
        while not (last := condition()):
            assert time.monotonic() < deadline, f"still not so after {within:g} s: {condition} was {last!r}"
            time.sleep(0.01)

    return wait
