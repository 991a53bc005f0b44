"""What the administrator set for the network, as people's code gets it in labs, runs and dashboards alike. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from noteyard.urls import PublicUrls

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
EXCEPTIONS = ("NO_PROXY", "no_proxy")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NEARBY = ("localhost", "127.0.0.1", "::1")


def network_environment(environment: Mapping[str, str], urls: PublicUrls) -> dict[str, str]:
    """The variables for proxies and trusted certificates in `environment`; Noteyard itself is asked without a proxy."""
    kept = {name: environment[name] for name in (*PROXIES, *CERTIFICATES) if name in environment}
    if not any(name in kept for name in PROXIES):
        return kept
    given = next((environment[name] for name in EXCEPTIONS if environment.get(name)), "")
    own = (*NEARBY, urls.hub_host, urls.apps_host, urlsplit(urls.s3).hostname or "")
    hosts = dict.fromkeys([*(host.strip() for host in given.split(",") if host.strip()), *own])
    return kept | dict.fromkeys(EXCEPTIONS, ",".join(hosts))
