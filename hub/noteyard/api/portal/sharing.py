"""Shares of a schedule or dashboard, one added or taken away at a time, and the names to choose from."""

from noteyard.api.models import ShareModel, Shares
from noteyard.api.portal.desk import AtDesk
from noteyard.api.portal.forms import Sent, body
from noteyard.errors import FieldError, InvalidParameters
from noteyard.store.people import get_active, list_groups


def shares_with(desk: AtDesk, present: list[ShareModel], sent: Sent) -> Shares:
    """The shares after what a form asks for: `remove` (as `kind:name`), or `kind`, `name` and `role`."""
    gone = sent.text("remove")
    if gone:
        return Shares(shares=[share for share in present if f"{share.kind}:{share.name}" != gone])
    added = body(ShareModel, {name: sent.text(name) for name in ("kind", "name", "role")})
    check_subjects(desk, [added.name] if added.kind == "person" else [], [added.name] if added.kind == "group" else [])
    kept = [share for share in present if (share.kind, share.name) != (added.kind, added.name)]
    return Shares(shares=[*kept, added])


def check_subjects(desk: AtDesk, people: list[str], groups: list[str]) -> None:
    """Refuse names of nobody: a share that reaches nobody is a slip."""
    with desk.database.read() as session:
        for name in people:
            get_active(session, name)
        unknown = sorted(set(groups) - set(list_groups(session)))
    if unknown:
        raise InvalidParameters([FieldError("groups", f"there is no group named {', '.join(unknown)}")])
