"""The settings of every part: read once, at the edge, from SKYNET_* variables, secret files and a running system's own file.

Order, first wins: environment `SKYNET_<NAME>`; a file `/run/secrets/skynet_<name>` (containers); what `skynet up` wrote into
`<data dir>/run/system.json` for the commands that come after it; the default here.
"""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import orjson
from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """One frozen bag, handed on as arguments; nobody else reads the environment."""

    model_config = SettingsConfigDict(
        env_prefix="SKYNET_", frozen=True, extra="ignore", secrets_dir=SECRETS if SECRETS.is_dir() else None
    )

    data_dir: Path = Field(
        Path("data"), description="where a system of this machine keeps its data, and how the command finds it"
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL with TimescaleDB: postgresql://user:password@host:port/name"
    )
    mqtt_url: str | None = Field(None, description="the broker: mqtt://host:port")
    mqtt_password: SecretStr | None = Field(None, description="password of our own broker users (skynet-alarms, ...)")
    web_url: str | None = Field(
        None, description="where browsers find the console; its origin is the only one that may change things"
    )
    host: str = Field("127.0.0.1", description="the address the web server listens on")
    web_port: int = Field(8420, description="the port the web server listens on")
    rules_file: Path | None = Field(
        None, description="the rules of the alert engine (TOML); default: the ones that come with it"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level of the log lines")
    log_format: Literal["text", "json"] = Field("text", description="log lines for people, or as JSON")
    session_hours: float = Field(12.0, description="a log-in lasts this many hours")
    link_hours: float = Field(12.0, description="the link of a dispatched person opens for this many hours")
    keep_events_days: int = Field(90, description="events and telemetry older than this are deleted")
    keep_rejects_days: int = Field(30, description="rejects older than this are deleted")
    start_grace: float = Field(
        60.0, description="seconds after a start in which no device is called offline for its silence"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """No .env file: one way less for a setting to hide."""
        return init_settings, env_settings, file_secret_settings

    def require_database(self) -> str:
        """The database's URL.

        Raises SettingsError when there is none.
        """
        if self.database_url is None:
            raise SettingsError(_MISSING.format(what="database", name="SKYNET_DATABASE_URL"))
        return self.database_url.get_secret_value()

    def require_mqtt(self) -> tuple[str, int]:
        """The broker's host and port.

        Raises SettingsError when there is none or it can't be read.
        """
        if self.mqtt_url is None:
            raise SettingsError(_MISSING.format(what="broker", name="SKYNET_MQTT_URL"))
        parts = urlsplit(self.mqtt_url)
        if parts.scheme != "mqtt" or not parts.hostname:
            raise SettingsError(f"SKYNET_MQTT_URL is {self.mqtt_url!r}; write it as mqtt://host:port")
        return parts.hostname, parts.port or 1883

    def require_mqtt_password(self) -> str:
        """The password of our own broker users.

        Raises SettingsError when there is none.
        """
        if self.mqtt_password is None:
            raise SettingsError(
                "no password for our own broker users: set SKYNET_MQTT_PASSWORD, or start `skynet up` first"
            )
        return self.mqtt_password.get_secret_value()


_MISSING = "no {what} is configured: start `skynet up` first (same SKYNET_DATA_DIR), or set {name}"


class SettingsError(Exception):
    """A setting is missing or can't be read; the message says what to do."""


def system_file(data_dir: Path) -> Path:
    """Where `skynet up` tells later commands how to reach the system it runs (mode 0600)."""
    return data_dir / "run" / "system.json"


def load(data_dir: Path | None = None) -> Settings:
    """Read the settings; `data_dir` is the command line's --data-dir, if given.

    Raises SettingsError when the running system's file can't be read.
    """
    given = Settings() if data_dir is None else Settings(data_dir=data_dir)
    path = system_file(given.data_dir)
    try:
        system = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return given
    except (OSError, orjson.JSONDecodeError) as exc:
        raise SettingsError(f"{path} can't be read ({exc}); start `skynet up` again, or delete it") from exc
    missing = {name: value for name, value in system.items() if name not in given.model_fields_set}
    return Settings.model_validate({**given.model_dump(include=given.model_fields_set), **missing})


def origins(loaded: Settings) -> dict[str, str]:
    """Where each setting's value is from, for people to read."""
    environment = EnvSettingsSource(Settings)()
    secrets = SecretsSettingsSource(Settings, SECRETS)() if SECRETS.is_dir() else {}
    path = system_file(loaded.data_dir)
    system = orjson.loads(path.read_bytes()) if path.exists() else {}
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        if name in environment:
            found[name] = f"environment SKYNET_{name.upper()}"
        elif name in secrets:
            found[name] = f"file {SECRETS}/skynet_{name}"
        elif name in system:
            found[name] = f"file {path}"
        else:
            found[name] = "default" if name not in loaded.model_fields_set else "--data-dir"
    return found
