"""What the spawners of both shapes share: whose lab it is, and which profile they chose."""

from typing import Any

from traitlets import Any as AnyTrait
from traitlets import HasTraits

from noteyard.domain import Person
from noteyard.hub_pages import LabEnd, profile_choice
from noteyard.profiles import offered
from noteyard.roles import ADMINISTRATORS
from noteyard.settings import Settings


class ProfileChoice(HasTraits):  # type: ignore[misc]
    """Mixed into a Spawner: the form that asks for a profile, asked only when there is a choice."""

    can_rescue = False
    """Whether a lab can be started beside its home, to repair what is in it."""
    last_end: LabEnd | None = None
    """How the last lab ended, when it was not asked to."""

    settings: Settings = AnyTrait(help="noteyard.settings.Settings").tag(config=True)

    async def get_options_form(self) -> str:
        """The choice of a profile; empty, so that no question is asked, when there is none."""
        mine = offered(self.settings.profiles, self._person().groups)
        chosen = (self.orm_spawner.user_options or {}).get("profile")
        return profile_choice(mine, chosen) if len(mine) > 1 else ""

    def options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        """Of the form's fields, and of an address that starts a lab: `profile`, `rescue`."""
        chosen: dict[str, Any] = {"profile": form_data["profile"][0]} if form_data.get("profile") else {}
        return {**chosen, "rescue": True} if self.can_rescue and form_data.get("rescue") else chosen

    def _person(self) -> Person:
        groups = {group.name for group in self.user.groups}
        return Person(self.user.name, frozenset(groups - {ADMINISTRATORS}), ADMINISTRATORS in groups)
