"""JupyterHub's configuration of a provider's logins."""

from typing import Any

from noteyard.instance import Instance
from noteyard.oauth_classes import check_login, checked_options, class_of, client_secret
from noteyard.oauth_login import NAME, provider_class
from noteyard.settings import Settings
from noteyard.urls import PublicUrls

OPENID = ["openid", "profile", "email"]


def configure_provider(c: Any, settings: Settings, instance: Instance) -> None:
    """Raises NoteyardError for settings that can't be used."""
    check_login(settings)
    login = settings.login
    chosen = class_of(login)
    c.JupyterHub.authenticator_class = provider_class(chosen)
    ours = c[NAME]
    if login.issuer:
        ours.scope = OPENID
        ours.username_claim = "preferred_username"
    for name, value in checked_options(login, chosen).items():
        setattr(ours, name, value)
    if login.username_claim:
        ours.username_claim = login.username_claim
    ours.client_id = login.client_id
    ours.client_secret = client_secret(settings)
    ours.oauth_callback_url = f"{PublicUrls.of(settings).hub}/hub/oauth_callback"
    ours.login_service = login.title
    ours.login = login
    # What the provider gave (tokens included) is kept in the hub's database, encrypted.
    c.CryptKeeper.keys = [bytes.fromhex(instance.secret("hub-crypt"))]
