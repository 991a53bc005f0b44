"""Serves how full the home is at noteyard/home: the hub asks, to tell it on the page that starts the lab."""

import os
from dataclasses import asdict
from pathlib import Path

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from noteyard_lab.lab.home_space import RESCUED, look


def serve_home(server: ServerApp) -> None:
    pattern = url_path_join(server.web_app.settings["base_url"], "noteyard", "home")
    server.web_app.add_handlers(".*$", [(pattern, HomeHandler)])  # type: ignore[no-untyped-call]


class HomeHandler(APIHandler):
    """A HomeSpace as JSON."""

    @web.authenticated
    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.finish(asdict(look(Path.home(), os.environ.get(RESCUED))))
