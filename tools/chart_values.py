"""The chart's values: what each is, and its default. Makes docs/chart.md and, by chart_schema.py,
helm/noteyard/values.schema.json (`make docs`); helm/noteyard/values.yaml must say the same defaults.
"""

from typing import Annotated, Any, Literal

from noteyard.kubernetes_settings import Quantities
from noteyard.settings_section import Section
from pydantic import Field

BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4, IPV6 = rf"({BYTE}\.){{3}}{BYTE}", "[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*"
BITS_OF_4, BITS_OF_6 = "/(3[0-2]|[12]?[0-9])", "/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
NETWORK = f"^({IPV4}{BITS_OF_4}|{IPV6}{BITS_OF_6})$"
NETWORK_OR_ADDRESS = f"^({IPV4}({BITS_OF_4})?|{IPV6}({BITS_OF_6})?)$"
Network = Annotated[str, Field(pattern=NETWORK)]
NetworkOrAddress = Annotated[str, Field(pattern=NETWORK_OR_ADDRESS)]


class ImageValues(Section):
    """Container images; those of labs, runs and dashboards are `settings.profiles[].image`."""

    hub: str = Field(default="noteyard/hub:0.1.0", min_length=1, description="Image of hub, API and controller.")
    edge: str = Field(
        default="docker.io/library/traefik:v3.7", min_length=1, description="Image of the edge: Traefik 3.7 or newer."
    )
    mount: str = Field(
        default="noteyard/mount:0.1.0", min_length=1, description="Image of the S3 mount: node driver and sidecar."
    )
    pullPolicy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When nodes pull images, people's too."
    )
    pullSecrets: list[str] = Field(
        default_factory=list,
        description="Names of pull secrets, which each of three namespaces needs: the release's, the users' and the S3 "
        "mount's ([how](kubernetes.md#a-registry-that-asks-for-a-password)).",
    )


class DatabaseValues(Section):
    """Two databases of one or two PostgreSQL servers."""

    url: str = Field(
        default="",
        pattern=r"^(postgresql\+psycopg://.+)?$",
        description="Noteyard's own, e.g. postgresql+psycopg://user:password@host:5432/noteyard.",
    )
    hubUrl: str = Field(
        default="", pattern=r"^(postgresql\+psycopg://.+)?$", description="JupyterHub's: another database than `url`."
    )
    existingSecret: str = Field(
        default="", description="A Secret with the keys database-url and hub-database-url, in place of both."
    )


class ObjectValues(Section):
    """Keys for `settings.objects.url`; without any, what the pods' service account may do (a role of the cloud)."""

    accessKey: str = Field(default="", description="Access key.")
    secretKey: str = Field(default="", description="Secret key.")
    existingSecret: str = Field(
        default="", description="A Secret with the keys objects-access-key and objects-secret-key, in place of both."
    )


class LoginValues(Section):
    """The client secret of `settings.login`, which the login's provider gave; only the hub gets it."""

    clientSecret: str = Field(default="", description="The secret itself; kept in a Secret.")
    existingSecret: str = Field(default="", description="A Secret with the key login-client-secret, in its place.")


class S3Values(Section):
    """Keys by which the API gets temporary ones for people's pods ([s3.md](s3.md)); without any, what its service
    account may do (a role of the cloud).
    """

    accessKey: str = Field(default="", description="Access key.")
    secretKey: str = Field(default="", description="Secret key.")
    existingSecret: str = Field(
        default="", description="A Secret with the keys s3-access-key and s3-secret-key, in place of both."
    )
    keysSecret: str = Field(
        default="",
        description="For `settings.s3.credentials: static`: a Secret with a lasting key under each person's name, and "
        "under _dashboards one for dashboards.",
    )


class Peer(Section):
    """A network by `cidr`, or pods of this cluster by `namespace` and `labels`."""

    cidr: str | None = Field(default=None, pattern=NETWORK, description="The network, e.g. 10.1.2.0/24.")
    namespace: str | None = Field(default=None, max_length=63, description="The pods' namespace.")
    labels: dict[str, str] = Field(default_factory=dict, description="The pods' labels; empty: all of the namespace.")


class Reach(Peer):
    """What people's code may reach: a network by `cidr`, or pods of this cluster by `namespace` and `labels`."""

    ports: list[int] = Field(default_factory=list, description="Ports; empty: all.")
    protocols: list[Literal["TCP", "UDP"]] = Field(
        default_factory=list,
        description="By which protocols; empty: TCP, at port 53 also UDP, and any where `ports` is empty.",
    )


class UserValues(Section):
    """Where labs, runs and dashboards are, and what they reach."""

    namespace: str = Field(
        default="", max_length=63, description="Their namespace, never the release's own; empty: <release>-users."
    )
    createNamespace: bool = Field(
        default=True, description="Make the namespace, and keep it when the release is uninstalled: homes are in it."
    )
    internet: bool = Field(
        default=True,
        description="Whether people's code reaches the internet; the cloud's metadata and private networks it never "
        "does.",
    )
    forbid: list[Network] = Field(
        default_factory=list,
        description="Networks on the internet that it may not reach, e.g. the public address of the Kubernetes API, "
        "and the cluster's pods, services and nodes where they have public addresses.",
    )
    reach: list[Reach] = Field(default_factory=list, description="Further networks and pods that it may reach.")


class Resources(Section):
    """Of one container."""

    requests: Quantities = Field(default_factory=dict, description="What a node must have free.")
    limits: Quantities = Field(default_factory=dict, description="What it may use at most.")


class PodToleration(Section):
    """A taint of nodes, as Kubernetes writes it."""

    key: str | None = Field(default=None, description="The taint's key; empty, with Exists: all taints.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="Exists: whatever its value is.")
    value: str | None = Field(default=None, description="The taint's value, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; empty: all."
    )
    tolerationSeconds: int | None = Field(default=None, description="For how long, with NoExecute; empty: for ever.")


class PlacementValues(Section):
    """On which nodes hub, API, controller and edge run. The S3 mount's driver is on all; people's pods go where their
    profile says.
    """

    nodeSelector: dict[str, str] = Field(default_factory=dict, description="Labels of the nodes.")
    tolerations: list[PodToleration] = Field(default_factory=list, description="Taints of nodes that they put up with.")


class EdgeService(Section):
    """The Service that browsers come in by."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(default="ClusterIP", description="Its type.")
    port: int = Field(default=80, ge=1, le=65535, description="Its port; 443 with `edge.tlsSecret`.")
    nodePort: int | None = Field(default=None, ge=1, le=65535, description="A NodePort of one's choice.")
    annotations: dict[str, str] = Field(default_factory=dict, description="For a cloud's load balancer.")


def _resources(cpu: str, memory: str, limit: str) -> Any:
    return Field(
        default_factory=lambda: Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit}),
        description="CPU and memory.",
    )


class EdgeValues(Section):
    """Traefik, the one door."""

    replicas: int = Field(default=2, ge=1, description="How many.")
    service: EdgeService = Field(default_factory=EdgeService, description="The Service.")
    tlsSecret: str = Field(
        default="",
        description="A Secret of type kubernetes.io/tls for the hosts of hub, labs and apps; empty: TLS ends before "
        "the edge, or nowhere.",
    )
    trustedProxies: list[NetworkOrAddress] = Field(
        default_factory=list,
        description="Networks or addresses of load balancers whose X-Forwarded headers are believed.",
    )
    resources: Resources = _resources("100m", "64Mi", "512Mi")


def _annotations() -> Any:
    return Field(
        default_factory=dict,
        description="Annotations of its service account; clouds give it a role by e.g. eks.amazonaws.com/role-arn.",
    )


class HubValues(Section):
    """JupyterHub; always one."""

    serviceAccountAnnotations: dict[str, str] = _annotations()
    resources: Resources = _resources("100m", "256Mi", "1Gi")


class ApiValues(Section):
    """The API and the portal."""

    replicas: int = Field(default=2, ge=1, description="How many.")
    serviceAccountAnnotations: dict[str, str] = _annotations()
    resources: Resources = _resources("100m", "256Mi", "1Gi")


class ControllerValues(Section):
    """Schedules, runs and dashboards are kept going by it."""

    replicas: int = Field(default=2, ge=1, description="How many; one leads, the others wait.")
    serviceAccountAnnotations: dict[str, str] = _annotations()
    resources: Resources = _resources("50m", "192Mi", "512Mi")


class MetricsValues(Section):
    """Who reads the parts' metrics ([where they are](kubernetes.md#metrics))."""

    scrapers: list[Peer] = Field(
        default_factory=list,
        description="Who reaches the ports that metrics are on, besides the parts that need them: e.g. Prometheus.",
    )


class IngressValues(Section):
    """An Ingress to the edge, where browsers don't come in by the edge's own Service."""

    enabled: bool = Field(default=False, description="Make one.")
    className: str = Field(default="", description="Its class; empty: the cluster's default.")
    annotations: dict[str, str] = Field(default_factory=dict, description="For the ingress controller.")
    tlsSecret: str = Field(
        default="", description="A Secret with a certificate for the hosts of hub and apps and both wildcards."
    )


class MountValues(Section):
    """S3 as the folders `s3/team` and `s3/me` of pods ([how it works](s3-mount.md))."""

    enabled: bool = Field(
        default=True,
        description="Bring the node driver, where `settings.s3` says where the data is; without it, pods of people "
        "reach the data by its URLs only.",
    )
    cacheSize: str = Field(
        default="2Gi",
        pattern=r"^[0-9]+(Mi|Gi|Ti)$",
        description="What a pod keeps on its node's disk of what it reads and writes; a pod that takes four times as "
        "much is evicted.",
    )
    resources: Resources = _resources("20m", "128Mi", "768Mi")
    driverResources: Resources = Field(
        default_factory=lambda: Resources(requests={"cpu": "50m", "memory": "48Mi"}, limits={"memory": "128Mi"}),
        description="CPU and memory of the driver on each node.",
    )
    namespace: str = Field(
        default="",
        max_length=63,
        description="Where the driver is: a namespace that allows privileged pods; empty: <release>-s3-mount.",
    )
    createNamespace: bool = Field(default=True, description="Make the namespace.")
    priorityClassName: str = Field(
        default="system-node-critical", description="Priority of the driver's pods; empty: the cluster's default."
    )
    kubeletFolder: str = Field(
        default="/var/lib/kubelet", pattern=r"^/.*[^/]$", description="The kubelet's root folder on the nodes."
    )


class ChartValues(Section):
    """All values but `settings`."""

    images: ImageValues = Field(default_factory=ImageValues)
    database: DatabaseValues = Field(default_factory=DatabaseValues)
    objects: ObjectValues = Field(default_factory=ObjectValues)
    s3: S3Values = Field(default_factory=S3Values)
    login: LoginValues = Field(default_factory=LoginValues)
    existingSecret: str = Field(
        default="",
        description="A Secret in place of Noteyard's own, which are generated at the first installation and kept: "
        "internal, hub-api, hub-cookie, hub-crypt, signing (64 hexadecimal digits each) and viewer-key.pem (Ed25519, "
        "PKCS #8). Needed where the chart is rendered without the cluster, as Argo CD does "
        "([how](kubernetes.md#upgrades)).",
    )
    users: UserValues = Field(default_factory=UserValues)
    placement: PlacementValues = Field(default_factory=PlacementValues)
    edge: EdgeValues = Field(default_factory=EdgeValues)
    hub: HubValues = Field(default_factory=HubValues)
    api: ApiValues = Field(default_factory=ApiValues)
    controller: ControllerValues = Field(default_factory=ControllerValues)
    metrics: MetricsValues = Field(default_factory=MetricsValues)
    ingress: IngressValues = Field(default_factory=IngressValues)
    mount: MountValues = Field(default_factory=MountValues)
