"""What the driver is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The driver's name, the node's, and the folders of the kubelet."""

    driver: str
    node: str
    kubelet: Path
    """The kubelet's root folder as it is on the node; the same path here."""
    health_port: int

    @property
    def pods(self) -> Path:
        return self.kubelet / "pods"

    @property
    def plugin(self) -> Path:
        return self.kubelet / "plugins" / self.driver

    @property
    def state(self) -> Path:
        return self.plugin / "volumes"

    @property
    def socket(self) -> Path:
        return self.plugin / "csi.sock"

    @property
    def registration(self) -> Path:
        return self.kubelet / "plugins_registry" / f"{self.driver}-reg.sock"


def options_from(environment: Mapping[str, str] = os.environ) -> Options:
    """Raises SystemExit that names the variable which is missing."""
    for name in ("NOTEYARD_DRIVER", "NOTEYARD_NODE"):
        if not environment.get(name):
            raise SystemExit(f"{name} is not set: the chart's DaemonSet sets it.")
    return Options(
        driver=environment["NOTEYARD_DRIVER"],
        node=environment["NOTEYARD_NODE"],
        kubelet=Path(environment.get("NOTEYARD_KUBELET", "/var/lib/kubelet")),
        health_port=int(environment.get("NOTEYARD_HEALTH_PORT", "9808")),
    )
