"""The loop of people: the hub forgets whoever was shut out."""

from dataclasses import dataclass, field
from pathlib import Path

from noteyard.controller.people import PeopleLoop
from noteyard.store import Database
from noteyard.store.people import create_person, disable_person, enable_person, get_account

from tests.support.scripted import ScriptedRunner, context


@dataclass
class ScriptedHub:
    """A hub whose labs end as soon as they are asked to."""

    forgotten: list[str] = field(default_factory=list)

    async def stop_lab(self, person: str) -> None: ...

    async def server(self, person: str) -> object | None:
        return None

    async def forget(self, person: str) -> None:
        self.forgotten.append(person)


async def test_somebody_enabled_again_before_the_hub_has_forgotten_them_can_log_in(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        for name in ("ada", "bob"):
            create_person(session, name, "correct horse battery")
        disable_person(session, "ada")
        enable_person(session, "ada")
    hub = ScriptedHub()
    loop = PeopleLoop(context(database, tmp_path, ScriptedRunner()), hub)
    for _ in range(2):
        await loop.turn()
    assert hub.forgotten == ["ada"]
    with database.read() as session:
        account = get_account(session, "ada")
        assert (account.disabled, account.hub_cleared) == (False, True)
