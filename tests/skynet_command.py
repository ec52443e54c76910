"""The command as a user has it: a process of its own, told by its environment where the system is."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers import Broker
from typer.testing import CliRunner, Result

from devices.registry import Device
from skynet.cli.app import app
from store import registry
from store.connect import connect

COMMAND = Path(sys.executable).with_name("skynet")


class Skynet:
    """The command `skynet`, with a database and a broker."""

    def __init__(self, database: str, broker: Broker, folder: Path) -> None:
        self.broker = broker
        self.database = database
        self.told = {
            "SKYNET_DATABASE_URL": database,
            "SKYNET_MQTT_URL": broker.url,
            "SKYNET_MQTT_PASSWORD": broker.password,
            "SKYNET_DATA_DIR": str(folder),
        }

    def run(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(COMMAND), *arguments]
        return subprocess.run(
            command, check=False, env=os.environ | self.told | more, capture_output=True, text=True, timeout=60
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """One that runs until it is told to end."""
        command = [sys.executable, str(COMMAND), *arguments]
        return subprocess.Popen(
            command, env=os.environ | self.told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def json(self, *arguments: str) -> Any:
        """What a command that succeeds says with --json; without a process of its own, which costs a second."""
        done = self.inside(*arguments, "--json")
        assert done.exit_code == 0, (done.exception, done.output)
        return json.loads(done.stdout)

    def inside(self, *arguments: str) -> Result:
        """Run it in this process, in its environment."""
        root = logging.getLogger()
        handlers = root.handlers[:]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.told.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, arguments)
        root.handlers[:] = handlers  # the command's own wrote to a stream that is closed now
        return done

    def fails(self, *arguments: str, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    def device(self, site: str, device: str) -> Device | None:
        with connect(self.database, part="test") as conn:
            return registry.load(conn).devices.get((site, device))

    def credentials(self) -> list[str]:
        with connect(self.database, part="test") as conn:
            return [one.username for one in registry.all_credentials(conn)]
