"""`skynet devices add | list | import | remove`: the registry and the broker's log-ins, changed together."""

import secrets
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from psycopg import Connection

from devices import broker, broker_control
from devices.formats import LANE_OF_FORMAT
from devices.registry import NAME_RULE, Device, is_name
from devices.siteplan import read_plan
from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store import parts, registry

app = typer.Typer(no_args_is_help=True)
