"""JupyterHub's configuration that both shapes share: login, roles, hosts of labs, our services, the pages' look."""

import sys
from pathlib import Path
from typing import Any

from noteyard.auth import NoteyardAuthenticator
from noteyard.hub_proxy import NoteyardProxy
from noteyard.instance import Instance
from noteyard.logs import logging_config
from noteyard.roles import CLIENT_ID, CULLER, CUSTOM_SCOPES, SERVICE, roles
from noteyard.settings import Settings
from noteyard.store.database import connect_args
from noteyard.urls import PublicUrls

LAB_REMEMBERS_SECONDS = 60
TEMPLATES = Path(__file__).parent / "hub_templates"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {hosts}"
)


def configure_hub(c: Any, settings: Settings) -> None:
    """Set everything but the spawner and where the parts are, which is the platform's."""
    urls = PublicUrls.of(settings)
    instance = Instance.of(settings)
    c.JupyterHub.public_url = f"{urls.hub}/"
    if settings.urls.lab_hosts:
        c.JupyterHub.subdomain_host = urls.hub
        c.JupyterHub.subdomain_hook = lambda name, domain, kind: urls.lab_host(name)
        # Labs are on hosts below the hub's: they could set cookies for it, but not ones with this prefix.
        c.JupyterHub.cookie_host_prefix_enabled = urls.secure
    c.JupyterHub.default_url = "/"
    c.JupyterHub.cookie_secret_file = str(instance.secret_file("hub-cookie"))
    _database(c, settings.hub_database_url or instance.hub_database_url)
    # Labs go on while the hub restarts.
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    # A lab that is on its way up waits for the hub to listen: looking for it goes on beside that.
    c.JupyterHub.init_spawners_timeout = 2
    c.JupyterHub.authenticate_prometheus = False  # the edge does not lead there
    c.JupyterHub.logging_config = logging_config(settings.log_level)
    c.JupyterHub.log_level = settings.log_level.upper()
    _pages(c, urls)
    _people(c, settings, instance)
    c.JupyterHub.proxy_class = NoteyardProxy
    c.NoteyardProxy.secret = instance.secret("internal")
    c.JupyterHub.load_roles = roles()
    c.JupyterHub.custom_scopes = CUSTOM_SCOPES
    c.JupyterHub.services = _services(settings, urls, instance)
    c.Spawner.default_url = "/lab"
    # How long a lab remembers who may use it: so much later a logout elsewhere closes it.
    c.Spawner.args = [f"--HubOAuth.cache_max_age={LAB_REMEMBERS_SECONDS}"]
    c.Spawner.start_timeout = settings.labs.start_timeout_seconds + 15
    c.Spawner.http_timeout = 15  # spawners of ours wait themselves until the lab answers
    c.Spawner.consecutive_failure_limit = 0  # a profile that is broken is no reason to end the hub


def _database(c: Any, url: str) -> None:
    c.JupyterHub.db_url = url
    c.JupyterHub.upgrade_db = True
    limits = connect_args(url)
    # JupyterHub gives SQLite arguments of its own where there are none. And it keeps transactions open while it waits:
    # a limit for those, as Noteyard's own database has one, is not for it.
    if limits:
        c.JupyterHub.db_kwargs = {"connect_args": limits}


def _pages(c: Any, urls: PublicUrls) -> None:
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {"portal": f"{urls.hub}/"}
    # Browsers hold a form to it through all redirects, and a login ends where the person was going.
    hosts = f"{urls.labs_pattern} {urls.apps_pattern}"
    c.JupyterHub.tornado_settings = {
        "headers": {"Content-Security-Policy": POLICY.format(hosts=hosts), "X-Content-Type-Options": "nosniff"},
        "slow_spawn_timeout": 0,  # the waiting page at once
        "cookie_options": {"samesite": "Lax"},
        "xsrf_cookie_kwargs": {"secure": urls.secure, "samesite": "Lax"},
    }


def _people(c: Any, settings: Settings, instance: Instance) -> None:
    if settings.login.local:
        c.JupyterHub.authenticator_class = NoteyardAuthenticator
    else:
        # Only where it is used: it takes a moment to import.
        from noteyard.oauth_config import configure_provider

        configure_provider(c, settings, instance)
    c.PeopleOfOurs.database_url = settings.database_url or instance.database_url
    c.JupyterHub.cookie_max_age_days = max(settings.session_hours / 24, 1 / 24)
    c.JupyterHub.admin_access = False


def _services(settings: Settings, urls: PublicUrls, instance: Instance) -> list[dict[str, Any]]:
    idle = settings.labs.idle_minutes * 60
    return [
        {
            "name": SERVICE,
            "api_token": instance.secret("hub-api"),
            "oauth_client_id": CLIENT_ID,
            "oauth_redirect_uri": f"{urls.hub}/portal/oauth_callback",
            "oauth_no_confirm": True,
            "display": False,
        },
        {
            "name": CULLER,
            "command": [
                sys.executable,
                "-P",
                "-m",
                "noteyard.idle_culler",
                f"--timeout={idle}",
                f"--cull-every={max(10, min(idle // 4, 300))}",
            ],
            # Found by it when the installation is stopped.
            "environment": {"NOTEYARD_INSTANCE": str(instance.state)},
            "display": False,
        },
    ]
