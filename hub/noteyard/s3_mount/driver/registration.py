"""What the kubelet's plugin watcher asks of a driver's socket in its registry folder."""

import logging
from typing import Any

import grpc

from noteyard.s3_mount.driver.messages import registration
from noteyard.s3_mount.driver.node_service import service_handler
from noteyard.s3_mount.driver.options import Options

log = logging.getLogger(__name__)


class Registration:
    """Answers where the driver is; knows whether the kubelet has taken it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.problem: str | None = "the kubelet has not asked yet"

    def handler(self) -> grpc.GenericRpcHandler:
        methods = {
            "GetInfo": (registration["InfoRequest"], self._info),
            "NotifyRegistrationStatus": (registration["RegistrationStatus"], self._notified),
        }
        return service_handler("pluginregistration.Registration", methods)

    def _info(self, request: Any) -> Any:
        return registration["PluginInfo"](
            type="CSIPlugin",
            name=self._options.driver,
            endpoint=str(self._options.socket),
            supported_versions=["1.0.0"],
        )

    def _notified(self, status: Any) -> Any:
        self.problem = None if status.plugin_registered else f"the kubelet refused: {status.error}"
        if self.problem is None:
            log.info("the kubelet has registered %s", self._options.driver)
        else:
            log.error("%s", self.problem)
        return registration["RegistrationStatusResponse"]()
