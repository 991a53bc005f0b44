"""What every loop of the controller works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from noteyard.backends.base import Runner, WorkloadHost
from noteyard.instance import Instance
from noteyard.objects import Objects
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.lease import guard
from noteyard.urls import PublicUrls

LEASE = "controller"


@dataclass
class Context:
    """`epoch` is the fencing epoch of this leadership; `began` when the installation was started (UTC)."""

    settings: Settings
    instance: Instance
    database: Database
    objects: Objects
    urls: PublicUrls
    runner: Runner
    workload_host: WorkloadHost
    epoch: int
    began: datetime

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that fails with LostLease when another controller leads by now."""
        with self.database.write() as session:
            guard(session, LEASE, self.epoch)
            yield session
