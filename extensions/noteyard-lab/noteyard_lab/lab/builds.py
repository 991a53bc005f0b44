"""A lab builds no JupyterLab of its own: its environment is read-only, and its extensions are built already.

JupyterLab gets ready for a build all the same: it starts Node twice, when it is imported (for Yarn's settings) and when
its page opens (for what has changed since the last build). The second is turned off in jupyter_config.
"""

from typing import Any


def leave_out() -> None:
    """Let JupyterLab not ask Yarn for its settings; to be called before `jupyterlab.labapp` is imported."""
    from jupyterlab import commands  # type: ignore[import-untyped]

    commands._yarn_config = _no_settings


def _no_settings(_logger: Any) -> dict[str, dict[str, str]]:
    """What JupyterLab finds where there is no Node."""
    return {"yarn config": {}, "npm config": {}}
