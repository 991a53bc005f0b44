"""Who leads: a lease with a fencing epoch. Every write of the controller is guarded by its epoch."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from noteyard.store.tables import Lease
from noteyard.store.types import now


class LostLease(RuntimeError):
    """Another controller leads now; this one must stop writing at once."""


def acquire(session: Session, name: str, holder: str, seconds: float) -> int | None:
    """Take or renew the lease; returns the epoch, or None while another holds it."""
    lease = session.scalar(select(Lease).where(Lease.name == name).with_for_update())
    moment = now()
    if lease is None:
        try:
            with session.begin_nested():
                session.add(Lease(name=name, holder=holder, epoch=1, expires=moment + timedelta(seconds=seconds)))
        except IntegrityError:
            return None  # another took it at this moment, the first time ever
        return 1
    if lease.holder != holder:
        if lease.expires > moment:
            return None
        lease.holder = holder
        lease.epoch += 1
    lease.expires = moment + timedelta(seconds=seconds)
    return lease.epoch


def release(session: Session, name: str, holder: str) -> None:
    """Give the lease up, so that another takes over without waiting for its end."""
    lease = session.scalar(select(Lease).where(Lease.name == name).with_for_update())
    if lease is not None and lease.holder == holder:
        lease.expires = now()


def guard(session: Session, name: str, epoch: int) -> None:
    """Raise LostLease unless `epoch` is the newest; the row stays locked until the transaction ends."""
    current = session.scalar(select(Lease.epoch).where(Lease.name == name).with_for_update(read=True))
    if current != epoch:
        raise LostLease(f"lease {name}: epoch {epoch} is over, {current} leads")
