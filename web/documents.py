"""Write the contract's documents into a folder: `python -m web.documents docs`. A test keeps them current."""

import sys
from pathlib import Path

import orjson

from web import asyncapi
from web.app import bare_app


def documents() -> dict[str, bytes]:
    """The documents by file name."""
    openapi = orjson.dumps(bare_app().openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return {"openapi.json": openapi, "asyncapi.json": asyncapi.as_json()}


if __name__ == "__main__":
    for name, content in documents().items():
        (Path(sys.argv[1]) / name).write_bytes(content)
