"""A lab that starts while the hub is away waits for it.

JupyterHub's own look gives up and ends the lab after 46 s; a hub that crashes again and again stays away for longer.
"""

import asyncio
from typing import Any

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 5.0


def wait_for_the_hub() -> None:
    """Have labs that this process starts wait."""
    from jupyterhub.singleuser.extension import JupyterHubSingleUser

    look = JupyterHubSingleUser.check_hub_version

    async def wait_and_look(lab: Any) -> None:
        await until_it_answers(lab)
        await look(lab)

    JupyterHubSingleUser.check_hub_version = wait_and_look


async def until_it_answers(lab: Any) -> None:
    """Return when the hub of `lab` (JupyterHub's JupyterHubSingleUser) answers."""
    from jupyterhub.httpclient import fetch

    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            await fetch(lab.hub_auth.api_url, **lab.hub_http_client_opts)
        except Exception as error:
            lab.log.warning("The hub does not answer yet at %s: %s", lab.hub_auth.api_url, error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        else:
            return
