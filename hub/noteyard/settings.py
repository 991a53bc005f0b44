"""Every option with its type, default and help; one file format (`noteyard.yaml`) for both shapes.

Environment variables override the file: NOTEYARD_PORT=9000, NOTEYARD_RUNS__CONCURRENT=8 (`__`: one level down).
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from noteyard.kubernetes_settings import Kubernetes, Objects, Toleration
from noteyard.lab_settings import Labs
from noteyard.login_settings import Login
from noteyard.s3_settings import S3, overlap
from noteyard.settings_section import Section
from noteyard.url_settings import Urls, database_url


class Profile(Section):
    """A curated environment that labs, runs and dashboards use."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Short name used in commands and URLs.")
    title: str = Field(default="", description="Name people see; the short name when empty.")
    description: str = Field(default="", description="One sentence that helps to choose.")
    environment: Path | None = Field(
        default=None, description="Path of a Python environment with noteyard-lab installed; empty: the default one."
    )
    image: str | None = Field(default=None, description="Container image (Kubernetes).")
    cpu: float | None = Field(default=None, gt=0, description="CPU cores, where the system can enforce it.")
    memory_mb: int | None = Field(default=None, gt=0, description="Memory in MiB, where the system can enforce it.")
    groups: list[str] = Field(default_factory=list, description="Groups that may use it; empty: everyone.")
    cpu_request: float | None = Field(
        default=None, gt=0, description="CPU cores that a node keeps free for it; empty: a tenth of cpu (Kubernetes)."
    )
    memory_request_mb: int | None = Field(
        default=None, gt=0, description="Memory in MiB that a node keeps free; empty: memory_mb (Kubernetes)."
    )
    gpus: int = Field(default=0, ge=0, description="GPUs (Kubernetes).")
    gpu_resource: str = Field(default="nvidia.com/gpu", description="Name by which nodes offer GPUs (Kubernetes).")
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="Labels of the nodes it needs (Kubernetes)."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, description="Taints of nodes that it puts up with (Kubernetes)."
    )

    @model_validator(mode="after")
    def _requests_within_limits(self) -> "Profile":
        for wanted, limit, name in (
            (self.cpu_request, self.cpu, "cpu"),
            (self.memory_request_mb, self.memory_mb, "memory_mb"),
        ):
            if wanted is not None and limit is not None and wanted > limit:
                raise ValueError(f"the request of {wanted:g} is more than {name}, the limit of {limit:g}")
        return self


class Tls(Section):
    """TLS at the edge: a certificate from files, or from an ACME server. Both empty: plain HTTP."""

    certificate: Path | None = Field(default=None, description="PEM file with the certificate chain.")
    key: Path | None = Field(default=None, description="PEM file with the private key.")
    acme_email: str | None = Field(default=None, description="Contact address for ACME; switches ACME on.")
    acme_server: str | None = Field(default=None, description="ACME directory URL; empty: the edge's default.")
    acme_dns_provider: str | None = Field(
        default=None,
        description="DNS provider for wildcard certificates (a Traefik DNS-01 provider name); its credentials are "
        "environment variables of `noteyard up`.",
    )
    acme_dns_resolvers: list[str] = Field(
        default_factory=list,
        description="DNS servers (host:port) that must see a record before the ACME server is told to look for it; "
        "empty: the zone's own.",
    )

    @model_validator(mode="after")
    def _both_files(self) -> "Tls":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key are needed together: set both paths, or neither")
        return self


class Runs(Section):
    """Executions of notebooks."""

    concurrent: int = Field(default=4, ge=1, description="Runs that execute at the same time, in all.")
    concurrent_per_person: int = Field(default=2, ge=1, description="Runs of one person that execute at the same time.")
    timeout_seconds: int | None = Field(default=24 * 3600, ge=1, description="Longest execution when a run names none.")
    retry_base_seconds: float = Field(default=10, gt=0, description="Delay before the first retry; doubles with each.")
    retry_cap_seconds: float = Field(default=1800, gt=0, description="Longest delay between retries.")
    lost_after_seconds: float = Field(
        default=30, gt=1, description="A worker that is not seen and not heard of for this long is lost."
    )
    log_limit_kb: int = Field(default=2048, ge=16, description="Size of one attempt's log that is kept, in KiB.")
    output_limit_kb: int = Field(default=512, ge=16, description="Printed text of one cell that is kept, in KiB.")
    keep_days: int = Field(default=90, ge=1, description="Outputs and logs of ended runs are deleted after this.")
    keep_count: int = Field(default=1000, ge=1, description="Ended runs of one person whose outputs are kept at most.")


class Releases(Section):
    """Snapshots of notebooks and their files."""

    size_limit_mb: int = Field(default=100, ge=1, description="Largest size of a release's files together, in MiB.")


class Schedules(Section):
    """Rules that make runs."""

    history_days: int = Field(default=365, ge=1, description="Fires older than this are forgotten.")


class Dashboards(Section):
    """Published notebooks."""

    idle_minutes: float = Field(default=15, gt=0, description="A dashboard nobody looks at sleeps after this.")
    sessions_max: int = Field(default=20, ge=1, description="Viewers' live sessions at the same time, per dashboard.")
    session_idle_minutes: float = Field(
        default=30, gt=0, description="A live session without activity ends after this."
    )
    disconnected_seconds: float = Field(
        default=60, gt=0, description="A live session whose viewer is gone ends after this."
    )
    preheat: int = Field(default=1, ge=0, le=10, description="Warm kernels kept ready per dashboard.")
    memory_mb: int | None = Field(
        default=None,
        gt=0,
        description="Memory limit of one live session in MiB: above it its kernel is ended. All sessions of a "
        "dashboard share the memory of its profile (Kubernetes).",
    )
    public_wakes_per_minute: int = Field(
        default=6, ge=1, description="How often the public may wake sleeping dashboards."
    )


class Mail(Section):
    """Where alerts go out by mail. Empty host: no mail."""

    host: str | None = Field(default=None, description="SMTP server.")
    port: int = Field(default=25, ge=1, le=65535, description="SMTP port.")
    tls: Literal["none", "starttls", "tls"] = Field(default="none", description="Encryption of the connection.")
    username: str | None = Field(default=None, description="SMTP user.")
    password_file: Path | None = Field(default=None, description="File that holds the SMTP password.")
    sender: str = Field(default="noteyard@localhost", description="From address.")


class Webhooks(Section):
    """Alerts by HTTP."""

    allow_private: list[str] = Field(
        default_factory=list,
        description="Private networks or hosts that webhooks may reach, e.g. 10.1.0.0/16 or ci.internal.",
    )


class Settings(BaseSettings):
    """Noteyard's settings."""

    model_config = SettingsConfigDict(
        env_prefix="NOTEYARD_", env_nested_delimiter="__", extra="forbid", validate_default=False, env_ignore_empty=True
    )

    shape: Literal["local", "kubernetes"] = Field(default="local", description="One machine, or Kubernetes.")
    state: Path = Field(default=Path("~/.noteyard"), description="Folder that holds everything Noteyard keeps.")
    bind: str = Field(default="127.0.0.1", description="Address the edge listens on; 0.0.0.0 for colleagues.")
    port: int = Field(
        default=8000, ge=1, le=65534, description="Port of hub, labs and dashboards; the next one is S3's."
    )
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL, e.g. postgresql+psycopg://…; empty: SQLite in the state folder."
    )
    hub_database_url: str | None = Field(
        default=None, description="The same for JupyterHub's own database, which must be another one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    admin_access: bool = Field(
        default=False, description="Administrators may read contents of other people's runs and dashboards (audited)."
    )
    session_hours: float = Field(default=12, gt=0, description="A login of the portal or a dashboard lasts this long.")
    environment: Path | None = Field(
        default=None, description="Default lab environment; empty: the one that make up built."
    )
    profiles: list[Profile] = Field(
        default_factory=lambda: [Profile(name="default", title="Data science")],
        min_length=1,
        description="Environments on offer.",
    )
    login: Login = Field(default_factory=Login, description="How people log in.")
    urls: Urls = Field(default_factory=Urls, description="Public addresses.")
    tls: Tls = Field(default_factory=Tls, description="TLS at the edge.")
    labs: Labs = Field(default_factory=Labs, description="Labs.")
    runs: Runs = Field(default_factory=Runs, description="Runs.")
    releases: Releases = Field(default_factory=Releases, description="Releases.")
    schedules: Schedules = Field(default_factory=Schedules, description="Schedules.")
    dashboards: Dashboards = Field(default_factory=Dashboards, description="Dashboards.")
    mail: Mail = Field(default_factory=Mail, description="Mail.")
    webhooks: Webhooks = Field(default_factory=Webhooks, description="Webhooks.")
    objects: Objects = Field(default_factory=Objects, description="Where Noteyard keeps what it stores.")
    s3: S3 = Field(default_factory=S3, description="The data of team and people, on Kubernetes.")
    kubernetes: Kubernetes = Field(default_factory=Kubernetes, description="Kubernetes.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # What init gets is the file's content (see load): the environment wins over it.
        return env_settings, init_settings

    @field_validator("database_url", "hub_database_url")
    @classmethod
    def _known_database(cls, url: str | None) -> str | None:
        return None if url is None else database_url(url)

    @model_validator(mode="after")
    def _databases_apart(self) -> "Settings":
        if self.database_url is not None and self.database_url == self.hub_database_url:
            raise ValueError(
                "database_url and hub_database_url lead to one database, where the tables of both would get mixed up; "
                "make two"
            )
        return self

    @model_validator(mode="after")
    def _profiles_differ(self) -> "Settings":
        names = [profile.name for profile in self.profiles]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"profiles: the name {doubled[0]!r} is used twice; give each profile a name of its own")
        return self

    @model_validator(mode="after")
    def _objects_apart(self) -> "Settings":
        # One server has many names; only AWS is surely another than one's own.
        same = (self.objects.endpoint is None) == (self.s3.endpoint is None)
        own = self.objects.url if same else None
        for option, url in (("team_url", self.s3.team_url), ("personal_url", self.s3.personal_url)):
            if own is not None and url is not None and overlap(own.rstrip("/"), url):
                raise ValueError(
                    f"objects.url and s3.{option}: one lies within the other, so that people's code could read and "
                    "change everybody's releases and outputs; give them prefixes apart"
                )
        return self
