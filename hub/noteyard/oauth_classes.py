"""Which of oauthenticator's classes the settings name, and whether it has the options they give it."""

import os
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from oauthenticator.oauth2 import OAuthenticator
from traitlets import Callable, HasTraits, TraitError

from noteyard.errors import NoteyardError
from noteyard.login_settings import SECRET, Login
from noteyard.settings import Settings

GROUP = "jupyterhub.authenticators"
GENERIC = "generic-oauth"
ELSEWHERE = {
    "admin_groups": "login.admin_groups",
    "admin_users": "login.admin_groups, or: noteyard user admin NAME",
    "allow_all": "login.allow_all",
    "allow_existing_users": "login.allow_registered",
    "allowed_groups": "login.allowed_groups",
    "auth_refresh_age": "login.refresh_minutes",
    "auth_state_groups_key": "login.groups_claim",
    "claim_groups_key": "login.groups_claim",
    "client_id": "login.client_id",
    "client_secret": "login.client_secret_file",
    "enable_auth_state": "nothing: it is always on, encrypted",
    "login_service": "login.provider",
    "logout_redirect_url": "login.logout_redirect",
    "manage_groups": "login.manage_groups",
    "oauth_callback_url": "urls.hub, from which it follows",
    "username_claim": "login.username_claim",
}
INHERITED = frozenset({"allowed_users", "blocked_users", "auto_login"})
"""Options of JupyterHub's own authenticators that keep their meaning here."""


def known_classes() -> dict[str, str]:
    """Import paths by short name."""
    found = {entry.name: entry.value for entry in entry_points(group=GROUP) if entry.value.startswith("oauthenticator")}
    usual = {name: path for name, path in found.items() if not name.startswith("local-") and name != GENERIC}
    return dict(sorted({**usual, "generic": found[GENERIC]}.items()))


def class_of(login: Login) -> type[OAuthenticator]:
    """The class that `login.authenticator` names. Raises NoteyardError that lists the known ones."""
    known = known_classes()
    path = known.get(login.authenticator, login.authenticator)
    module, _, name = path.replace(":", ".").rpartition(".")
    wrong = f"login.authenticator: {login.authenticator!r}"
    hint = f"Known are {', '.join(known)}; any other by its import path, such as mymodule.MyOAuthenticator."
    if not module:
        raise NoteyardError(f"{wrong} is not known.", hint)
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise NoteyardError(
            f"{wrong} needs the Python package {error.name!r}, which is not installed.",
            f"Install it into the hub's environment. {hint}",
        ) from None
    except AttributeError:
        raise NoteyardError(f"{wrong}: {module} has no {name}.", hint) from None
    if not (isinstance(found, type) and issubclass(found, OAuthenticator)):
        raise NoteyardError(f"{wrong} is not a class of oauthenticator.", hint)
    return found


def checked_options(login: Login, chosen: type[OAuthenticator]) -> dict[str, Any]:
    """`login.options` as the class takes them. Raises NoteyardError that names each wrong one by its path."""
    traits = chosen.class_traits(config=True)
    usable = _usable(chosen)
    values, wrong = {}, []
    for name, value in login.options.items():
        path = f"login.options.{name}"
        if name in ELSEWHERE:
            wrong.append(f"{path} is set by {ELSEWHERE[name]}")
        elif name not in usable:
            wrong.append(f"{path}: {login.authenticator} has no such option")
        else:
            try:
                values[name] = traits[name]._validate(HasTraits(), value)
            except TraitError:
                wanted = traits[name].info().replace("a unicode string", "text")
                wrong.append(f"{path}: {value!r} can't be used: it must be {wanted}")
    if wrong:
        raise NoteyardError(f"Settings can't be used: {'; '.join(wrong)}.", f"Its options are: {', '.join(usable)}.")
    return values


def _usable(chosen: type[OAuthenticator]) -> list[str]:
    not_ours = set(Authenticator.class_traits()) - INHERITED
    former = set(chosen._deprecated_oauth_aliases) | {"custom_403_message"}
    return sorted(
        name
        for name, trait in chosen.class_traits(config=True).items()
        if name not in ELSEWHERE
        and name not in not_ours | former
        and not name.endswith(("_client_id", "_client_secret"))
        and not isinstance(trait, Callable)
    )


def secret_file(settings: Settings) -> Path:
    """Where the client secret is to be."""
    return (settings.login.client_secret_file or settings.state / "secrets" / SECRET).expanduser()


def client_secret(settings: Settings) -> str:
    """The client secret. Raises NoteyardError when its file is missing, unreadable or empty."""
    path = secret_file(settings)
    secret = path.read_text().strip() if os.access(path, os.R_OK) and path.is_file() else ""
    if not secret:
        raise NoteyardError(
            f"login.client_secret_file: {path} holds no client secret, or can't be read.",
            f"Put the secret that {settings.login.title} gave Noteyard into it, readable for Noteyard alone.",
        )
    return secret


def check_login(settings: Settings) -> None:
    """Raise NoteyardError, in words, unless the login can work as far as this machine knows."""
    login = settings.login
    if login.local:
        return
    chosen = class_of(login)
    options = checked_options(login, chosen)
    client_secret(settings)
    if chosen is class_of(Login()) and not login.issuer:
        missing = [name for name in ("authorize_url", "token_url", "userdata_url") if not options.get(name)]
        if options.get("userdata_from_id_token"):
            missing = [name for name in missing if name != "userdata_url"]
        if missing:
            raise NoteyardError(
                f"login.issuer is missing, and so is login.options.{missing[0]}.",
                "Set login.issuer to the provider's URL, below which its .well-known/openid-configuration is.",
            )


def has_allow_rule(login: Login) -> bool:
    """Whether anybody at all may log in by a rule of the settings."""
    ours = login.allow_all or login.allow_registered or login.allowed_groups or login.admin_groups
    return bool(ours) or any(name.startswith(("allowed_", "admin_")) and value for name, value in login.options.items())
