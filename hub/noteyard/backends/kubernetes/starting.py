"""What a run or a dashboard is started with: its profile, and its way to the data."""

from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import Kind, Manifest
from noteyard.backends.kubernetes.s3_credentials import data_parts, with_parts
from noteyard.domain import DataUser
from noteyard.errors import NoteyardError
from noteyard.profiles import find_profile, title_of
from noteyard.s3_places import DataIdentity
from noteyard.settings import Profile, Settings


def used_profile(settings: Settings, name: str) -> Profile:
    """The profile of this name with an image. Raises NoteyardError when the settings have none."""
    profile = find_profile(settings, name)
    if profile is None:
        raise NoteyardError(
            f"The profile {name!r} is not in the settings any more.", "Publish the notebook again with another profile."
        )
    if profile.image is None:
        raise NoteyardError(
            f"The profile {title_of(profile)} has no image.", f"Set profiles[{name}].image in the chart's values."
        )
    return profile


def with_data(owner: Manifest, settings: Settings, kind: Kind, start: Start) -> Manifest:
    """A Job or Deployment whose pod has what it takes to reach the data that the start may reach."""
    parts = data_parts(settings, DataIdentity(DataUser(kind.component), start.person, start.id))
    template = owner["spec"]["template"]
    reaching = template | {"spec": with_parts(template["spec"], parts)}
    return owner | {"spec": owner["spec"] | {"template": reaching}}
