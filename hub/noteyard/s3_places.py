"""Where the data of team and people lies, and what a pod's variables say about it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from noteyard.access import data_access
from noteyard.domain import DataArea, DataUser
from noteyard.names import host_label
from noteyard.s3_environment import server_environment
from noteyard.s3_place import Place
from noteyard.s3_settings import PERSON, S3


@dataclass(frozen=True)
class DataIdentity:
    """On whose behalf data is reached: `subject` is the person's name, the attempt's id or the dashboard process's."""

    user: DataUser
    person: str
    subject: str


def places(options: S3, identity: DataIdentity) -> dict[DataArea, Place]:
    """What the identity may reach; nothing when no data is configured."""
    urls = {DataArea.TEAM: options.team_url, DataArea.OWN: options.personal_url if options.team_url else None}
    found = {}
    for area, access in data_access(identity.user).items():
        url = urls[area]
        if url is not None:
            found[area] = Place.of(url.replace(PERSON, host_label(identity.person)), access)
    return found


VARIABLES = {DataArea.TEAM: "NOTEYARD_TEAM_URL", DataArea.OWN: "NOTEYARD_MY_URL"}


def place_environment(options: S3, identity: DataIdentity) -> Mapping[str, str]:
    """Variables by which boto3, s3fs, pandas and pyarrow find the data, but for the credentials."""
    found = places(options, identity)
    if not found:
        return {}
    return {
        **{VARIABLES[area]: place.url for area, place in found.items()},
        **server_environment(options.endpoint, options.region),
    }
