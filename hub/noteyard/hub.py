"""`python -m noteyard.hub`: JupyterHub with Noteyard's configuration. NOTEYARD_STATE names the installation."""

from pathlib import Path

from jupyterhub.app import JupyterHub

from noteyard.settings_file import load
from noteyard.store.answering import connect_once, until_it_answers


def main() -> None:
    """Serve until SIGTERM or SIGINT; labs go on."""
    url = load().hub_database_url
    if url is not None:
        # JupyterHub ends when its database is away at its start; whoever starts it again waits longer each time.
        until_it_answers(lambda: connect_once(url))
    JupyterHub.launch_instance(["-f", str(Path(__file__).with_name("jupyterhub_config.py"))])


if __name__ == "__main__":
    main()
