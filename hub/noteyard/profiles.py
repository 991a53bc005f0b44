"""Which profiles a person may use, and where a profile's environment lies. Pure."""

import sys
from collections.abc import Iterable
from pathlib import Path

from noteyard.domain import Person
from noteyard.errors import FieldError, Forbidden, InvalidParameters
from noteyard.settings import Profile, Settings


def offered(profiles: Iterable[Profile], groups: Iterable[str]) -> list[Profile]:
    """The profiles that are open to somebody in these groups, in the settings' order."""
    mine = set(groups)
    return [profile for profile in profiles if not profile.groups or mine & set(profile.groups)]


def choose_profile(settings: Settings, person: Person, wanted: str | None) -> Profile:
    """The profile a person asked for, or the first one they may use.

    Raises InvalidParameters (field `profile`) for one that does not exist or is not open to them, Forbidden when none
    is.
    """
    mine = offered(settings.profiles, person.groups)
    if not mine:
        raise Forbidden("No profile is open to you.", "Ask an administrator to put you into a group that may use one.")
    if not wanted:
        return mine[0]
    for profile in mine:
        if profile.name == wanted:
            return profile
    names = ", ".join(profile.name for profile in mine)
    raise InvalidParameters([FieldError("profile", f"{wanted!r} is not open to you; choose one of: {names}")])


def find_profile(settings: Settings, name: str) -> Profile | None:
    """The profile of this name, or None when the settings no longer have it."""
    return next((profile for profile in settings.profiles if profile.name == name), None)


def title_of(profile: Profile) -> str:
    """The name people see."""
    return profile.title or profile.name


def environment_folder(settings: Settings, profile: Profile) -> Path:
    """The Python environment of a profile on one machine; by default `lab` beside the hub's, as make up builds it."""
    chosen = profile.environment or settings.environment or Path(sys.prefix).parent / "lab"
    return chosen.expanduser().absolute()
