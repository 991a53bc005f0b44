"""Keys for the data: temporary ones by STS with a policy that allows no more than an identity may, or lasting ones from
files.

Blocks: call it in a thread.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog

from noteyard.domain import DataUser
from noteyard.errors import Forbidden, NoteyardError, Unavailable
from noteyard.instance import Instance
from noteyard.s3_clients import sts_client
from noteyard.s3_places import DataIdentity, places
from noteyard.s3_policies import session_policy
from noteyard.s3_settings import S3
from noteyard.settings import Settings

log = structlog.get_logger(__name__)

ANY_ROLE = "arn:aws:iam:::role/noteyard"
"""Servers that have no roles ignore it, but the request must name one."""
LONGEST_NAME = 64
DASHBOARDS = "_dashboards"
"""File of the lasting key that all dashboards use; nobody's name begins like this."""


@dataclass(frozen=True)
class Session:
    """Keys until an instant; `token` is empty for lasting ones, which are merely to be asked for again then."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime


class Sessions(Protocol):
    """A way to keys."""

    def open(self, identity: DataIdentity) -> Session:
        """Keys for what the identity may reach. Raises NoteyardError."""


def sessions(settings: Settings, instance: Instance) -> Sessions:
    """As the settings say."""
    if settings.s3.credentials == "static":
        return StaticKeys(instance.state / "s3-keys", settings.s3.session_seconds)
    return StsSessions(settings.s3, instance.state / "s3-broker")


class StsSessions:
    """AssumeRole with the keys in the folder's files `s3-access-key` and `s3-secret-key`; without them with what the
    pod's surroundings give: a role of the cloud.
    """

    def __init__(self, options: S3, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._client: tuple[Any, tuple[str, str] | None] | None = None
        self._lock = threading.Lock()

    def open(self, identity: DataIdentity) -> Session:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._sts().assume_role(
                RoleArn=self._options.role_arn or ANY_ROLE,
                RoleSessionName=session_name(identity),
                DurationSeconds=self._options.session_seconds,
                Policy=session_policy(
                    places(self._options, identity).values(), self._options.partition, self._options.kms_key_arn
                ),
            )
        except ClientError as error:
            raise _refused(error.response.get("Error", {})) from None
        except BotoCoreError as error:
            raise Unavailable(f"STS does not answer ({type(error).__name__}).", "It is tried again.") from None
        found = answer["Credentials"]
        return Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])

    def _sts(self) -> Any:
        """The client, made anew when the keys' files have changed."""
        keys = self._keys()
        with self._lock:
            if self._client is None or self._client[1] != keys:
                self._client = sts_client(self._options, keys), keys
            return self._client[0]

    def _keys(self) -> tuple[str, str] | None:
        access_key, secret = self._folder / "s3-access-key", self._folder / "s3-secret-key"
        return (access_key.read_text().strip(), secret.read_text().strip()) if access_key.exists() else None


class StaticKeys:
    """One lasting key a person, in a file of their name: {"access_key": …, "secret_key": …}.

    Read anew each time, so that a changed or deleted one is noticed at the next renewal.
    """

    def __init__(self, folder: Path, seconds: int) -> None:
        self._folder = folder
        self._seconds = seconds

    def open(self, identity: DataIdentity) -> Session:
        name = DASHBOARDS if identity.user is DataUser.DASHBOARD else identity.person
        try:
            found: Mapping[str, Any] = json.loads((self._folder / name).read_text())
            access_key, secret = str(found["access_key"]), str(found["secret_key"])
        except FileNotFoundError:
            whose = "dashboards" if name == DASHBOARDS else name
            raise Forbidden(
                f"There is no S3 key for {whose}.",
                f"An administrator adds {name} to the Secret that s3.keysSecret names in the chart's values.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise Unavailable(
                f"The S3 key of {name} can't be read.",
                'It must be written as {"access_key": "…", "secret_key": "…"} in the Secret that s3.keysSecret names.',
            ) from None
        return Session(access_key, secret, "", datetime.now(UTC) + timedelta(seconds=self._seconds))


def session_name(identity: DataIdentity) -> str:
    """What the S3 server's own log tells of who it was: `ada.run.r4k2m9x0q1ab.1`, 64 characters at most."""
    parts = [identity.person, identity.user.value]
    if identity.user is not DataUser.PERSON:
        parts.append(identity.subject)
    return re.sub(r"[^\w+=,.@-]", "-", ".".join(parts))[:LONGEST_NAME]


def _refused(error: Mapping[str, Any]) -> NoteyardError:
    code = str(error.get("Code", "unknown"))
    log.warning("STS refused", code=code, message=str(error.get("Message", ""))[:500])
    hint = "An administrator finds in docs/s3.md what the broker's keys and role need."
    if code in ("AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidAccessKeyId"):
        # Nobody's doing but the administrator's: pods ask again until it is mended.
        return Unavailable(f"STS refuses Noteyard's own keys ({code}).", hint)
    return Unavailable(f"STS gave no keys ({code}).", hint)
