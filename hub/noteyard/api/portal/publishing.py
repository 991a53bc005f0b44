"""Publishing a dashboard: a new one, or a newer release behind a link that is there."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from noteyard.api import dashboards as rest
from noteyard.api.models import DashboardModel, DashboardRequest, VersionRequest
from noteyard.api.portal.choosing import choose_release, release_for
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.api.portal.parameter_fields import fields_of, values_of
from noteyard.api.portal.sharing import check_subjects
from noteyard.domain import Audience
from noteyard.errors import NoteyardError
from noteyard.names import slug_from

router = APIRouter(include_in_schema=False)

AUDIENCES = (
    (Audience.ME, "Only me", ""),
    (Audience.PEOPLE, "People", "those named below"),
    (Audience.GROUPS, "Groups", "the groups and people named below"),
    (Audience.USERS, "Everyone who can log in", ""),
    (Audience.PUBLIC, "Public", "anyone with the link, without a login"),
)


@router.get("/portal/publish")
def new(desk: Desk, release: str = "", cursor: str | None = None, notebook: str = "") -> Response:
    if not release:
        return choose_release(desk, "Publish a dashboard", cursor, notebook)
    return _new_form(desk, release)


@router.post("/portal/publish")
def publish(desk: Desk, sent: SentForm) -> Response:
    release = sent.text("release")
    try:
        wanted = {
            "release": release,
            "slug": sent.text("slug"),
            "parameters": values_of(release_for(desk, release).schema_, sent),
            **settings_of(desk, sent),
        }
        made = rest.create(
            body(DashboardRequest, wanted), desk.person, desk.database, desk.settings, desk.urls, desk.request_id
        )
    except NoteyardError as error:
        return _new_form(desk, release, sent, error)
    return desk.go(f"/portal/dashboards/{made.slug}", "It is being rendered, and shown as soon as that has worked.")


@router.get("/portal/dashboards/{slug}/publish")
def newer(desk: Desk, slug: str, release: str = "", cursor: str | None = None, notebook: str = "") -> Response:
    dashboard = rest.show(slug, desk.person, desk.database, desk.settings, desk.urls)
    if not release:
        return choose_release(desk, f"Publish a newer release of {dashboard.title}", cursor, notebook)
    return _newer_form(desk, dashboard, release)


@router.post("/portal/dashboards/{slug}/publish")
def publish_newer(desk: Desk, slug: str, sent: SentForm) -> Response:
    dashboard = rest.show(slug, desk.person, desk.database, desk.settings, desk.urls)
    release = sent.text("release")
    try:
        values = values_of(release_for(desk, release).schema_, sent, dashboard.parameters)
        wanted = body(VersionRequest, {"release": release, "parameters": values})
        rest.add(slug, wanted, desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    except NoteyardError as error:
        return _newer_form(desk, dashboard, release, sent, error)
    return desk.go(f"/portal/dashboards/{quote(slug)}", "It takes over when it has rendered, and never when it fails.")


def settings_of(desk: AtDesk, sent: Sent) -> dict[str, Any]:
    """Title, description and audience from a form."""
    people, groups = sent.words("people"), sent.words("groups")
    check_subjects(desk, people, groups)
    return {
        "title": sent.text("title"),
        "description": sent.text("description"),
        "audience": sent.text("audience"),
        "people": people,
        "groups": groups,
        "reads_viewer": sent.text("reads_viewer") == "yes",
    }


def _new_form(desk: AtDesk, id: str, sent: Sent | None = None, error: NoteyardError | None = None) -> Response:
    release = release_for(desk, id)
    errors = errors_by_field(error)
    title = PurePosixPath(release.notebook).stem.replace("_", " ").replace("-", " ").strip().capitalize()
    texts = {"title": title, "slug": slug_from(title), "description": "", "audience": Audience.ME.value}
    texts |= {"people": "", "groups": "", "reads_viewer": ""}
    if sent:
        texts = {name: sent.text(name) for name in texts}
    return desk.page(
        "dashboard_new.html",
        error.status if error else 200,
        release=release,
        fields=fields_of(release.schema_, {}, sent, errors),
        texts=texts,
        errors=errors,
        error=error,
        audiences=AUDIENCES,
    )


def _newer_form(
    desk: AtDesk, dashboard: DashboardModel, id: str, sent: Sent | None = None, error: NoteyardError | None = None
) -> Response:
    release = release_for(desk, id)
    errors = errors_by_field(error)
    return desk.page(
        "dashboard_newer.html",
        error.status if error else 200,
        release=release,
        dashboard=dashboard,
        fields=fields_of(release.schema_, dashboard.parameters, sent, errors),
        error=error,
    )
