"""`python -m noteyard.hub`: JupyterHub with Noteyard's configuration. NOTEYARD_STATE names the installation."""

from pathlib import Path

from jupyterhub.app import JupyterHub


def main() -> None:
    """Serve until SIGTERM or SIGINT; labs go on."""
    JupyterHub.launch_instance(["-f", str(Path(__file__).with_name("jupyterhub_config.py"))])


if __name__ == "__main__":
    main()
