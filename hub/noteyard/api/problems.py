"""Errors as RFC 9457 problem documents; one shape for every refusal of the API."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, StatementError
from starlette.exceptions import HTTPException

from noteyard.api import error_pages
from noteyard.errors import FieldError, InvalidParameters, NoteyardError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    """One refused field."""

    field: str = Field(description="Path of the field.", examples=["parameters.day"])
    message: str = Field(description="What is wrong with it.", examples=["'tomorrow' is not a date (YYYY-MM-DD)"])


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str = Field(default="about:blank")
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened, in one sentence.", examples=["There is no run 'r123'."])
    hint: str | None = Field(default=None, description="What to do next.")
    fields: list[ProblemField] = Field(default_factory=list)
    request_id: str | None = Field(default=None, description="Find it in the logs.")


def problem(request: Request, error: NoteyardError) -> JSONResponse:
    """The response for a refusal."""
    fields = [ProblemField(field=f.field, message=f.message) for f in getattr(error, "fields", ())]
    body = Problem(
        title=error.title,
        status=error.status,
        detail=error.message,
        hint=error.hint,
        fields=fields,
        request_id=getattr(request.state, "request_id", None),
    )
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    retry = getattr(error, "retry_after", None)
    if retry is not None:
        headers["Retry-After"] = str(retry)
    return JSONResponse(body.model_dump(mode="json"), error.status, headers, MEDIA_TYPE)


def answer_to(request: Request, error: NoteyardError) -> Response:
    """A page for a person at a portal page, else the problem document."""
    if error_pages.wants_page(request):
        return error_pages.error_page(request, error)
    return problem(request, error)


def install(app: FastAPI) -> None:
    """Answer every error of the app: with a problem document, or a page where a person looks."""
    error_pages.install(app)

    @app.exception_handler(NoteyardError)
    async def refused(request: Request, error: NoteyardError) -> Response:
        return answer_to(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        fields = [_field_error(item) for item in error.errors()]
        return answer_to(request, InvalidParameters(fields))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        answer = answer_to(
            request, error_pages.Unrouted(f"{detail}: {request.method} {request.url.path}", detail, error.status_code)
        )
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(DataError)
    @app.exception_handler(OverflowError)
    async def unstorable(request: Request, error: Exception) -> Response:
        # PostgreSQL's text holds no NUL character, SQLite's does; drivers and datetimes refuse what is out of range.
        log.warning("a value can't be stored", path=request.url.path, exc_info=error)
        message = "A value can't be used: it holds a character, a number or a time that the database does not take."
        hint = "Leave control characters out, and numbers and times that nothing needs."
        return answer_to(request, NoteyardError(message, hint, 422))

    @app.exception_handler(StatementError)
    async def refused_on_the_way(request: Request, error: StatementError) -> Response:
        told = unstorable if isinstance(error.orig, OverflowError) else unexpected
        return await told(request, error)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("request failed", path=request.url.path, exc_info=error)
        message = "Something went wrong on our side; the log has the details under this request's id."
        return answer_to(request, error_pages.Unrouted(message, "Internal error", 500))


def _field_error(item: Mapping[str, Any]) -> FieldError:
    if item["type"] == "json_invalid":  # its location is the place in the text, and no field
        reason = item.get("ctx", {}).get("error", "it can't be read")
        return FieldError("request", f"its body is not JSON: {reason}, at character {item['loc'][-1]}")
    return FieldError(_path(item["loc"]), str(item["msg"]))


def _path(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location if part not in ("body", "query", "path", "form")]
    return ".".join(parts) or "request"


RESPONSES = {
    status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": text}
    for status, text in {
        400: "The request can't be used.",
        401: "Who asks is not known.",
        403: "Not allowed.",
        404: "Not found, or not to be seen.",
        409: "Not possible in this state.",
        413: "Larger than the installation allows.",
        422: "Some values can't be used.",
        429: "Too often; try again later.",
        503: "A part that is needed is away.",
    }.items()
}
