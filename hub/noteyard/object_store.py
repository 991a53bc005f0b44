"""Which object store an installation keeps its releases, outputs and renderings in."""

from typing import TYPE_CHECKING

from obstore.store import S3Store

from noteyard.instance import Instance
from noteyard.objects import Objects
from noteyard.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config


def stored_objects(settings: Settings, instance: Instance) -> Objects:
    """The bucket of the settings, with the keys in the secrets `objects-access-key` and `objects-secret-key` (without
    them those of the surroundings: a service account's role, say); without a bucket the state folder.
    """
    options = settings.objects
    if options.url is None:
        return Objects.in_folder(instance.objects)
    config: S3Config = {"region": options.region, "virtual_hosted_style_request": options.endpoint is None}
    if instance.secret_file("objects-access-key").exists():
        config["access_key_id"] = instance.secret("objects-access-key")
        config["secret_access_key"] = instance.secret("objects-secret-key")
    if options.endpoint is None:
        return Objects(S3Store.from_url(options.url, config=config))
    config["endpoint"] = options.endpoint
    plain = options.endpoint.startswith("http://")
    return Objects(S3Store.from_url(options.url, config=config, client_options={"allow_http": plain}))
