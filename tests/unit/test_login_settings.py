"""The section `login`: what can't be used is said with the option's path and what is allowed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from noteyard.config_check import check
from noteyard.errors import Conflict, NoteyardError
from noteyard.findings import Weight
from noteyard.login_settings import Login
from noteyard.oauth_classes import check_login, checked_options, class_of, client_secret, known_classes
from noteyard.oauth_config import configure_provider
from noteyard.roles import roles
from noteyard.settings import Settings
from noteyard.settings_file import load
from traitlets.config import Config

ISSUER = "https://login.example.org/realms/team"


def loaded(folder: Path, secret: str | None = "s3cret", **login: Any) -> Settings:
    (folder / "secrets").mkdir(exist_ok=True)
    if secret is not None:
        (folder / "secrets" / "login-client-secret").write_text(f"{secret}\n")
    given = {"method": "oauth", "client_id": "noteyard", **login}
    (folder / "noteyard.yaml").write_text(yaml.safe_dump({"login": given}))
    return load(folder)


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({"method": "saml"}, "login.method: 'saml' can't be used: input should be 'local' or 'oauth'"),
        ({"client_id": ""}, "login: client_id is needed: the id that the provider gave Noteyard"),
        ({"issuer": "login.example.org"}, "login.issuer: 'login.example.org' must be http:// or https:// with a host"),
        ({"issuer": ISSUER, "authenticator": "github"}, "issuer is for authenticator: generic; github knows its"),
        ({"client_secret": "x"}, "login.client_secret: there is no such option"),
        ({"refresh_minutes": 0}, "login.refresh_minutes: 0 can't be used: input should be greater than 0"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, login: dict[str, Any], said: str) -> None:
    with pytest.raises(NoteyardError) as error:
        loaded(tmp_path, **login)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({"authenticator": "keycloak"}, "login.authenticator: 'keycloak' is not known. Known are auth0, azuread, bit"),
        ({"authenticator": "no_such.Thing"}, "'no_such.Thing' needs the Python package 'no_such', which is not inst"),
        ({"authenticator": "oauthenticator.github.Hub"}, "oauthenticator.github has no Hub. Known are auth0,"),
        ({"authenticator": "jupyterhub.auth.Authenticator"}, "is not a class of oauthenticator. Known are auth0,"),
        ({"options": {"authorise_url": "x"}}, "login.options.authorise_url: generic has no such option. Its options"),
        ({"options": {"authorize_url": 3}}, "login.options.authorize_url: 3 can't be used: it must be text"),
        ({"options": {"client_secret": "x"}}, "login.options.client_secret is set by login.client_secret_file"),
        ({"options": {"admin_users": ["ada"]}}, "login.options.admin_users is set by login.admin_groups, or: note"),
        ({"options": {"refresh_user_hook": "x"}}, "login.options.refresh_user_hook: generic has no such option"),
        (
            {"options": {"scope": "openid", "token_params": []}},
            "login.options.scope: 'openid' can't be used: it",
        ),
        ({}, "login.issuer is missing, and so is login.options.authorize_url."),
        (
            {"secret": None, "issuer": ISSUER},
            "secrets/login-client-secret holds no client secret, or can't be read",
        ),
        ({"secret": "  ", "issuer": ISSUER}, "Put the secret that login.example.org gave Noteyard into it"),
    ],
)
def test_what_the_class_can_not_use_is_named(tmp_path: Path, login: dict[str, Any], said: str) -> None:
    with pytest.raises(NoteyardError) as error:
        check_login(loaded(tmp_path, **login))
    assert said in str(error.value)


def test_all_wrong_options_are_named_together() -> None:
    login = Login(authenticator="github", options={"scope": 1, "colour": "red"})
    with pytest.raises(NoteyardError) as error:
        checked_options(login, class_of(login))
    assert "login.options.scope: 1 can't be used: it must be a list; login.options.colour: github has no such" in str(
        error.value
    )


def test_every_known_class_is_offered_and_most_can_be_had() -> None:
    known = known_classes()
    names = "auth0 azuread bitbucket cilogon generic github gitlab globus google mediawiki openshift"
    assert list(known) == names.split()
    for name in known:
        assert class_of(Login(authenticator=name)).__name__.endswith("OAuthenticator")
    assert class_of(Login(authenticator="oauthenticator.github.GitHubOAuthenticator")) is class_of(
        Login(authenticator="github")
    )


def test_the_hub_gets_the_class_with_its_options(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, authenticator="github", options={"allowed_organizations": ["acme"]}, provider="", allow_all=True
    )
    from noteyard.instance import Instance

    instance = Instance.of(settings)
    instance.make_secrets()
    c = Config()
    configure_provider(c, settings, instance)
    assert issubclass(c.JupyterHub.authenticator_class, class_of(settings.login))
    made = c.JupyterHub.authenticator_class(config=c)
    assert (made.client_id, made.client_secret, made.login_service) == ("noteyard", "s3cret", "GitHub")
    assert made.allowed_organizations == {"acme"}
    assert made.enable_auth_state and made.manage_groups and not made.allow_all
    assert made.oauth_callback_url == "http://localhost:8000/hub/oauth_callback"
    assert c.CryptKeeper["keys"] == [bytes.fromhex(instance.secret("hub-crypt"))]


def test_the_secret_is_in_no_setting(tmp_path: Path) -> None:
    settings = loaded(tmp_path, issuer=ISSUER)
    assert client_secret(settings) == "s3cret"
    assert "s3cret" not in settings.model_dump_json()


def test_config_check_says_that_nobody_can_log_in(tmp_path: Path) -> None:
    problems = [found for found in check(loaded(tmp_path, issuer=ISSUER)) if found.weight is Weight.PROBLEM]
    assert [found.message for found in problems] == ["Nobody can log in: no rule of login allows anybody."]
    assert problems[0].hint.startswith("Set login.allowed_groups or login.admin_groups, or login.allow_all: true")


@pytest.mark.parametrize(
    "login",
    [
        {"issuer": ISSUER, "allowed_groups": ["team"]},
        {"issuer": ISSUER, "allow_registered": True},
        {"authenticator": "github", "options": {"allowed_organizations": ["acme"]}},
    ],
)
def test_config_check_is_content_with_a_rule(tmp_path: Path, login: dict[str, Any]) -> None:
    assert not check(loaded(tmp_path, **login))


def test_config_check_warns_of_a_provider_without_tls(tmp_path: Path) -> None:
    (found,) = check(loaded(tmp_path, issuer="http://login.example.org", allow_all=True))
    assert found.weight is Weight.WARNING
    assert found.message == (
        "login.issuer is http://login.example.org, without TLS: logins can be read and forged on the network."
    )


def test_what_is_the_provider_s_is_refused_here() -> None:
    login = Login(method="oauth", client_id="x", issuer=ISSUER, provider="Keycloak", admin_groups=["root"])
    with pytest.raises(Conflict, match=r"People log in with Keycloak here\. Passwords are set and changed there\."):
        login.need_local()
    with pytest.raises(Conflict, match=r"Groups are those of Keycloak here, taken over at each login\. Change them"):
        login.need_own(groups=True)
    with pytest.raises(Conflict, match=r"Administrators are those of Keycloak here: root\. Change it there\."):
        login.need_own(admin=True)
    Login(method="oauth", client_id="x", manage_groups=False).need_own(groups=True, admin=True)
    Login().need_own(groups=True, admin=True)


def test_nobody_may_read_what_is_kept_of_logins() -> None:
    for role in roles():
        assert not [scope for scope in role["scopes"] if "auth_state" in scope or scope.startswith("admin")]
