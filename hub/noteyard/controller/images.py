"""The loop of images: keeps which content the profiles' images have, for the releases that are made for them."""

import asyncio
from collections.abc import Mapping

import structlog

from noteyard.backends import Platform
from noteyard.controller.context import Context
from noteyard.store.images import keep_images, news

log = structlog.get_logger(__name__)


async def note_images(context: Context, shape: Platform) -> None:
    """One turn. Raises NoteyardError while the cluster does not answer."""
    await asyncio.to_thread(_keep, context, await shape.known_images())


def _keep(context: Context, told: Mapping[str, str]) -> None:
    # A look first: writers queue for one lock, and there is mostly nothing to write.
    with context.database.read() as session:
        new = news(session, told)
    if not new:
        return
    with context.write() as session:
        keep_images(session, new)
    log.info("images known", images=new)
