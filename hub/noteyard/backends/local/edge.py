"""Traefik's static configuration on one machine, and the command that runs it."""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from noteyard.backends.local.s3_edge import S3, s3_entrypoint
from noteyard.edge import INTERNAL, MAIN, merged
from noteyard.errors import NoteyardError
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.urls import PublicUrls

ACME = "acme"
CONFIG = "edge.yaml"


def edge_command(settings: Settings, instance: Instance) -> tuple[str, ...]:
    """Write the edge's configuration into the instance's `run` folder and return the command that runs it.

    The file is 0600: it holds the secret that the API asks for. Raises NoteyardError when Traefik is not installed.
    """
    program = Path(sys.prefix) / "bin" / "traefik"
    if not program.exists():
        raise NoteyardError(
            f"The edge is not installed: {program} is missing.",
            "Run `make up`, or install noteyard again with all it depends on.",
        )
    path = instance.run / CONFIG
    config = static_config(settings, PublicUrls.of(settings), instance)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(config, file, indent=1)  # JSON is YAML
    return str(program), f"--configFile={path}"


def static_config(settings: Settings, urls: PublicUrls, instance: Instance) -> dict[str, Any]:
    """Entry points, the provider that asks the API for routes, logs and metrics."""
    config: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {
            MAIN: merged(main_entrypoint(_address(settings, settings.port)), _tls(settings, _names(settings, urls))),
            S3: merged(
                s3_entrypoint(_address(settings, settings.port + 1)),
                _tls(settings, [{"main": urlsplit(urls.s3).hostname}]),
            ),
            INTERNAL: {
                "address": f"127.0.0.1:{instance.ports()['edge']}",
                "observability": {"accessLogs": False},
            },
        },
        "providers": {
            # The last configuration stays in force while the API is away.
            "providersThrottleDuration": "100ms",
            "http": {
                "endpoint": f"{instance.internal_url('api')}/internal/v1/edge",
                "pollInterval": "250ms",
                "pollTimeout": "5s",
                "headers": {"Authorization": f"Bearer {instance.secret('internal')}"},
            },
        },
        "ping": {"entryPoint": INTERNAL},
        # Of entry points alone: by service they were as many as there are labs, and a tenth of what a request costs.
        "metrics": {"prometheus": {"entryPoint": INTERNAL, "addServicesLabels": False}},
        "log": {"format": "json", "level": _log_level(settings)},
        "accessLog": {
            "format": "json",
            "fields": {
                # Queries carry tickets and people's values.
                "queryParameters": {"defaultMode": "drop"},
                "headers": {"defaultMode": "drop", "names": {"X-Request-Id": "keep"}},
            },
        },
    }
    if settings.tls.acme_email:
        config["certificatesResolvers"] = {ACME: {"acme": _acme(settings, instance)}}
    return config


def main_entrypoint(address: str) -> dict[str, Any]:
    """Traefik's entry point for browsers."""
    return {
        "address": address,
        # Without it, a request (an upload, a long answer) is cut after a minute.
        "transport": {"respondingTimeouts": {"readTimeout": 0}, "lifeCycle": {"graceTimeOut": "2s"}},
        # Some servers read `X_Viewer` as `X-Viewer`: what the edge says of a viewer must be the only one to say it.
        "http": {"aliasHeadersStrategy": "delete"},
    }


def awaits_certificates(settings: Settings, instance: Instance) -> bool:
    """Whether the ACME server has not given any certificate yet, so that browsers warn of the edge's own."""
    if not settings.tls.acme_email:
        return False
    try:
        kept = json.loads(_acme_storage(instance).read_text())
    except (OSError, ValueError):
        return True
    return not (kept.get(ACME) or {}).get("Certificates")


def _address(settings: Settings, port: int) -> str:
    return f"[{settings.bind}]:{port}" if ":" in settings.bind else f"{settings.bind}:{port}"


def _tls(settings: Settings, names: list[dict[str, Any]]) -> dict[str, Any]:
    # `names` are the certificates that ACME gets for the entry point.
    if settings.tls.acme_email:
        return {"http": {"tls": {"certResolver": ACME, "domains": names}}}
    return {"http": {"tls": {}}} if settings.tls.certificate else {}


def _names(settings: Settings, urls: PublicUrls) -> list[dict[str, Any]]:
    if not settings.tls.acme_dns_provider:  # wildcards need DNS-01
        return [{"main": urls.hub_host}]
    return [{"main": urls.hub_host, "sans": [f"*.{urls.hub_host}"]}, {"main": f"*.{urls.apps_host}"}]


def _acme(settings: Settings, instance: Instance) -> dict[str, Any]:
    resolver: dict[str, Any] = {
        "email": settings.tls.acme_email,
        "storage": str(_acme_storage(instance)),
    }
    if settings.tls.acme_server:
        resolver["caServer"] = settings.tls.acme_server
    if not settings.tls.acme_dns_provider:
        return {**resolver, "tlsChallenge": {}}
    challenge: dict[str, Any] = {"provider": settings.tls.acme_dns_provider}
    if settings.tls.acme_dns_resolvers:
        challenge["resolvers"] = settings.tls.acme_dns_resolvers
        # The zone's own servers, as the world knows them, may not be those of a company's inner network.
        challenge["propagation"] = {"disableANSChecks": True, "requireAllRNS": True}
    return {**resolver, "dnsChallenge": challenge}


def _acme_storage(instance: Instance) -> Path:
    return instance.folder("secrets") / "acme.json"


def _log_level(settings: Settings) -> str:
    # Traefik's own info lines tell of every changed route.
    return {"debug": "DEBUG", "info": "WARN", "warning": "WARN", "error": "ERROR"}[settings.log_level]
