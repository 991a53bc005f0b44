"""Options of the Kubernetes shape; the chart sets them."""

from typing import Literal

from pydantic import Field

from noteyard.settings_section import Section

SIZE = r"^[0-9]+(Mi|Gi|Ti)$"
Quantities = dict[str, str | int | float]
"""Amounts by resource, as Kubernetes takes them: `500m`, `2Gi`, and plain numbers."""


class Objects(Section):
    """Where releases, outputs and renderings are kept. Empty URL: in the state folder."""

    url: str | None = Field(
        default=None, pattern=r"^s3://[^/]+(/.*)?$", description="Bucket and prefix, e.g. s3://noteyard/objects."
    )
    endpoint: str | None = Field(default=None, description="URL of the S3 server; empty: AWS.")
    region: str = Field(default="us-east-1", description="Region of the bucket.")


class Toleration(Section):
    """A taint of nodes that a profile's pods put up with."""

    key: str = Field(min_length=1, description="The taint's key.")
    operator: Literal["Equal", "Exists"] = Field(default="Exists", description="Exists: whatever its value is.")
    value: str | None = Field(default=None, description="The taint's value, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; empty: all."
    )


class Homes(Section):
    """People's own folders: a volume claim each, which outlives the lab."""

    size: str = Field(default="10Gi", pattern=SIZE, description="Size of a person's home, e.g. 10Gi.")
    storage_class: str | None = Field(default=None, description="Storage class; empty: the cluster's default.")


class Mount(Section):
    """S3 as folders in pods, served by a sidecar in each of them."""

    driver: str | None = Field(default=None, description="Name of the node driver; empty: pods have no such folders.")
    image: str | None = Field(default=None, description="Image of the sidecar.")
    cache_size: str = Field(
        default="2Gi", pattern=SIZE, description="What a pod keeps on its node's disk of what it reads and writes."
    )
    resources: dict[Literal["requests", "limits"], Quantities] = Field(
        default_factory=dict, description="CPU and memory of the sidecar, as Kubernetes writes them."
    )
    upload_seconds: int = Field(
        default=120, ge=10, description="How long a pod that ends may take to upload what was written."
    )
    streams: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="By how many connections a file is read: an object store that is far away gives one of them a "
        "part of what it can. Empty: 4, or 1 where `s3.endpoint` is a Service of the cluster.",
    )

    @property
    def ending_seconds(self) -> int:
        """What uploads add to a pod's end: nothing where pods have no folders."""
        return self.upload_seconds if self.driver else 0


class Kubernetes(Section):
    """Where the chart has put what, and how pods of people are made."""

    release: str = Field(default="noteyard", description="Name of the chart's release; objects are labelled with it.")
    namespace: str = Field(default="noteyard-users", description="Namespace of labs, runs and dashboards.")
    addresses: dict[Literal["api", "hub", "edge", "controller"], str] = Field(
        default_factory=dict, description="Internal URLs of the parts, e.g. {api: http://noteyard-api.noteyard:8000}."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When nodes pull the profiles' images."
    )
    image_pull_secrets: list[str] = Field(
        default_factory=list, description="Names of pull secrets in the users' namespace."
    )
    unschedulable_seconds: int = Field(
        default=60,
        ge=1,
        description="A lab that no node takes fails after this, unless a node is being added; an autoscaler may take a "
        "minute to say so.",
    )
    new_node_seconds: int = Field(
        default=600, ge=1, description="How long a lab waits for a node that the cluster's autoscaler adds."
    )
    pull_seconds: int = Field(
        default=900,
        ge=1,
        description="How long a lab, run or dashboard waits for its node to attach its volumes, fetch the image and "
        "start its helpers.",
    )
    sidecar_image: str | None = Field(
        default=None, description="Image of the sidecar by which pods reach the data; the chart sets it."
    )
    start_seconds: int = Field(
        default=600, ge=1, description="A run or dashboard that no node takes fails after this; nodes may be added."
    )
    scratch: str = Field(
        default="20Gi", pattern=SIZE, description="What a run or dashboard may write into each of its own two folders."
    )
    homes: Homes = Field(default_factory=Homes, description="People's own folders.")
    mount: Mount = Field(default_factory=Mount, description="S3 as folders.")
