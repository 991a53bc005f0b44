"""Voila, standalone and inside this process, cut down to what a dashboard's page needs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from traitlets.config import Config
from voila.app import Voila  # type: ignore[import-untyped]
from voila.configuration import VoilaConfiguration  # type: ignore[import-untyped]
from voila.paths import collect_static_paths, collect_template_paths  # type: ignore[import-untyped]
from voila.utils import get_page_config  # type: ignore[import-untyped]

from noteyard_lab.dashboard.asset_handlers import AssetHandler, ChunksHandler
from noteyard_lab.dashboard.execution import Execution
from noteyard_lab.dashboard.guard import GuardedApplication, GuardIdentity
from noteyard_lab.dashboard.kernel_handlers import EndHandler, KernelModelHandler, KernelSocketHandler, SessionHandler
from noteyard_lab.dashboard.live_page import ExecutionRenderer, TextRenderer
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.dashboard.page_assets import PageAssets
from noteyard_lab.dashboard.page_handler import LivePageHandler
from noteyard_lab.dashboard.sessions import Sessions
from noteyard_lab.dashboard.viewer_channel import ViewerChannel
from noteyard_lab.dashboard.viewer_token import ViewerTokens
from noteyard_lab.render_html import TEMPLATES
from noteyard_lab.worker.kernel import kernel_specs

HERE = Path(__file__).parent
RENDERING_STATIC = TEMPLATES / "noteyard" / "static"
APPS = ["voila", "nbconvert"]
BASE_TEMPLATE = "lab"
PAGE_NAME = "dashboard.ipynb"
PING_MILLISECONDS = 15_000
PONG_MILLISECONDS = 40_000
"""A websocket without an answer to a ping for so long is closed; looked at with every ping, so two may be lost."""
LARGEST_MESSAGE = 16 << 20
USELESS_EXTENSIONS = ["jupyterlab_pygments", "@jupyter-notebook/lab-extension"]
"""Extensions of the lab's window: a dashboard's page would load them for nothing."""
KERNEL_ID = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"


class DashboardVoila(Voila):  # type: ignore[misc]
    """Voila with our door, handlers and template; no configuration file and no command line is read.

    Of Voila it uses the renderer, the templates, the page's scripts and the settings jupyter_server's handlers want.
    """

    def __init__(self, base_url: str, folder: Path, runtime: Path, owner_log: LogTail) -> None:
        super().__init__(config=_configuration(), log=logging.getLogger("voila"))
        self.base_url = self.server_url = base_url
        self.root_dir = str(folder)
        self.connection_dir = str(runtime)
        self.identity_provider_class = GuardIdentity
        self.kernel_websocket_connection_class = ViewerChannel
        self.voila_configuration = VoilaConfiguration(parent=self)
        self.setup_template_dirs()
        self._settings: dict[str, Any] = {**self.init_settings(), **_web_settings(), "owner_log": owner_log}
        self.kernel_manager.kernel_spec_manager = kernel_specs()
        self._page_config: dict[str, Any] = get_page_config(
            base_url=base_url, settings=self._settings, log=self.log, voila_configuration=self.voila_configuration
        )
        extensions = self._page_config["federated_extensions"]
        self.assets = PageAssets(base_url, self.static_paths, self.labextensions_path, extensions)
        self._page_config.update(self.assets.page_config())

    def setup_template_dirs(self) -> None:
        """Templates and static files: our own before Voila's, all from this environment and none from a home."""
        roots = [str(Path(sys.prefix) / "share" / "jupyter")]
        templates = collect_template_paths(APPS, BASE_TEMPLATE, prune=True, root_dirs=roots)
        static = collect_static_paths(APPS, BASE_TEMPLATE, prune=True, root_dirs=roots)
        self.template_paths = [str(HERE / "templates"), *templates]
        self.static_paths = [str(HERE / "static"), str(RENDERING_STATIC), *static]

    def renderer(self, execution: Execution, kernel_id: str) -> ExecutionRenderer:
        """A renderer for one execution's page."""
        return ExecutionRenderer(
            execution,
            kernel_id,
            voila_configuration=self.voila_configuration,
            traitlet_config=self.config,
            notebook_path=PAGE_NAME,
            template_paths=self.template_paths,
            contents_manager=self.contents_manager,
            base_url=self.base_url,
            page_config=self._page_config,
        )

    def application(self, tokens: ViewerTokens, sessions: Sessions) -> GuardedApplication:
        """The web application: nothing but these handlers is there, and the guard is before all of them."""
        given = {"sessions": sessions}
        kernel = url_path_join(self.base_url, "api/kernels", KERNEL_ID)
        handlers: list[tuple[Any, ...]] = [
            (self.base_url, LivePageHandler, given),
            (kernel, KernelModelHandler, given),
            (url_path_join(kernel, "channels"), KernelSocketHandler, given),
            (url_path_join(self.base_url, "session", KERNEL_ID), SessionHandler, given),
            (url_path_join(self.base_url, "voila/api/shutdown", KERNEL_ID), EndHandler, given),
        ]
        handlers += [
            (f"{self.assets.static_url}/(.*)", AssetHandler, {"roots": self.assets.static}),
            (f"{self.assets.labextensions_url}/(.*)", AssetHandler, {"roots": self.assets.labextensions}),
            (self.assets.chunks_url, ChunksHandler, {"assets": self.assets}),
        ]
        return GuardedApplication(tokens, self.assets.url, handlers=handlers, **self._settings)

    @property
    def labextensions_path(self) -> list[str]:
        """Folders of widgets' scripts, those of this environment only."""
        shared = Path(sys.prefix) / "share" / "jupyter"
        return [str(shared / "labextensions"), str(shared / "voila" / "labextensions")]


def _configuration() -> Config:
    """Voila's options: sources stripped, no templates or themes chosen by the notebook, kernels not restarted."""
    config = Config()
    config.VoilaConfiguration.strip_sources = True
    config.VoilaConfiguration.show_tracebacks = False
    config.VoilaConfiguration.template = BASE_TEMPLATE
    config.VoilaConfiguration.theme = "light"
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.file_allowlist = []
    config.VoilaConfiguration.extension_allowlist = []
    config.VoilaConfiguration.extension_denylist = USELESS_EXTENSIONS
    config.VoilaConfiguration.resources = {}
    config.VoilaExporter.markdown_renderer_class = TextRenderer
    config.KernelManager.autorestart = False
    config.KernelManager.transport = "ipc"
    return config


def _web_settings() -> dict[str, Any]:
    return {
        "ws_ping_interval": PING_MILLISECONDS,
        "ws_ping_timeout": PONG_MILLISECONDS,
        "websocket_max_message_size": LARGEST_MESSAGE,
        "allow_remote_access": True,
    }
