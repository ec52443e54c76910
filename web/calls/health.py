"""Whether this process lives, whether the system can do its work, and its figures. At the root, for machines."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from web.services import Web
from web.wire import Alive, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Alive, summary="This process lives")
async def healthz() -> Alive:
    """Always 200 while the process answers at all; it looks at nothing else."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Readiness,
    summary="The system can do its work",
    responses={503: {"model": Readiness, "description": "Something is missing; each check says what"}},
)
def readyz(response: Response, web: Web) -> Readiness:
    """Database, migrations, broker, ingest, alerts, the feed, and the whole pipeline by a synthetic alarm every 10 s; each with
    what is wrong. 503 when any is.

    A check that is only a warning (rules: a bad file, while those before it stay in force) leaves it at 200.
    """
    found = web.prober.look()
    if not found.ready:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return found


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics(web: Web) -> Response:
    """The figures in Prometheus' text format."""
    return Response(web.metrics.text(), media_type=CONTENT_TYPE_LATEST)
