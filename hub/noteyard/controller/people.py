"""The loop of people: the hub forgets whoever was disabled or removed, with their lab, logins and tokens."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import select, update

from noteyard.controller.context import Context
from noteyard.errors import NoteyardError
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
            try:
                gone = await gone_from_hub(self.hub, name)
            except NoteyardError as error:
                log.warning("hub can't forget a person now", person=name, error=error.message)
                continue
            if not gone:
                continue  # still stopping; the next turn looks again
            await asyncio.to_thread(self._cleared, name)
            log.info("hub has forgotten a person", person=name)

    def _uncleared(self) -> list[str]:
        # Those enabled again meanwhile too: they can log in once the hub has forgotten what they had before.
        with self.context.database.read() as session:
            query = select(Account.name).where(Account.hub_cleared.is_(False), Account.purged.is_(None))
            return list(session.scalars(query))

    def _cleared(self, name: str) -> None:
        with self.context.write() as session:
            # Whoever is to be purged by now is the purges' loop's.
            done = update(Account).where(Account.name == name, Account.purged.is_(None))
            session.execute(done.values(hub_cleared=True))


async def gone_from_hub(hub: Hub, person: str) -> bool:
    """Stop a person's lab and, once it is off, have the hub forget them; whether that is done."""
    await hub.stop_lab(person)
    if await hub.server(person) is not None:
        return False
    await hub.forget(person)
    return True
