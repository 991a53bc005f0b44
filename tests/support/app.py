"""The real API application over a fresh state folder, for tests that need no hub."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.api.app import make_app
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.migrate import migrate
from noteyard.store.sessions import open_session

HUB = "http://localhost:8000"
PORTS = {"edge": 1, "hub": 2, "api": 3, "controller": 4, "s3": 5}


@contextmanager
def api(folder: Path, **settings: object) -> Iterator[FastAPI]:
    """The application; `app.state.database` is migrated and empty."""
    configured = Settings(state=folder, **settings)  # type: ignore[arg-type]
    instance = Instance.of(configured)
    instance.make_secrets()
    (instance.run / "ports.json").write_text(json.dumps(PORTS))
    database = Database(configured.database_url or instance.database_url)
    migrate(database, folder)
    database.close()
    app = make_app(configured)
    with TestClient(app):
        yield app


@contextmanager
def served(app: FastAPI) -> Iterator[int]:
    """The application behind a real server, for what a test client does by itself; its port on loopback."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


def reader(app: FastAPI, person: str) -> TestClient:
    """A browser as `browser`, which asks for pages."""
    client = browser(app, person)
    client.headers["Accept"] = "text/html"
    return client


def browser(app: FastAPI, person: str) -> TestClient:
    """A browser that is logged in to the portal."""
    with app.state.database.write() as session:
        cookie = open_session(session, person, 1)
    return TestClient(
        app,
        base_url=HUB,
        cookies={"noteyard-session": cookie},
        headers={"Origin": HUB},
        follow_redirects=False,
        raise_server_exceptions=False,
    )
