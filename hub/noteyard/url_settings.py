"""Options that are addresses: the public ones, and those of databases."""

import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from noteyard.settings_section import Section

PUBLIC_URL = r"^(https?://([^/?#@:\[\]\s]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?/*)?$"
DATABASE_URL = re.compile(r"(sqlite(\+pysqlite)?:///|postgresql(\+psycopg)?://)")


def _public_url(description: str) -> Any:
    return Field(default=None, json_schema_extra={"pattern": PUBLIC_URL}, description=description)


class Urls(Section):
    """Public addresses, for colleagues on other machines. Empty ones are derived from `port` on localhost."""

    hub: str | None = _public_url("Public URL of hub, portal and API, e.g. https://noteyard.example.org.")
    apps: str | None = _public_url("Public URL under which dashboards get hosts, e.g. https://apps.example.net.")
    s3: str | None = _public_url("Public URL of the embedded S3, e.g. https://s3.example.org.")
    lab_hosts: bool = Field(
        default=True, description="Each lab on a host of its own (<name>.<hub host>); needs a wildcard DNS name."
    )

    @field_validator("hub", "apps", "s3")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is None or (re.fullmatch(PUBLIC_URL, url) and _port_exists(url)):
            return url
        raise ValueError(
            f"{url!r} can't be used: it must be http:// or https:// with a host name, and no path, "
            "e.g. https://noteyard.example.org"
        )


def _port_exists(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def database_url(given: str) -> str:
    """The URL as SQLAlchemy takes it: a Secret's text often ends with a line break.

    Raises ValueError, which leaves the URL unsaid: there may be a password in it.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    url = given.strip()
    if not DATABASE_URL.match(url):
        raise ValueError(
            "this is not the URL of a database that Noteyard knows: use postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "this URL can't be read: use postgresql+psycopg://USER:PASSWORD@HOST:5432/NAME, with a number as port, and "
            "%XX for special characters in USER and PASSWORD"
        ) from None
    return url
