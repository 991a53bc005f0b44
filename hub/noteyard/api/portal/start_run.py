"""Starting a run: choose or upload a release, then a form from its parameter schema."""

from typing import Any

from fastapi import APIRouter, Response

from noteyard.api import runs as rest
from noteyard.api.models import RunRequest
from noteyard.api.portal.choosing import choose_release, release_for
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.api.portal.parameter_fields import fields_of, values_of
from noteyard.errors import NoteyardError

router = APIRouter(prefix="/portal/runs", include_in_schema=False)


@router.get("/new")
def new(desk: Desk, release: str = "", like: str = "", cursor: str | None = None, notebook: str = "") -> Response:
    if not release:
        return choose_release(desk, "Run a notebook", cursor, notebook)
    values: dict[str, Any] = {}
    if like:
        values = rest.show(like, desk.person, desk.database, desk.settings, desk.urls).parameters
    return _form(desk, release, values)


@router.post("/new")
def start(desk: Desk, sent: SentForm) -> Response:
    release = sent.text("release")
    try:
        schema = release_for(desk, release).schema_
        request = {
            "release": release,
            "parameters": values_of(schema, sent),
            "timeout": sent.number("timeout", 60),
            "retries": sent.number("retries") or 0,
        }
        run = rest.create(
            body(RunRequest, request), desk.person, desk.database, desk.settings, desk.urls, desk.request_id
        )
    except NoteyardError as error:
        return _form(desk, release, {}, sent, error)
    return desk.go(f"/portal/runs/{run.id}")


def _form(
    desk: AtDesk, id: str, values: dict[str, Any], sent: Sent | None = None, error: NoteyardError | None = None
) -> Response:
    release = release_for(desk, id)
    errors = errors_by_field(error)
    return desk.page(
        "run_new.html",
        error.status if error else 200,
        release=release,
        fields=fields_of(release.schema_, values, sent, errors),
        error=error,
        errors=errors,
        sent=sent or Sent(),
        limit=desk.settings.runs.timeout_seconds,
    )
