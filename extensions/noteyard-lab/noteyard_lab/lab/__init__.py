"""A person's JupyterLab: started in the profile's environment, with packages of one's own kept apart.

This package is a Jupyter server extension, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "noteyard_lab.lab"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from noteyard_lab.lab.activity import watch

    watch(server)
