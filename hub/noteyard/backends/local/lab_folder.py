"""A person's own folder on this machine: made before their lab starts, with the ways to the data."""

from pathlib import Path

from noteyard.backends.local.data_links import link_data
from noteyard.instance import Instance


def prepare_home(instance: Instance, person: str) -> Path:
    """The person's folder with `s3/team` and `s3/me` leading to the buckets' folders."""
    home = instance.home(person)
    link_data(instance, home, person)
    return home
