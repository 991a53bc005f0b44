"""CSI's Identity and Node services, as far as volumes that pods declare themselves need them."""

import logging
from collections.abc import Callable
from typing import Any

import grpc

from noteyard.s3_mount.driver.messages import csi
from noteyard.s3_mount.driver.options import Options
from noteyard.s3_mount.driver.publishing import Publishing
from noteyard.s3_mount.driver.volumes import Refused

log = logging.getLogger(__name__)
VERSION = "0.1.0"


class NodeService:
    """Answers the kubelet."""

    def __init__(self, options: Options, publishing: Publishing) -> None:
        self._options = options
        self._publishing = publishing

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        identity = {
            "GetPluginInfo": self._plugin_info,
            "GetPluginCapabilities": lambda request: csi["GetPluginCapabilitiesResponse"](),
            "Probe": lambda request: csi["ProbeResponse"](ready=csi["Truth"](value=True)),
        }
        node = {
            "NodeGetInfo": lambda request: csi["NodeGetInfoResponse"](node_id=self._options.node),
            "NodeGetCapabilities": lambda request: csi["NodeGetCapabilitiesResponse"](),
            "NodePublishVolume": self._publish,
            "NodeUnpublishVolume": self._unpublish,
        }
        return [
            service_handler("csi.v1.Identity", {name: (csi[f"{name}Request"], do) for name, do in identity.items()}),
            service_handler("csi.v1.Node", {name: (csi[f"{name}Request"], do) for name, do in node.items()}),
        ]

    def _plugin_info(self, request: Any) -> Any:
        return csi["GetPluginInfoResponse"](name=self._options.driver, vendor_version=VERSION)

    def _publish(self, request: Any) -> Any:
        if request.volume_capability.HasField("block"):
            raise Refused("The data is files: a block device can't be had.")
        self._publishing.publish(request.volume_id, request.target_path, dict(request.volume_context))
        return csi["NodePublishVolumeResponse"]()

    def _unpublish(self, request: Any) -> Any:
        self._publishing.unpublish(request.volume_id, request.target_path)
        return csi["NodeUnpublishVolumeResponse"]()


Method = Callable[[Any], Any]


def service_handler(service: str, methods: dict[str, tuple[Any, Method]]) -> grpc.GenericRpcHandler:
    """A service of unary methods, each with its request's class; what they raise is answered as gRPC's status."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(
            _told(f"{service}/{name}", do),
            request_deserializer=request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        for name, (request, do) in methods.items()
    }
    return grpc.method_handlers_generic_handler(service, handlers)


def _told(name: str, do: Method) -> Callable[[Any, grpc.ServicerContext], Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return do(request)
        except Refused as error:
            log.warning("%s is refused: %s", name, error)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except OSError as error:
            log.error("%s failed: %s", name, error)
            context.abort(grpc.StatusCode.INTERNAL, str(error))

    return call
