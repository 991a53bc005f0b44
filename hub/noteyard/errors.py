"""What a person may see: a message, a hint with the next step, and the HTTP status it travels with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class NoteyardError(Exception):
    """A refusal in words.

    `message` says what and where in one sentence, `hint` what to do next; `status` is the HTTP status code of the
    problem document (RFC 9457) that the API makes of it.
    """

    title = "Request refused"

    def __init__(self, message: str, hint: str | None = None, status: int = 400) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.message = message
        self.hint = hint
        self.status = status


def not_started(error: NoteyardError) -> dict[str, Any]:
    """The failure (cell, name, message, traceback, hint) of a run or dashboard whose process could not be started."""
    return {"cell": None, "name": "NotStarted", "message": error.message, "traceback": "", "hint": error.hint}


class NotFound(NoteyardError):
    """The thing does not exist, or may not be seen by who asks: the two are not told apart."""

    title = "Not found"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 404)


class Forbidden(NoteyardError):
    """Who asks is known, sees the thing, and may not do this with it."""

    title = "Not allowed"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 403)


class Conflict(NoteyardError):
    """The thing is in a state in which this can't be done, or the name is taken."""

    title = "Conflict"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 409)


class TooLarge(NoteyardError):
    """Over a size limit from the settings."""

    title = "Too large"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 413)


class TooMany(NoteyardError):
    """Over a rate limit or a limit on concurrent things."""

    title = "Too many requests"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 429)


class Unavailable(NoteyardError):
    """A part that this needs is away for the moment; trying again later helps."""

    title = "Not available right now"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint, 503)


@dataclass(frozen=True)
class FieldError:
    """One refused field: its name (dotted path) and what is wrong with it."""

    field: str
    message: str


class InvalidParameters(NoteyardError):
    """Values that do not fit a parameter schema or a request's form; all of them, each with its field."""

    title = "Invalid values"

    def __init__(self, fields: Sequence[FieldError], message: str | None = None, hint: str | None = None) -> None:
        self.fields = tuple(fields)
        listed = "; ".join(f"{error.field}: {error.message}" for error in self.fields)
        super().__init__(message or f"Some values can't be used: {listed}.", hint, 422)
