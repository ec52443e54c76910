"""A hundred officers: each with a live feed that is read, and together they take steps at a pace.

A process of its own (`python -m bench.officers`, told by standard input). Every incident is acknowledged, noted and resolved,
by the versions that the answers give. Prints one line of JSON: the seconds that each step took, from request to answer.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx
import orjson
import uvloop
from websockets.asyncio.client import ClientConnection, connect

STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("acknowledge", {}),
    ("note", {"note": "在看"}),
    ("resolve", {"outcome": "false"}),
)


async def _read(feed: ClientConnection) -> None:
    async for _ in feed:
        pass


async def _answer(given: dict[str, Any]) -> list[float]:
    """Take all steps, one after the other at the pace, each by the next officer."""
    took: list[float] = []
    origin = f"http://127.0.0.1:{given['web_port']}"
    officers = given["tokens"]
    versions = dict.fromkeys(given["incidents"], 1)
    wanted = [(verb, more, incident) for verb, more in STEPS for incident in given["incidents"]]

    async def step(client: httpx.AsyncClient, number: int) -> None:
        verb, more, incident = wanted[number]
        # who acknowledged it goes on with it
        cookie = f"skynet_session={officers[given['incidents'].index(incident) % len(officers)]}"
        began = time.monotonic()
        answer = await client.post(
            f"/api/v1/incidents/{incident}/{verb}",
            json={"version": versions[incident]} | more,
            headers={"Cookie": cookie, "Origin": origin},
        )
        took.append(time.monotonic() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"{verb}: {answer.status_code} {answer.text}")
        versions[incident] = answer.json()["version"]

    async with httpx.AsyncClient(base_url=origin, timeout=30, trust_env=False) as client, asyncio.TaskGroup() as tasks:
        start = time.monotonic()
        for number in range(len(wanted)):
            await asyncio.sleep(max(0.0, start + number / given["rate"] - time.monotonic()))
            tasks.create_task(step(client, number))
    return took


async def _work(given: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        readers = []
        for token in given["tokens"]:
            feed = await stack.enter_async_context(
                connect(
                    f"ws://127.0.0.1:{given['web_port']}/api/v1/live",
                    additional_headers={"Cookie": f"skynet_session={token}"},
                    proxy=None, compression=None, max_size=None, ping_interval=None,
                )
            )  # fmt: skip
            readers.append(asyncio.create_task(_read(feed)))
        print(orjson.dumps(await _answer(given)).decode(), flush=True)
        for reader in readers:
            reader.cancel()


if __name__ == "__main__":
    uvloop.run(_work(orjson.loads(sys.stdin.readline())))
