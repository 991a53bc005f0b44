"""The API's part that the hub and the edge need, without portal and REST: `uvicorn tests.support.small_api:create`."""

from fastapi import FastAPI
from noteyard.api import edge_config, hub_routes, problems
from noteyard.api.assets import mount_assets
from noteyard.instance import Instance
from noteyard.settings_file import load
from noteyard.store import Database
from noteyard.urls import PublicUrls


def create() -> FastAPI:
    """The application of the installation that NOTEYARD_STATE names."""
    app = FastAPI()
    app.state.settings = settings = load()
    app.state.instance = instance = Instance.of(settings)
    app.state.urls = PublicUrls.of(settings)
    app.state.database = Database(settings.database_url or instance.database_url)
    for module in (edge_config, hub_routes):
        app.include_router(module.router)
    problems.install(app)

    @app.get("/portal/")
    def portal() -> str:
        return "the portal"

    @app.get("/internal/v1/health")
    def health() -> str:
        return "ok"

    mount_assets(app)
    return app
