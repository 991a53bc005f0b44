"""Public addresses: built from the settings alone, never from a request's headers."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from noteyard.names import host_label
from noteyard.settings import Settings

OUTPUTS_LABEL = "outputs"


@dataclass(frozen=True)
class PublicUrls:
    """Base URLs without a trailing slash: `http://localhost:8000`, `http://apps.localhost:8000`, `http://localhost:8001`."""

    hub: str
    apps: str
    s3: str

    @classmethod
    def of(cls, settings: Settings) -> "PublicUrls":
        """The configured URLs; empty ones are derived from `port` on localhost, or from the hub's URL."""
        hub = (settings.urls.hub or f"http://localhost:{settings.port}").rstrip("/")
        parts = urlsplit(hub)
        port = f":{parts.port}" if parts.port else ""
        apps = settings.urls.apps or f"{parts.scheme}://apps.{parts.hostname}{port}"
        s3 = settings.urls.s3 or f"{parts.scheme}://{parts.hostname}:{settings.port + 1}"
        return cls(hub, apps.rstrip("/"), s3.rstrip("/"))

    @property
    def hub_host(self) -> str:
        return urlsplit(self.hub).hostname or ""

    @property
    def apps_host(self) -> str:
        return urlsplit(self.apps).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether cookies can be marked Secure."""
        return self.hub.startswith("https://")

    def app(self, slug: str) -> str:
        """Origin of a dashboard, e.g. `http://sales.apps.localhost:8000`."""
        parts = urlsplit(self.apps)
        return f"{parts.scheme}://{slug}.{parts.netloc}"

    def app_host(self, slug: str) -> str:
        return f"{slug}.{self.apps_host}"

    @property
    def outputs(self) -> str:
        """Origin that serves stored outputs, sandboxed."""
        return self.app(OUTPUTS_LABEL)

    def lab_host(self, person: str) -> str:
        """Host of a person's lab, e.g. `alice.localhost`; never another part's host, nor one that is above it."""
        host = f"{host_label(person)}.{self.hub_host}"
        others = (f".{self.apps_host}", f".{urlsplit(self.s3).hostname}")
        if any(other.endswith(f".{host}") for other in others):
            return f"{host_label(person, digest=True)}.{self.hub_host}"
        return host

    @property
    def labs_pattern(self) -> str:
        """All labs' origins as a source of content security policies, e.g. `http://*.localhost:8000`."""
        parts = urlsplit(self.hub)
        return f"{parts.scheme}://*.{parts.netloc}"

    @property
    def apps_pattern(self) -> str:
        """All dashboards' origins as a source of content security policies, e.g. `http://*.apps.localhost:8000`."""
        return self.app("*")

    def lab(self, person: str) -> str:
        """Address of a person's lab; JupyterHub redirects it to the lab's own host."""
        return f"{self.hub}/hub/user/{person}/"

    def run(self, run: str) -> str:
        return f"{self.hub}/portal/runs/{run}"

    def schedule(self, schedule: str) -> str:
        return f"{self.hub}/portal/schedules/{schedule}"

    def dashboard(self, slug: str) -> str:
        """The stable link."""
        return f"{self.hub}/d/{slug}/"


def is_local(target: str) -> bool:
    """Whether a browser that is sent to `target` stays on this host: `//host` and `/\\host` are others to it."""
    # Browsers leave control characters out of an address: `/<tab>/host` is `//host` to them.
    is_plain = not any(character < " " or character == "\x7f" for character in target)
    return target.startswith("/") and not target.startswith(("//", "/\\")) and is_plain
