"""The audit list: who did what to what."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from noteyard.store.tables import AuditEntry


def record(
    session: Session, who: str, action: str, thing: str, detail: dict[str, Any] | None = None, request_id: str = ""
) -> None:
    """Note an act in the same transaction as the act. `who` "" is the command line on the machine itself.

    `action` is `noun.verb`, e.g. `person.disable`. Secrets never go into `detail`.
    """
    session.add(
        AuditEntry(who=who or "command line", action=action, thing=thing, detail=detail or {}, request_id=request_id)
    )


def recorded(session: Session, who: str, action: str, thing: str) -> bool:
    """Whether just this was noted already."""
    query = select(AuditEntry.id).where(AuditEntry.who == who, AuditEntry.action == action, AuditEntry.thing == thing)
    return session.scalar(query.limit(1)) is not None
