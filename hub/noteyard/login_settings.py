"""How people log in: local accounts, or a provider by OAuth or OpenID Connect."""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from noteyard.errors import Conflict
from noteyard.settings_section import Section

SECRET = "login-client-secret"
"""Name of the file in the state folder's `secrets` that holds the client secret."""

TITLES = {
    "auth0": "Auth0",
    "azuread": "Microsoft",
    "bitbucket": "Bitbucket",
    "cilogon": "CILogon",
    "github": "GitHub",
    "gitlab": "GitLab",
    "globus": "Globus",
    "google": "Google",
    "mediawiki": "MediaWiki",
    "openshift": "OpenShift",
}


class Login(Section):
    """Who may log in, and what a provider's groups mean here. See docs/login.md."""

    method: Literal["local", "oauth"] = Field(
        default="local", description="`local`: names and passwords of Noteyard's own; `oauth`: a provider's logins."
    )
    authenticator: str = Field(
        default="generic",
        description="Which of oauthenticator's classes: generic (any OpenID Connect provider, by `issuer`), auth0, "
        "azuread, bitbucket, cilogon, github, gitlab, globus, google, mediawiki, openshift, or an import path.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of that class by name, e.g. {allowed_organizations: [acme]}."
    )
    issuer: str | None = Field(
        default=None,
        description="Issuer URL of an OpenID Connect provider, which tells all its addresses (generic only).",
    )
    provider: str = Field(default="", description="The provider's name on the login button; empty: as it is known.")
    client_id: str = Field(default="", description="Noteyard's client id at the provider.")
    client_secret_file: Path | None = Field(
        default=None, description=f"File that holds the client secret; empty: secrets/{SECRET} in the state folder."
    )
    username_claim: str | None = Field(
        default=None, description="Claim that names a person; empty: preferred_username, or as the class has it."
    )
    username_domains: list[str] = Field(
        default_factory=list, description="Domains cut off names: with example.org, ada@example.org is ada."
    )
    groups_claim: str = Field(
        default="groups", description="Claim that lists a person's groups; dots lead into nested ones."
    )
    roles_claim: str | None = Field(
        default=None, description="Claim that lists roles, e.g. realm_access.roles; they count as groups do."
    )
    group_names: dict[str, str] = Field(
        default_factory=dict, description="Noteyard's names of groups by the provider's: {Data Science Team: science}."
    )
    allowed_groups: list[str] = Field(
        default_factory=list, description="Who is in one of these groups (the provider's names) may log in."
    )
    admin_groups: list[str] = Field(
        default_factory=list,
        description="Who is in one of these may log in and is an administrator; empty: Noteyard says who is.",
    )
    allow_all: bool = Field(default=False, description="Everybody whom the provider lets in may log in.")
    allow_registered: bool = Field(
        default=False, description="Who was added beforehand (noteyard user add) may log in, whatever their groups."
    )
    manage_groups: bool = Field(
        default=True, description="Groups are the provider's, taken over at each login; off: they are set in Noteyard."
    )
    logout_redirect: str | None = Field(
        default=None, description="Where logging out leads; empty: the provider's end of session, where it tells one."
    )
    refresh_minutes: float = Field(
        default=5, gt=0, description="How often the provider is asked again about somebody who is logged in."
    )

    @field_validator("issuer", "logout_redirect")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError(f"{value!r} must be http:// or https:// with a host name")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> "Login":
        if self.method == "local":
            return self
        if not self.client_id:
            raise ValueError("client_id is needed: the id that the provider gave Noteyard")
        if self.issuer and self.authenticator != "generic":
            raise ValueError(f"issuer is for authenticator: generic; {self.authenticator} knows its addresses itself")
        return self

    @property
    def local(self) -> bool:
        """Whether people have passwords of Noteyard's own."""
        return self.method == "local"

    @property
    def title(self) -> str:
        """The provider's name as people read it."""
        known = TITLES.get(self.authenticator) or (urlsplit(self.issuer).hostname if self.issuer else None)
        return self.provider or known or "single sign-on"

    @property
    def own_groups(self) -> bool:
        """Whether groups are set in Noteyard, rather than by the provider."""
        return self.local or not self.manage_groups

    @property
    def own_admins(self) -> bool:
        """Whether administrators are named in Noteyard, rather than by the provider."""
        return self.local or not self.admin_groups

    def need_local(self) -> None:
        """Raise Conflict where passwords are not Noteyard's."""
        if not self.local:
            raise Conflict(f"People log in with {self.title} here.", "Passwords are set and changed there.")

    def need_own(self, *, groups: bool = False, admin: bool = False) -> None:
        """Raise Conflict where groups, or who administers, are to be changed and are the provider's to say."""
        if groups and not self.own_groups:
            raise Conflict(f"Groups are those of {self.title} here, taken over at each login.", "Change them there.")
        if admin and not self.own_admins:
            raise Conflict(
                f"Administrators are those of {self.title} here: {', '.join(self.admin_groups)}.", "Change it there."
            )
