"""A person's JupyterLab: started in the profile's environment, with packages of one's own kept apart.

This package is a Jupyter server extension, too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "noteyard_lab.lab"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from noteyard_lab.lab.activity import watch
    from noteyard_lab.lab.home_handler import serve_home
    from noteyard_lab.lab.notices_handler import serve_notices

    watch(server)
    serve_notices(server)
    serve_home(server)
    _keep_cookies_to_tls(server)


def _keep_cookies_to_tls(server: ServerApp) -> None:
    # The edge has the certificate and this server speaks plain http, so it can't tell by itself; JupyterHub's own
    # cookies follow the edge's headers.
    if os.environ.get("NOTEYARD_URL", "").startswith("https://"):
        settings = server.web_app.settings
        settings["xsrf_cookie_kwargs"] = {**settings.get("xsrf_cookie_kwargs", {}), "secure": True}
