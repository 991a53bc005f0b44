"""Serves what the lab has to tell at noteyard/notices, to the page's notices.js, which shows it."""

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from noteyard_lab.lab.notices import notices


def serve_notices(server: ServerApp) -> None:
    pattern = url_path_join(server.web_app.settings["base_url"], "noteyard", "notices")
    server.web_app.add_handlers(".*$", [(pattern, NoticesHandler)])  # type: ignore[no-untyped-call]


class NoticesHandler(APIHandler):
    """{"notices": {subject: sentences}}."""

    @web.authenticated
    def get(self) -> None:
        self.finish({"notices": notices()})
