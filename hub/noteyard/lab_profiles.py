"""What the spawners of both shapes share: whose lab it is, and which profile they chose."""

from traitlets import Any as AnyTrait
from traitlets import HasTraits

from noteyard.domain import Person
from noteyard.hub_pages import profile_choice
from noteyard.profiles import offered
from noteyard.roles import ADMINISTRATORS
from noteyard.settings import Settings


class ProfileChoice(HasTraits):  # type: ignore[misc]
    """Mixed into a Spawner: the form that asks for a profile, asked only when there is a choice."""

    settings: Settings = AnyTrait(help="noteyard.settings.Settings").tag(config=True)

    async def get_options_form(self) -> str:
        """The choice of a profile; empty, so that no question is asked, when there is none."""
        mine = offered(self.settings.profiles, self._person().groups)
        chosen = (self.orm_spawner.user_options or {}).get("profile")
        return profile_choice(mine, chosen) if len(mine) > 1 else ""

    def options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, str]:
        return {"profile": form_data["profile"][0]} if form_data.get("profile") else {}

    def _person(self) -> Person:
        groups = {group.name for group in self.user.groups}
        return Person(self.user.name, frozenset(groups - {ADMINISTRATORS}), ADMINISTRATORS in groups)
