"""The API's application: routes of every noun, one app for REST, portal, ForwardAuth and the parts' own protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Host

from noteyard import __version__
from noteyard.api import (
    dashboards,
    edge_config,
    health,
    hub_routes,
    launchers,
    openapi,
    parameters,
    people,
    problems,
    releases,
    runs,
    s3_credentials,
    s3_folders,
    s3_guard,
    s3_purges,
    schedules,
    workers,
)
from noteyard.api.assets import mount_assets
from noteyard.api.hosts import LowerCaseHost
from noteyard.api.pages import environment
from noteyard.api.portal import login
from noteyard.api.portal.routes import pages_router
from noteyard.api.request_log import RequestLog
from noteyard.api.s3_keys import DatabaseKeys
from noteyard.api.viewer import links, outputs, shell
from noteyard.api.viewer.authz import authz_route
from noteyard.api.viewer.decisions import Decisions
from noteyard.api.viewer.rate_limit import RateLimit
from noteyard.backends import data_callers, embedded_s3
from noteyard.errors import NoteyardError
from noteyard.hub_client import HubClient
from noteyard.instance import Instance
from noteyard.logs import configure
from noteyard.metrics import name_part
from noteyard.object_store import stored_objects
from noteyard.s3_sessions import sessions
from noteyard.settings import Settings
from noteyard.settings_file import load
from noteyard.store import Database
from noteyard.store.revision import Revision
from noteyard.urls import PublicUrls
from noteyard.viewer_tokens import ViewerTokens

DESCRIPTION = """Runs, schedules, dashboards and the people who share them.

Send `Authorization: Bearer <token>`; make a token with `noteyard token NAME --scope read --scope write`, or in a lab
take the one in `JUPYTERHUB_API_TOKEN`. Errors are RFC 9457 problem documents. Lists are paged: pass `next` as `cursor`.
"""


def create() -> FastAPI:
    """The application of the installation that NOTEYARD_STATE names."""
    settings = load()
    configure(settings.log_level)
    name_part("api")
    return make_app(settings)


def make_app(settings: Settings) -> FastAPI:
    """The application for some settings; the database must be migrated."""
    instance = Instance.of(settings)
    urls = PublicUrls.of(settings)
    app = FastAPI(
        title="Noteyard",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings, app.state.instance, app.state.urls = settings, instance, urls
    app.state.database = Database(settings.database_url or instance.database_url)
    app.state.objects = stored_objects(settings, instance)
    app.state.decisions = Decisions(Revision(app.state.database))
    app.state.hub = HubClient(instance.internal_url("hub"), instance.secret("hub-api"), urls.hub)
    app.state.viewer_tokens = ViewerTokens(instance.secret("viewer-key.pem"))
    app.state.signing_key = instance.secret("signing").encode()
    app.state.public_wakes = RateLimit(settings.dashboards.public_wakes_per_minute)
    app.state.templates = environment()
    app.state.s3_keys = DatabaseKeys(app.state.database)
    _routes(app, urls)
    _embedded_s3(app, settings)
    _broker(app, settings, instance)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(LowerCaseHost)
    app.add_middleware(RequestLog)
    return app


def _routes(app: FastAPI, urls: PublicUrls) -> None:
    # The apps' hosts come first: on them only the viewers' pages exist, whatever the path.
    app.router.routes.append(Host(f"{{slug}}.{urls.apps_host}", _apps(app)))
    app.router.routes.append(authz_route())
    for module in (releases, runs, schedules, dashboards, people, parameters, workers, launchers):
        app.include_router(module.router)
    for internal in (edge_config, hub_routes, health, links, login):
        app.include_router(internal.router)
    app.include_router(pages_router)
    mount_assets(app)


def _embedded_s3(app: FastAPI, settings: Settings) -> None:
    embedded = embedded_s3(settings)
    app.state.s3_objects = None
    if embedded is not None:
        app.state.s3_folder, app.state.s3_objects = embedded
        app.include_router(s3_guard.router)
        app.include_router(s3_folders.router)


def _broker(app: FastAPI, settings: Settings, instance: Instance) -> None:
    callers = data_callers(settings)
    app.state.broker = None
    if callers is not None:
        app.state.broker = s3_credentials.Broker(callers, sessions(settings, instance))
        app.include_router(s3_credentials.router)
        app.include_router(s3_purges.router)


def _apps(hub_app: FastAPI) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state = hub_app.state
    app.add_exception_handler(NoteyardError, shell.refused)
    mount_assets(app)
    app.include_router(outputs.router)
    app.include_router(shell.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.hub.http.aclose()
    if app.state.s3_objects is not None:
        await app.state.s3_objects.close()
    if app.state.broker is not None:
        await app.state.broker.callers.close()
    app.state.decisions.revision.close()
    app.state.database.close()
