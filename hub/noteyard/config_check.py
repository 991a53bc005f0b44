"""What an installation's addresses, names and certificates are missing, and what that costs; for `config check`.

Looks at settings, files and DNS; changes nothing and connects to nothing else.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from noteyard.certificate_check import certificate_elsewhere, check_certificate
from noteyard.errors import NoteyardError
from noteyard.findings import Finding, Weight
from noteyard.names import new_id
from noteyard.settings import Settings
from noteyard.urls import PublicUrls

EDGE = {"local": "this machine", "kubernetes": "the edge's Service or Ingress"}
SPEAK_TLS = {
    "local": "set tls.certificate and tls.key, or tls.acme_email",
    "kubernetes": "set the value edge.tlsSecret",
}


Resolve = Callable[[str], list[str]]
"""From a host name to its addresses; empty when there are none."""


def resolve(host: str) -> list[str]:
    """The system's answer. Browsers resolve `localhost` and all names below it by themselves."""
    if _is_localhost(host):
        return ["127.0.0.1"]
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})
    except OSError:
        return []


def check(settings: Settings, resolving: Resolve = resolve) -> list[Finding]:
    """All findings, problems first."""
    urls = PublicUrls.of(settings)
    findings = [
        *(_bind(settings, urls) if settings.shape == "local" else ()),
        *_names(settings, urls, resolving),
        *_isolation(settings, urls),
        *_tls(settings, urls),
        *_environments(settings),
        *_login(settings),
    ]
    return sorted(findings, key=lambda finding: list(Weight).index(finding.weight))


def _bind(settings: Settings, urls: PublicUrls) -> Iterator[Finding]:
    reachable = not _is_loopback(settings.bind)
    if reachable and settings.urls.hub is None:
        yield Finding(
            Weight.PROBLEM,
            f"bind is {settings.bind}, but links lead to {urls.hub}, which is each reader's own machine.",
            "Set urls.hub to the address that colleagues type, for instance https://noteyard.example.org.",
        )
    if not reachable and settings.urls.hub is not None and not _is_localhost(urls.hub_host):
        yield Finding(
            Weight.WARNING,
            f"bind is {settings.bind}: only programs on this machine reach the edge.",
            "Right when a reverse proxy on this machine forwards to it; otherwise set bind: 0.0.0.0.",
        )


def _embedded_s3(settings: Settings, urls: PublicUrls) -> list[tuple[str, str]]:
    """Its option and URL; on Kubernetes S3 is a service of its own."""
    return [("urls.s3", urls.s3)] if settings.shape == "local" else []


def _names(settings: Settings, urls: PublicUrls, resolving: Resolve) -> Iterator[Finding]:
    for option, url in (("urls.hub", urls.hub), *_embedded_s3(settings, urls)):
        host = urlsplit(url).hostname or ""
        if host and not _is_address(host) and not resolving(host):
            yield Finding(
                Weight.PROBLEM,
                f"{host} ({option}) is not known to DNS.",
                f"Add a record for {host} that leads to {EDGE[settings.shape]}.",
            )
    wildcards = [("dashboards", urls.apps_host)]
    if settings.urls.lab_hosts:
        wildcards.insert(0, ("labs", urls.hub_host))
    for what, host in wildcards:
        if _is_address(host):
            yield Finding(
                Weight.PROBLEM,
                f"{what} need hosts of their own below {host}, and an IP address has none.",
                "Use a host name, with a wildcard record in DNS.",
            )
        elif not resolving(f"{new_id('check')[:20]}.{host}"):
            yield Finding(
                Weight.PROBLEM,
                f"Names below {host} are not known to DNS, so {what} can't be opened.",
                f"Add the wildcard record *.{host} that leads to {EDGE[settings.shape]}."
                + (" Or set urls.lab_hosts: false, at the cost that it names then." if what == "labs" else ""),
            )


def _isolation(settings: Settings, urls: PublicUrls) -> Iterator[Finding]:
    if not settings.urls.lab_hosts:
        yield Finding(
            Weight.WARNING,
            "urls.lab_hosts is off: all labs share one origin with the hub, so script in anybody's notebook that one "
            "opens can act as oneself, in one's lab and at the hub.",
            f"Add the wildcard record *.{urls.hub_host} to DNS and set urls.lab_hosts: true.",
        )
    if _is_localhost(urls.hub_host) and _is_localhost(urls.apps_host):
        return
    hub, apps = urls.hub_host.split("."), urls.apps_host.split(".")
    if hub[-2:] == apps[-2:]:
        shared = ".".join(hub[-2:])
        yield Finding(
            Weight.WARNING,
            f"{urls.apps_host} and {urls.hub_host} are siblings below {shared}: script in a published dashboard can "
            "set cookies that browsers send to the hub as well, though it can't read the hub's.",
            "Put urls.apps on a domain of its own, for instance https://apps.example.net beside example.org.",
        )


def _tls(settings: Settings, urls: PublicUrls) -> Iterator[Finding]:
    tls = settings.tls
    here = tls.certificate is not None or tls.acme_email is not None
    if here and not urls.secure:
        yield Finding(
            Weight.PROBLEM,
            f"The edge speaks TLS, but urls.hub is {urls.hub}.",
            "Set urls.hub (and urls.apps, urls.s3) to https:// addresses.",
        )
    if urls.secure and not here:
        yield Finding(
            Weight.WARNING,
            f"urls.hub is {urls.hub}, but the edge has no certificate.",
            f"Right when a reverse proxy in front speaks TLS; else {SPEAK_TLS[settings.shape]}.",
        )
    if not urls.secure and not _is_localhost(urls.hub_host):
        yield Finding(
            Weight.WARNING,
            f"{urls.hub} is without TLS: passwords and data can be read on the network.",
            f"Put https:// in urls, and where no proxy in front speaks TLS, {SPEAK_TLS[settings.shape]}.",
        )
    if tls.acme_email and not tls.acme_dns_provider:
        yield Finding(
            Weight.PROBLEM,
            "ACME gives wildcard certificates, which labs and dashboards need, by DNS alone.",
            "Set tls.acme_dns_provider to the name of your DNS provider as Traefik knows it.",
        )
    if tls.certificate and tls.key:
        names = _needed_names(settings, urls)
        if settings.shape == "local":
            yield from check_certificate(tls.certificate, tls.key, names)
        else:
            yield certificate_elsewhere(names)


def _needed_names(settings: Settings, urls: PublicUrls) -> list[str]:
    labs = [f"*.{urls.hub_host}"] if settings.urls.lab_hosts else []
    s3 = [urlsplit(url).hostname or "" for _, url in _embedded_s3(settings, urls)]
    return [urls.hub_host, *labs, f"*.{urls.apps_host}", *s3]


def _environments(settings: Settings) -> Iterator[Finding]:
    for profile in settings.profiles:
        folder = profile.environment or settings.environment
        if folder is not None and not (folder.expanduser() / "bin" / "python").exists():
            yield Finding(
                Weight.PROBLEM,
                f"Profile {profile.name}: {folder} is not a Python environment (it has no bin/python).",
                "Correct its environment, or make it, and install noteyard-lab into it.",
            )


def _login(settings: Settings) -> Iterator[Finding]:
    login = settings.login
    if login.local:
        return
    from noteyard.oauth_classes import check_login, has_allow_rule

    try:
        check_login(settings)
    except NoteyardError as error:
        yield Finding(Weight.PROBLEM, error.message, error.hint or "")
    if not has_allow_rule(login):
        yield Finding(
            Weight.PROBLEM,
            "Nobody can log in: no rule of login allows anybody.",
            "Set login.allowed_groups or login.admin_groups, or login.allow_all: true for everybody whom "
            f"{login.title} lets in.",
        )
    if login.issuer and login.issuer.startswith("http:") and not _is_loopback(urlsplit(login.issuer).hostname or ""):
        yield Finding(
            Weight.WARNING,
            f"login.issuer is {login.issuer}, without TLS: logins can be read and forged on the network.",
            "Use the provider's https:// address.",
        )


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_localhost(host) or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
