"""Pretends to be a site's devices: what they would say, made lazily and in order from a seed. Pure.

The same seed, scenario, devices and beginning give the same feed, however often and in whatever pieces it is read.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import orjson

from devices.feed import Record
from devices.registry import Device
from devices.scenarios import Scenario, notable_kinds, tracks_per_hour, vehicle_share

SLICE = 60.0  # seconds that are drawn at once


class Said(msgspec.Struct, frozen=True):
    """One thing that a device says, `at` seconds from the beginning; `body` has no `ts` yet."""

    at: float
    site: str
    device: str
    channel: str
    body: dict[str, Any]

    def record(self, begin: datetime) -> Record:
        """This as a message of a feed that begins at `begin`."""
        body = self.payload(begin + timedelta(seconds=self.at))
        topic = f"skynet/v1/{self.site}/{self.device}/{self.channel}"
        return Record(self.at, topic, body, 1, self.channel == "status")

    def payload(self, ts: datetime) -> bytes:
        """The message's bytes, by a device whose clock says `ts`."""
        return orjson.dumps({**self.body, "ts": ts.isoformat(timespec="milliseconds").replace("+00:00", "Z")})


def simulate(
    devices: Sequence[Device], scenario: Scenario, seed: int, begin: datetime, timezone: str = "Asia/Shanghai"
) -> Iterator[Said]:
    """What cameras and buttons say from `begin` (aware UTC) on, in order of time, without end."""
    simulation = _Simulation(devices, scenario, seed, begin, ZoneInfo(timezone))
    number = 0
    while True:
        yield from simulation.slice(number)
        number += 1


def feed(devices: Sequence[Device], scenario: Scenario, seed: int, begin: datetime, seconds: float) -> Iterator[Record]:
    """The messages of so many seconds of `simulate`."""
    for said in simulate(devices, scenario, seed, begin):
        if said.at >= seconds:
            return
        yield said.record(begin)


def crowd(site: str, cameras: int, rate: float, seed: int, begin: datetime) -> Iterator[Record]:
    """Events of any number of cameras (`cam-0001` ...) at any rate a second, evenly random, without end."""
    random = np.random.default_rng([seed, cameras])
    tag = _tag(begin)
    at, number = 0.0, 0
    while True:
        for pause, camera, kind, confidence in zip(
            random.exponential(1.0 / rate, 1000),
            random.integers(1, cameras + 1, 1000),
            random.integers(0, 3, 1000),
            random.uniform(0.5, 0.99, 1000).round(3),
            strict=True,
        ):
            at += float(pause)
            number += 1
            body = {
                "id": f"{tag}-{number}",
                "kind": ("person", "vehicle", "motion")[kind],
                "phase": "instant",
                "confidence": float(confidence),
            }
            yield Said(at, site, f"cam-{camera:04}", "event", body).record(begin)


def _tag(begin: datetime) -> str:
    """What makes the ids of one run differ from those of any other."""
    return f"{int(begin.timestamp() * 1000):x}"


class _Simulation:
    """Draws one slice of time after the other; what reaches into a later one waits in a heap."""

    def __init__(
        self, devices: Sequence[Device], scenario: Scenario, seed: int, begin: datetime, zone: ZoneInfo
    ) -> None:
        ordered = sorted(devices, key=lambda one: (one.site, one.device))
        self._cameras = [one for one in ordered if one.kind == "camera"]
        self._buttons = [one for one in ordered if one.kind == "button"]
        self._scenario = scenario
        self._seed = seed
        self._begin = begin
        self._zone = zone
        self._tag = _tag(begin)
        self._count = 0
        self._waiting: list[tuple[float, int, Said]] = []
        self._silent_until: dict[tuple[str, str], float] = {}
        self._phases = np.random.default_rng([seed, 1]).uniform(0, self._scenario.telemetry_every or 1.0, len(ordered))
        self._batteries = np.random.default_rng([seed, 2]).uniform(35, 100, len(ordered))
        self._all = ordered

    def slice(self, number: int) -> list[Said]:
        """All that is said in the slice of this number, in order; to be asked for 0, 1, 2 ..."""
        start, end = number * SLICE, (number + 1) * SLICE
        random = np.random.default_rng([self._seed, 3, number])
        hour = self._hour(start)
        if number == 0:
            for device in self._all:
                self._say(0.0, device, "status", {"online": True, "firmware": "sim-1"})
            if self._scenario.first_press is not None and self._buttons:
                button = self._any(random, self._buttons)
                self._say(self._scenario.first_press, button, "alarm", {"id": self._next_id(), "action": "press"})
        self._draw_silences(random, start)
        self._draw_tracks(random, start, hour)
        self._draw_notable(random, start, hour)
        self._draw_presses(random, start)
        self._draw_telemetry(random, start, end)
        said: list[Said] = []
        while self._waiting and self._waiting[0][0] < end:
            one = heapq.heappop(self._waiting)[2]
            if not self._is_silent(one):
                said.append(one)
        return said

    def _hour(self, at: float) -> int:
        moment = (self._begin + timedelta(seconds=at)).astimezone(self._zone)
        if self._scenario.begins_at is None:
            return moment.hour
        return int(self._scenario.begins_at + at / 3600) % 24

    def _say(self, at: float, device: Device, channel: str, body: dict[str, Any]) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (at, self._count, Said(at, device.site, device.device, channel, body)))

    def _is_silent(self, said: Said) -> bool:
        return said.channel != "status" and said.at < self._silent_until.get((said.site, said.device), 0.0)

    def _next_id(self) -> str:
        return f"{self._tag}-{self._count + 1}"

    @staticmethod
    def _any(random: np.random.Generator, among: Sequence[Device]) -> Device:
        return among[int(random.integers(len(among)))]

    def _times(self, random: np.random.Generator, per_hour: float, start: float) -> list[float]:
        count = int(random.poisson(per_hour * SLICE / 3600))
        return sorted(float(start + at) for at in random.uniform(0, SLICE, count))

    def _draw_silences(self, random: np.random.Generator, start: float) -> None:
        """A device falls silent: its will says so at once, and it says that it is back."""
        share = len(self._all) / 93
        for at in self._times(random, self._scenario.offline_per_hour * share, start):
            device = self._any(random, self._all)
            key = (device.site, device.device)
            if self._silent_until.get(key, 0.0) <= at:
                back = at + float(random.uniform(200, 600))
                self._silent_until[key] = back
                self._say(at, device, "status", {"online": False})
                self._say(back, device, "status", {"online": True, "firmware": "sim-1"})

    def _draw_tracks(self, random: np.random.Generator, start: float, hour: int) -> None:
        for camera in self._cameras:
            for at in self._times(random, tracks_per_hour(camera.name, hour, self._scenario), start):
                vehicle = random.random() < vehicle_share(camera.name)
                lasts = float(random.gamma(2.0, 3.0 if vehicle else 9.0)) + 1.0
                self._track(random, at, camera, "vehicle" if vehicle else "person", lasts)

    def _draw_notable(self, random: np.random.Generator, start: float, hour: int) -> None:
        kinds, shares = notable_kinds(hour)
        for at in self._times(random, self._scenario.notable_per_hour * len(self._cameras) / 33, start):
            kind = kinds[int(random.choice(len(kinds), p=shares))]
            self._track(random, at, self._any(random, self._cameras), kind, float(random.uniform(5, 60)))

    def _track(self, random: np.random.Generator, at: float, camera: Device, kind: str, lasts: float) -> None:
        """Something comes, stays for a while and goes, told once in a while."""
        track = f"t{self._next_id()}"
        confidence = float(random.uniform(0.55, 0.98))
        moments = [0.0, *np.arange(5.0, lasts, 5.0).tolist()[:6], lasts]
        for index, after in enumerate(moments):
            phase = "start" if index == 0 else "end" if index == len(moments) - 1 else "update"
            body: dict[str, Any] = {"id": self._next_id(), "kind": kind, "phase": phase, "track": track}
            body["confidence"] = round(min(0.99, confidence + 0.01 * index), 3)
            self._say(at + after, camera, "event", body)

    def _draw_presses(self, random: np.random.Generator, start: float) -> None:
        share = len(self._buttons) / 60
        for at in self._times(random, self._scenario.presses_per_hour * share, start):
            self._press(random, at, self._any(random, self._buttons))
        for at in self._times(random, self._scenario.tests_per_hour * share, start):
            button = self._any(random, self._buttons)
            self._say(at, button, "alarm", {"id": self._next_id(), "action": "test"})

    def _press(self, random: np.random.Generator, at: float, button: Device) -> None:
        alarm_id = self._next_id()
        self._say(at, button, "alarm", {"id": alarm_id, "action": "press"})
        if random.random() < self._scenario.cancelled:
            self._say(at + float(random.uniform(3, 12)), button, "alarm", {"id": alarm_id, "action": "cancel"})
        elif random.random() < 0.15:  # afraid, and pressing again
            again = at + float(random.uniform(6, 30))
            self._say(again, button, "alarm", {"id": self._next_id(), "action": "press"})

    def _draw_telemetry(self, random: np.random.Generator, start: float, end: float) -> None:
        if not self._scenario.telemetry_every:
            return
        for index, device in enumerate(self._all):
            at = start + float(self._phases[index])
            while at < end:
                self._say(at, device, "telemetry", self._figures(random, index, device, at))
                at += self._scenario.telemetry_every

    def _figures(self, random: np.random.Generator, index: int, device: Device, at: float) -> dict[str, Any]:
        if device.kind == "camera":
            return {
                "fps": round(float(random.normal(24.6, 0.3)), 1),
                "temperature": round(float(random.normal(34, 1)), 1),
            }
        battery = max(5.0, float(self._batteries[index]) - at / 86_400)  # one percent a day
        return {"battery": round(battery, 1), "rssi": int(random.normal(-68, 4))}
