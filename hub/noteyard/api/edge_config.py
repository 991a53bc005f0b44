"""The edge's routes, asked for four times a second by Traefik's HTTP provider."""

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from noteyard.api.dependencies import Config, Db, Installation, Urls
from noteyard.api.internal import OnlyInternal
from noteyard.backends import platform
from noteyard.edge import Route, Upstream, Workload, dynamic_config, merged
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.store.hub_routes import ready_workloads, route_targets

REREAD_SECONDS = 3600.0

router = APIRouter(include_in_schema=False, dependencies=[OnlyInternal])


@router.get("/internal/v1/edge")
def edge(request: Request, database: Db, settings: Config, urls: Urls, instance: Installation) -> Response:
    """Traefik's dynamic configuration. The last answer is kept: it is made anew only when something has changed."""
    with database.read() as session:
        routed = (route_targets(session), ready_workloads(session))
    upstream = _upstream(settings, instance)
    state = request.app.state
    known: tuple[Any, bytes] | None = getattr(state, "edge_answer", None)
    if known is None or known[0] != (routed, upstream):
        routes, workloads = (Route(*row) for row in routed[0]), (Workload(*row) for row in routed[1])
        shared = dynamic_config(urls, upstream, routes, workloads)
        config = merged(shared, platform(settings).edge_part())
        known = ((routed, upstream), json.dumps(config).encode())
        state.edge_answer = known
    return Response(known[1], media_type="application/json")


def _upstream(settings: Settings, instance: Instance) -> Upstream:
    tls = settings.tls
    certificate = (tls.certificate, tls.key) if tls.certificate and tls.key else None
    return Upstream(instance.internal_url("api"), certificate, _edition(certificate or ()))


def _edition(files: Iterable[Path]) -> int:
    """Another number when any file has been replaced, also by an older one; each hour where only the edge sees them."""
    try:
        found = [file.stat() for file in files]
    except OSError:
        return int(time.time() // REREAD_SECONDS)
    if not found:
        return 0
    seen = [(file.st_mtime_ns, file.st_size, file.st_ino) for file in found]
    # Not Python's own hash of it: each of several API processes must come to the same number.
    return int.from_bytes(hashlib.sha256(repr(seen).encode()).digest()[:6])
