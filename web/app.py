"""The web application: services made, calls put together, and started and stopped with the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie
from psycopg_pool import ConnectionPool
from starlette.routing import WebSocketRoute

from alerts.rules_file import RulesFile
from skynet.settings import Settings
from store.connect import open_pool
from web import asyncapi, console_files, problems
from web.calls import checks, desk, handovers, health, incidents, notices, people, picture, reports, session, street
from web.guard import Guard
from web.joining import Joining
from web.keeping import Keeper
from web.live import Live
from web.live_call import LiveCall
from web.metrics import Metrics
from web.origin import own_origins
from web.readiness import Prober
from web.services import API, COOKIE, Services
from web.wire import Problem

VERSION = "1.0.0"  # of the contract, not of the program
POOL = 8

_ABOUT = """What a browser or another system may rely on. Times are RFC 3339 UTC, ids are strings, every error is an RFC 9457
problem document, and lists are newest first, 200 a page, `next` being the `cursor` of the page behind.

Log in by `POST /api/v1/session`; the session is a cookie. Changes need the `Origin` of the console. No one sees another
site's anything: it is 404. The live feed is a websocket at `/api/v1/live`, described in `/api/v1/asyncapi.json`.
"""


def create_app(settings: Settings) -> FastAPI:
    """The application, which reaches for the database only when it is started.

    Raises SettingsError when no database is configured, RulesError when the rules file can't be used.
    """
    app = bare_app()
    services = _services(settings)
    app.state.services = services
    joining = Joining(services.live)
    keeper = Keeper(services.live, joining)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.live.start()
        keeper.start()
        yield
        await keeper.stop()
        await services.live.stop()
        services.prober.stop()
        services.pool.close(timeout=2)

    app.router.lifespan_context = lifespan
    app.router.routes.append(WebSocketRoute(f"{API}/live", LiveCall(services.live, joining)))
    console_files.register(app)
    app.add_middleware(Guard, origins=services.origins, metrics=services.metrics, https=services.https)
    return app


def bare_app() -> FastAPI:
    """The calls alone: enough for their description, and never started."""
    app = FastAPI(
        title="micro sky-net 微天网",
        version=VERSION,
        description=_ABOUT,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name_of,
    )
    problems.register(app)
    errors: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": what, "content": {problems.MEDIA_TYPE: {}}}
        for status, what in _ERRORS.items()
    }
    api = APIRouter(prefix=API, responses=errors)
    logged_in = Depends(APIKeyCookie(name=COOKIE, auto_error=False, description="given by POST /session"))
    api.include_router(session.router)
    api.include_router(picture.router, dependencies=[logged_in])
    api.include_router(incidents.router, dependencies=[logged_in])
    api.include_router(desk.router, dependencies=[logged_in])
    api.include_router(notices.router, dependencies=[logged_in])
    api.include_router(checks.router, dependencies=[logged_in])
    for more in (street.router, people.router, handovers.router):
        api.include_router(more, dependencies=[logged_in])
    api.include_router(reports.router, dependencies=[logged_in])
    api.add_api_route("/asyncapi.json", _asyncapi, include_in_schema=False)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(session.pages_router)
    app.include_router(street.pages_router)
    return app


_ERRORS = {
    401: "Nobody is logged in",
    403: "Not from here: the Origin is not the console's; or not for their role",
    404: "There is no such thing, or it is not theirs to see",
    409: "Somebody was first; `owner`, `state` and `version` say how it is now",
    422: "The request can't be read, or the state does not allow the step",
    429: "Too many tries; Retry-After says when to come back",
    503: "The database can't be used just now",
}


def _name_of(route: APIRoute) -> str:
    return route.name


async def _asyncapi() -> Response:
    return Response(asyncapi.as_json(), media_type="application/json")


def _services(settings: Settings) -> Services:
    url = settings.require_database()
    pool: ConnectionPool = open_pool(url, part="web", size=POOL)
    metrics = Metrics(pool)
    live = Live(url, pool, metrics)
    rules = RulesFile(settings.rules_file)
    return Services(
        settings=settings,
        pool=pool,
        live=live,
        metrics=metrics,
        rules=rules,
        prober=Prober(settings, pool, live.fresh, live.proof, rules),
        origins=own_origins(settings.web_url, settings.web_port),
    )
