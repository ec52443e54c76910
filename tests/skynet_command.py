"""The command as a user has it: a process of its own, told by its environment where the system is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from servers import Broker

from devices.registry import Device
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
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

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
