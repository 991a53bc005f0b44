"""The protocols that each shape implements.

All calls are idempotent and named by our ids, so that "already exists" means "done". `observe` tells what really
exists, found by label or by recorded process identity, never from memory: a restarted controller adopts what runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from noteyard.domain import DataUser
from noteyard.s3_environment import Key
from noteyard.s3_places import DataIdentity


@dataclass(frozen=True)
class Start:
    """What a worker or dashboard launcher is started with.

    `id` is the attempt's or workload process's id; `token` its bearer token, handed over by a pipe;
    `profile` names the environment; `person` is who acts by it, a run's owner or a dashboard's publisher. `image` is
    the one by digest that its release remembers; those in `gone` no registry has any more. `timeout` is how many
    seconds a run may take from its claim on; None for no limit, and for dashboards.
    """

    id: str
    token: str
    profile: str
    person: str = ""
    image: str | None = None
    gone: frozenset[str] = frozenset()
    timeout: int | None = None


@dataclass(frozen=True)
class Observed:
    """One process or pod that exists or has just ended. `ended` False: alive, or about to be.

    `reason` says in words why it ended where the platform knows (exit code, signal, out of memory), and `hint` what
    to do about it. `pending`: it has not begun, because the platform still prepares it (a node, an image) or, when
    `ended`, can't; until then it can't report.
    `exceeded`: it was ended because it used more than it may; another attempt would do the same.
    `displaced`: the platform ended it, or did not take it, for reasons of its own; another attempt may do better.
    `asleep`: nothing of it runs, but what a start needs is there; starting it again goes on from that.
    `missing_image`: it can't start because no registry has this image any more, which a digest named.
    """

    id: str
    ended: bool
    reason: str | None = None
    hint: str | None = None
    pending: bool = False
    exceeded: bool = False
    displaced: bool = False
    asleep: bool = False
    missing_image: str | None = None


@dataclass(frozen=True)
class PersonalData:
    """How much lies in a person's own folder and their personal S3 data: files, and their size in bytes."""

    files: int
    size: int


@dataclass(frozen=True)
class Caller:
    """A pod that has shown who it is: `subject` as in DataIdentity; `id` is the pod's own, and never comes again."""

    user: DataUser
    subject: str
    id: str


class Callers(Protocol):
    """Knows the pods of people by the tokens that they show."""

    async def identify(self, token: str) -> Caller:
        """Who shows the token. Raises Forbidden for anybody else's, Unavailable when it can't be found out now."""

    async def close(self) -> None:
        """Give up connections."""


class Runner(Protocol):
    """Executes attempts of runs."""

    @property
    def ending_seconds(self) -> float:
        """How long an attempt may take to end by itself, once it was asked to or has said how its run ended."""

    async def start(self, start: Start) -> None:
        """Start the attempt; does nothing when its process exists. Raises NoteyardError when it can't be started."""

    async def stop(self, id: str, *, kill: bool = False) -> None:
        """Ask the attempt to save and end (kill False), or end it with all it started, however detached (kill True)."""

    async def observe(self) -> Mapping[str, Observed]:
        """All attempts that exist, by id. One that is not in the mapping is proven dead."""

    async def clean(self, id: str) -> None:
        """Remove what an ended attempt left behind: stray processes, its work folder."""


class WorkloadHost(Protocol):
    """Keeps dashboards' processes."""

    async def apply(self, start: Start) -> None:
        """Make the process exist; does nothing when it does."""

    async def sleep(self, id: str) -> None:
        """End the process as `delete` does, but keep what makes the next start of its version quicker, if anything."""

    async def delete(self, id: str) -> None:
        """End the process with all it started, gracefully first, and remove what it left and what sleeps of it."""

    async def observe(self) -> Mapping[str, Observed]:
        """All workload processes that exist, by id, and those that are asleep."""


class Platform(Protocol):
    """One shape of Noteyard."""

    def configure(self, c: Any) -> None:
        """Set JupyterHub's spawner and proxy in its config object."""

    def edge_part(self) -> Mapping[str, Any]:
        """What this shape adds to the edge's dynamic configuration (see edge.py)."""

    @property
    def dashboard_bind(self) -> str:
        """`host:port` that a dashboard's process listens on; port 0: one of its choice."""

    def dashboard_address(self, id: str, host: str, port: int) -> str | None:
        """Where the edge reaches the dashboard's process `id`, which says it serves at an address: `host:port`.

        None when it can't be there: viewers are led nowhere else.
        """

    def data_environment(self, identity: DataIdentity, key: Callable[[], Key]) -> Mapping[str, str]:
        """Variables by which people's code reaches the data; `key` makes a key for them, where one is needed."""

    def runner(self) -> Runner: ...

    def workload_host(self) -> WorkloadHost: ...

    def personal_data(self, person: str) -> PersonalData:
        """How much of a person's own data there is. Blocks, long where there is much."""

    async def purge(self, person: str) -> bool:
        """Delete a person's own folder and their personal S3 data; their lab is off. What is gone already is fine.

        False when there is more: to be called again. Raises NoteyardError or OSError when it can't be deleted now.
        """

    async def sweep_labs(self, has_lab: Callable[[str], Awaitable[bool]]) -> None:
        """End labs whose person has none: `has_lab` is what the hub says of a person's name."""

    async def known_images(self) -> Mapping[str, str]:
        """The profiles' images by digest, under their names in the settings; without those that nothing tells of.

        Raises NoteyardError while the cluster does not answer.
        """

    async def tidy(self) -> None:
        """Remove what work that was broken off left on this shape's own storage."""

    async def close(self) -> None:
        """Give up connections; what runs goes on."""
