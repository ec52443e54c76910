"""The console's own files, as Vite built them: hashed names are kept by browsers for ever, the page itself never."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response

from web import pages
from web.problems import not_found

STATIC = Path(__file__).parent / "static"
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}


def register(app: FastAPI, static: Path = STATIC) -> None:
    """Serve the console; every path that is nothing else is the console's page, since it finds its own way."""
    root = static.resolve()

    def console(path: str) -> Response:
        if path == "api" or path.startswith("api/"):
            raise not_found("call")
        wanted = (root / path).resolve() if "\x00" not in path else root
        if path and wanted.is_relative_to(root) and wanted.is_file():
            return FileResponse(wanted, headers=_FOR_EVER if path.startswith("assets/") else _ASK_AGAIN)
        if path.startswith("assets/"):
            raise not_found("file")
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(pages.no_console(), status_code=503, headers=_ASK_AGAIN)
        return FileResponse(index, headers=_ASK_AGAIN)

    app.add_api_route("/{path:path}", console, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)
