"""The command `skynet`: reads settings and arguments, hands them on, and turns expected errors into one clear line."""

import sys

import psycopg

from alerts.rules import RulesError
from devices.broker_control import BrokerRefused
from devices.feed import FeedError
from devices.playing import BrokerLost
from devices.siteplan import SitePlanError
from skynet.cli.app import app
from skynet.cli.errors import CommandError
from skynet.settings import SettingsError
from store.connect import UnsafeDatabase
from store.registry import RegistryError

EXPECTED = (
    BrokerLost, BrokerRefused, CommandError, FeedError, RegistryError, RulesError, SettingsError, SitePlanError,
    UnsafeDatabase,
)  # fmt: skip


def main() -> None:
    """Run the command line; exit 1 with one line on standard error for what a user can mend."""
    try:
        app()
    except EXPECTED as exc:
        sys.exit(f"skynet: {exc}")
    except psycopg.OperationalError as exc:
        said = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        sys.exit(f"skynet: the database can't be used ({said}); is it running, and has `skynet migrate` been run?")


if __name__ == "__main__":
    main()
