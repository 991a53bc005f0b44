"""JupyterHub's configuration file: `jupyterhub -f` this. NOTEYARD_STATE names the installation."""

from noteyard.backends import platform
from noteyard.hub_config import configure_hub
from noteyard.settings_file import load

c = get_config()  # type: ignore[name-defined]  # noqa: F821
settings = load()
configure_hub(c, settings)
platform(settings).configure(c)
