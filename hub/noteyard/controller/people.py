"""The loop of people: the hub forgets whoever was disabled or removed, with their lab, logins and tokens."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import select

from noteyard.controller.context import Context
from noteyard.store.tables import Account

log = structlog.get_logger(__name__)


class Hub(Protocol):
    """What the loop asks of JupyterHub."""

    async def stop_lab(self, person: str) -> None: ...

    async def server(self, person: str) -> object | None: ...

    async def forget(self, person: str) -> None: ...


@dataclass
class PeopleLoop:
    """One turn clears the hub of those who may not use it any more; repeated until the hub has done it."""

    context: Context
    hub: Hub

    async def turn(self) -> None:
        for name in await asyncio.to_thread(self._uncleared):
            await self.hub.stop_lab(name)
            if await self.hub.server(name) is not None:
                continue  # still stopping; the next turn looks again
            await self.hub.forget(name)
            await asyncio.to_thread(self._cleared, name)
            log.info("hub has forgotten a person", person=name)

    def _uncleared(self) -> list[str]:
        # Those enabled again meanwhile too: they can log in once the hub has forgotten what they had before.
        with self.context.database.read() as session:
            query = select(Account.name).where(Account.hub_cleared.is_(False))
            return list(session.scalars(query))

    def _cleared(self, name: str) -> None:
        with self.context.write() as session:
            session.get_one(Account, name).hub_cleared = True
