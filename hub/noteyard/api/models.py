"""What the REST API takes and answers."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from noteyard.api.undelivered import UndeliveredModel
from noteyard.domain import Audience, CatchUpPolicy, FireState, OverlapPolicy, Role, RunState, VersionState

Item = TypeVar("Item")
ReleaseId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8,64}$", examples=["5f3a9c0d"], description="A release's id, or its beginning.")
]
Seconds = Annotated[int, Field(ge=1, le=30 * 86400)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"\S")]
"""Words that a page shows as something's name: more than blanks."""
Parameters = Annotated[dict[str, Any], Field(examples=[{"day": "2026-11-22"}], description="Values by parameter name.")]


class Body(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is the cursor of the next page."""

    items: list[Item]
    next: str | None = None


class ReleaseFileModel(Body):
    path: str = Field(examples=["report.ipynb"])
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class ReleaseManifest(Body):
    """The `manifest` field of a new release."""

    notebook: str = Field(examples=["report.ipynb"], description="Path of the notebook among the files.")
    profile: str | None = Field(default=None, description="Profile it runs in; empty: the first one on offer.")
    environment_digest: str | None = None
    files: list[ReleaseFileModel] = Field(min_length=1)


class ReleaseModel(BaseModel):
    id: str
    notebook: str
    profile: str
    environment_digest: str | None
    image: str | None = Field(description="The profile's image by digest, when the release was made (Kubernetes).")
    files: list[ReleaseFileModel]
    schema_: dict[str, Any] = Field(serialization_alias="schema", description="JSON Schema of the parameters.")
    notes: list[Any] = Field(description="What of the parameters cell could not be understood.")
    size: int = Field(description="Bytes.")
    owners: list[str]
    created: datetime = Field(description="When you made it last, or somebody else it first, where it is not yours.")


class Failure(BaseModel):
    """Why a run ended badly."""

    cell: int | None = Field(description="Index of the failing cell in the output notebook.")
    name: str = Field(examples=["ValueError"])
    message: str
    traceback: str
    hint: str | None = None


class RunRequest(Body):
    release: ReleaseId
    parameters: Parameters = Field(default_factory=dict)
    timeout: Seconds | None = Field(default=None, description="Seconds; empty: the installation's limit.")
    retries: int = Field(default=0, ge=0, le=20)


class RerunRequest(Body):
    parameters: Parameters | None = Field(default=None, description="Other parameters; empty: the same.")


class RunModel(BaseModel):
    id: str = Field(examples=["r3k9m2x0q1abcdef"])
    release: str
    notebook: str
    owner: str
    state: RunState
    stopping: bool = Field(description="Cancelling has been asked for.")
    parameters: dict[str, Any]
    created: datetime
    started: datetime | None
    ended: datetime | None
    attempt: int
    retries: int
    timeout: int | None
    cells: int | None
    cells_done: int
    cell: int | None
    error: Failure | None
    schedule: str | None
    due: datetime | None
    rerun_of: str | None
    outputs: list[str] = Field(default_factory=list)
    url: str


class OutputModel(BaseModel):
    name: str
    size: int
    url: str


class Alerts(Body):
    """Who is told when a run has failed for good, works again, or a fire was missed."""

    mail: list[Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+$", max_length=254)]] = Field(
        default_factory=list, max_length=20
    )
    webhooks: list[Annotated[str, Field(pattern=r"^https?://", max_length=2000)]] = Field(
        default_factory=list, max_length=20
    )


class ShareModel(Body):
    kind: Literal["person", "group"]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Role


class ScheduleRequest(Body):
    name: Annotated[Title, Field(examples=["Nightly weather"])]
    release: ReleaseId
    cron: str = Field(min_length=1, max_length=200, examples=["0 6 * * *"])
    timezone: str = Field(default="UTC", max_length=64, examples=["Europe/Berlin"])
    parameters: Parameters = Field(default_factory=dict)
    catch_up: CatchUpPolicy = CatchUpPolicy.LAST
    catch_up_window: int = Field(default=86400, ge=0, le=366 * 86400, description="Seconds.")
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    timeout: Seconds | None = None
    retries: int = Field(default=0, ge=0, le=20)
    alerts: Alerts = Field(default_factory=Alerts)


class ScheduleChange(Body):
    """Fields to change; the others stay, and those that are null. A timeout of null is the installation's."""

    name: Title | None = None
    release: ReleaseId | None = None
    cron: str | None = Field(default=None, min_length=1, max_length=200)
    timezone: str | None = Field(default=None, max_length=64)
    parameters: Parameters | None = None
    catch_up: CatchUpPolicy | None = None
    catch_up_window: int | None = Field(default=None, ge=0, le=366 * 86400)
    overlap: OverlapPolicy | None = None
    timeout: Seconds | None = None
    retries: int | None = Field(default=None, ge=0, le=20)
    alerts: Alerts | None = None


class ScheduleModel(BaseModel):
    id: str
    name: str
    owner: str
    release: str
    notebook: str
    cron: str
    timezone: str
    description: str = Field(description="The rule in words.")
    parameters: dict[str, Any]
    catch_up: CatchUpPolicy
    catch_up_window: int
    overlap: OverlapPolicy
    timeout: int | None
    retries: int
    alerts: Alerts = Field(description="Webhooks by their host alone for those who may not edit the schedule.")
    undelivered: list[UndeliveredModel] = Field(description="Whom alerts do not reach now.")
    paused: bool
    paused_reason: str | None
    failing: bool
    deleted: bool
    upcoming: list[datetime] = Field(description="The next five due times, UTC.")
    releases_behind: int = Field(description="Newer releases of the same notebook by the owner.")
    newest_release: str | None
    shares: list[ShareModel]
    created: datetime
    url: str


class PreviewRequest(Body):
    cron: str = Field(min_length=1, max_length=200, examples=["0 6 * * *"])
    timezone: str = Field(default="UTC", max_length=64)


class PreviewModel(BaseModel):
    upcoming: list[datetime]
    description: str


class FireModel(BaseModel):
    due: datetime
    state: FireState
    reason: str | None
    run: str | None


class DashboardRequest(Body):
    release: ReleaseId
    slug: str = Field(min_length=1, max_length=63, examples=["sales"])
    title: Title
    description: str = Field(default="", max_length=2000)
    audience: Audience = Audience.ME
    people: list[Name] = Field(default_factory=list, max_length=200)
    groups: list[Name] = Field(default_factory=list, max_length=200)
    reads_viewer: bool = False
    parameters: Parameters = Field(default_factory=dict)


class DashboardChange(Body):
    title: Title | None = None
    description: str | None = Field(default=None, max_length=2000)
    audience: Audience | None = None
    people: list[Name] | None = Field(default=None, max_length=200)
    groups: list[Name] | None = Field(default=None, max_length=200)
    reads_viewer: bool | None = None


class VersionRequest(Body):
    release: ReleaseId
    parameters: Parameters | None = Field(
        default=None, description="New default parameters; empty: the same, as far as the notebook has them."
    )


class RollbackRequest(Body):
    version: int = Field(ge=1, le=2**31 - 1)


class VersionModel(BaseModel):
    number: int
    release: str
    state: VersionState
    published_by: str
    created: datetime
    rendered: datetime | None
    error: Failure | None = Field(description="Only for those who manage the dashboard.")


class DashboardModel(BaseModel):
    id: str
    slug: str
    title: str
    description: str
    owner: str
    audience: Audience
    shares: list[ShareModel]
    reads_viewer: bool
    parameters: dict[str, Any]
    current: int | None
    state: Literal["publishing", "failed", "asleep", "starting", "ready"]
    sessions: int
    rendered: datetime | None
    card_url: str | None
    versions: list[VersionModel]
    may_manage: bool
    created: datetime
    url: str


class Shares(Body):
    shares: list[ShareModel] = Field(max_length=500)


class Transfer(Body):
    owner: Name


class PersonModel(BaseModel):
    name: str
    admin: bool
    disabled: bool
    groups: list[str]
    created: datetime | None = None
    last_seen: datetime | None = None


class ProfileModel(BaseModel):
    name: str
    title: str
    description: str
    cpu: float | None
    memory_mb: int | None


class AuditModel(BaseModel):
    id: int
    at: AwareDatetime
    who: str
    action: str
    thing: str
    detail: dict[str, Any]
    request_id: str
