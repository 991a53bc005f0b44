"""Releases: upload, list, look."""

import asyncio
import hashlib
import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile

from noteyard.access import Action, allowed
from noteyard.api.bodies import BoundedRequest
from noteyard.api.dependencies import Config, Db, RequestId, Store
from noteyard.api.examples import MANIFEST
from noteyard.api.identity import Asking
from noteyard.api.models import Page, ReleaseManifest, ReleaseModel
from noteyard.api.problems import RESPONSES
from noteyard.api.streams import answers, stored
from noteyard.domain import Person, Role, Sharing
from noteyard.errors import FieldError, Forbidden, InvalidParameters, NotFound
from noteyard.objects import Objects, blob_key
from noteyard.parameters import ParameterSchema, schema_from_notebook
from noteyard.profiles import choose_profile
from noteyard.releases import MAX_FILES, Manifest, ReleaseFile, check_manifest, too_large
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.audit import record
from noteyard.store.images import known_image
from noteyard.store.releases import add_release, get_release, list_releases, made_by, owners_of, place_of
from noteyard.store.schedules import shared_things, shares_of
from noteyard.store.tables import Release, Schedule
from noteyard.store.workload_tables import Dashboard, DashboardVersion

router = APIRouter(prefix="/api/v1/releases", tags=["releases"], responses=RESPONSES)  # type: ignore[arg-type]

UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["manifest", "file"],
                    "properties": {
                        "manifest": {"type": "string", "description": "JSON: a ReleaseManifest."},
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "The files; each part's filename is its path in the manifest.",
                        },
                    },
                },
                "example": {"manifest": json.dumps(MANIFEST), "file": ["(the bytes of report.ipynb)"]},
            }
        },
    }
}
AS_THEY_ARE = ("id", "notebook", "profile", "environment_digest", "image", "files")


@router.post(
    "",
    status_code=201,
    openapi_extra=UPLOAD,
    responses={200: {"description": "This content is known already.", "model": ReleaseModel}},
)
async def create(
    request: Request, response: Response, asking: Asking, database: Db, settings: Config, objects: Store
) -> ReleaseModel:
    """Store a release: a form with the field `manifest` and the files. The same content twice is one release."""
    if "write" not in asking.scopes:
        raise Forbidden("This token may read only.", "Make one with `noteyard token NAME --scope write`.")
    bounded = _bounded(request, settings)
    async with bounded.form(max_files=MAX_FILES, max_fields=10, max_part_size=8 * 1024 * 1024) as form:
        body = _manifest(form)
        files = _files(form)
        contents = {path: await asyncio.to_thread(_digest, upload) for path, upload in files.items()}
        profile = choose_profile(settings, asking, body.profile)
        manifest = Manifest(
            notebook=body.notebook,
            profile=profile.name,
            environment_digest=body.environment_digest,
            files=tuple(sorted(ReleaseFile(f.path, f.sha256, f.size) for f in body.files)),
            image=await asyncio.to_thread(_known, database, profile.image),
        )
        check_manifest(manifest, contents, settings.releases.size_limit_mb)
        schema = schema_from_notebook(await _notebook(files[manifest.notebook], manifest.notebook))
        await _store(objects, manifest, files)
    made, is_new = await asyncio.to_thread(_add, database, manifest, schema, asking.name)
    response.status_code = 201 if is_new else 200
    return made


@router.get("")
def list_all(
    asking: Asking,
    database: Db,
    notebook: str | None = None,
    cursor: str | None = None,
    limit: int = Query(default=50, ge=1, le=200),
) -> Page[ReleaseModel]:
    """Your releases, newest first: by when you made each last."""
    with database.read() as session:
        found = list_releases(session, asking.name, notebook, cursor, limit)
        owners = owners_of(session, *(release.id for release, _ in found))
        items = [_model(release, owners[release.id], made) for release, made in found[:limit]]
    return Page(items=items, next=place_of(*found[limit - 1]) if len(found) > limit else None)


@router.get("/{id}")
def show(id: str, asking: Asking, database: Db, settings: Config) -> ReleaseModel:
    """One release."""
    with database.read() as session:
        release = readable_release(session, id, asking, settings)
        return _model(release, owners_of(session, release.id)[release.id], made_by(session, release, asking.name))


@router.get("/{id}/files/{path:path}", response_class=StreamingResponse, responses=answers("application/octet-stream"))
async def file(
    id: str, path: str, asking: Asking, database: Db, settings: Config, objects: Store, request_id: RequestId
) -> StreamingResponse:
    """A file's bytes."""

    def found() -> Release:
        with database.write() as session:
            release = readable_release(session, id, asking, settings)
            if not _may(session, release, asking, Action.READ, False):
                record(session, asking.name, "release.read", release.id, {"path": path}, request_id)
            return release

    for item in (await asyncio.to_thread(found)).files:
        if item["path"] == path:
            return await stored(objects, blob_key(item["sha256"]), "application/octet-stream")
    raise NotFound(f"The release has no file {path!r}.")


def readable_release(session: Session, id: str, person: Person, settings: Settings) -> Release:
    """The release, if the person may read it; NotFound otherwise."""
    release = get_release(session, id)
    if _may(session, release, person, Action.READ, settings.admin_access):
        return release
    raise NotFound(f"There is no release {id[:12]!r}.", "Make one with `yard run` or `yard publish`.")


def runnable_release(session: Session, id: str, person: Person, settings: Settings) -> Release:
    """The release, if the person may run and publish it: one's own, or shared as manager, in a profile open to them."""
    release = readable_release(session, id, person, settings)
    if not _may(session, release, person, Action.RUN, False):
        raise Forbidden(
            "This release is somebody else's: its code would run with your keys.",
            "Ask its owner to share it with you as manager, or make a release of your own from its files.",
        )
    choose_profile(settings, person, release.profile)
    return release


def _may(session: Session, release: Release, person: Person, action: Action, admin_access: bool) -> bool:
    owners = owners_of(session, release.id)[release.id]
    if person.name in owners:
        return allowed(person, action, person.name)
    shares = _shares_by_use(session, release.id, person)
    return allowed(person, action, owners[0] if owners else "", shares, admin_access=admin_access)


def _shares_by_use(session: Session, release: str, person: Person) -> list[Sharing]:
    # A release takes its shares from the schedules and dashboards that use it; who may only look at a dashboard
    # reads no source.
    shares: list[Sharing] = []
    for kind, used in (
        ("schedule", _schedules_with(session, release)),
        ("dashboard", _dashboards_with(session, release)),
    ):
        shared = set(shared_things(session, kind, person)) & used.keys()
        given = [share for thing in shared for share in shares_of(session, kind, thing)]
        shares += [share for share in given if kind == "schedule" or share.role is Role.MANAGER]
        shares += [Sharing("person", owner, Role.MANAGER) for owner in used.values() if owner == person.name]
    return shares


def _schedules_with(session: Session, release: str) -> dict[str, str]:
    rows = session.query(Schedule.id, Schedule.owner).filter(Schedule.release == release, Schedule.deleted.is_(None))
    return {row[0]: row[1] for row in rows}


def _dashboards_with(session: Session, release: str) -> dict[str, str]:
    rows = (
        session.query(Dashboard.id, Dashboard.owner)
        .join(DashboardVersion, DashboardVersion.dashboard == Dashboard.id)
        .filter(DashboardVersion.release == release, Dashboard.deleted.is_(None))
    )
    return {row[0]: row[1] for row in rows}


def _known(database: Database, image: str | None) -> str | None:
    if image is None:
        return None
    with database.read() as session:
        return known_image(session, image)


def _add(database: Database, manifest: Manifest, schema: ParameterSchema, owner: str) -> tuple[ReleaseModel, bool]:
    notes = [{"line": note.line, "message": note.message} for note in schema.notes]
    with database.write() as session:
        release, is_new = add_release(session, manifest, dict(schema.json_schema), notes, owner)
        session.flush()
        return _model(release, owners_of(session, release.id)[release.id], made_by(session, release, owner)), is_new


def _bounded(request: Request, settings: Settings) -> BoundedRequest:
    """The request, of which no more is read than a release may have; TooLarge at once when it says it is larger."""
    limit = settings.releases.size_limit_mb
    # Form boundaries and the manifest come on top of the files.
    most = (limit + 16) * 1024 * 1024
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large(int(length), limit)
    return BoundedRequest(request, most, too_large(most, limit, at_least=True))


def _manifest(form: FormData) -> ReleaseManifest:
    text = form.get("manifest")
    if not isinstance(text, str):
        raise InvalidParameters([FieldError("manifest", "the form needs a field `manifest` with JSON")])
    try:
        return ReleaseManifest.model_validate_json(text)
    except ValidationError as error:
        problems = [FieldError(".".join(["manifest", *map(str, e["loc"])]), e["msg"]) for e in error.errors()]
        raise InvalidParameters(problems) from None


def _files(form: FormData) -> dict[str, UploadFile]:
    return {item.filename or "": item for item in form.getlist("file") if isinstance(item, UploadFile)}


def _digest(upload: UploadFile) -> tuple[str, int]:
    digest = hashlib.file_digest(upload.file, "sha256")  # type: ignore[arg-type]
    size = upload.file.tell()
    upload.file.seek(0)
    return digest.hexdigest(), size


async def _notebook(upload: UploadFile, name: str) -> dict[str, Any]:
    content = await upload.read()
    await upload.seek(0)
    try:
        notebook = json.loads(content)
    except ValueError as error:
        raise InvalidParameters([FieldError("notebook", f"{name} is not a notebook: {error}")]) from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InvalidParameters([FieldError("notebook", f"{name} is not a notebook of format 4 (it has no cells)")])
    return notebook


async def _store(objects: Objects, manifest: Manifest, files: dict[str, UploadFile]) -> None:
    for file in manifest.files:
        await objects.put_blob_async(file.sha256, await files[file.path].read())
        await files[file.path].seek(0)


def _model(release: Release, owners: list[str], made: datetime) -> ReleaseModel:
    return ReleaseModel.model_validate(
        {
            **{name: getattr(release, name) for name in AS_THEY_ARE},
            "schema_": release.schema,
            "notes": release.notes,
            "size": release.size,
            "owners": owners,
            "created": made,
        }
    )
