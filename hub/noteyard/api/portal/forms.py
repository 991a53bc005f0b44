"""What browsers send in forms, read into request bodies; refusals by field."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from noteyard.api.bodies import bounded_body
from noteyard.errors import FieldError, InvalidParameters, NoteyardError, TooLarge

Made = TypeVar("Made", bound=BaseModel)
MOST_FIELDS = 2000
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """A form's names and texts, in their order."""

    pairs: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def text(self, name: str, missing: str = "") -> str:
        """The last text under a name, without space around it."""
        return next((text.strip() for key, text in reversed(self.pairs) if key == name), missing)

    def all(self, name: str) -> list[str]:
        """Every text under a name."""
        return [text for key, text in self.pairs if key == name]

    def under(self, prefix: str) -> list[tuple[str, str]]:
        """Names that begin with a prefix, without it, and their texts; a browser's line ends are made plain."""
        return [(key[len(prefix) :], text.replace("\r\n", "\n")) for key, text in self.pairs if key.startswith(prefix)]

    def words(self, name: str) -> list[str]:
        """A list that was typed with commas, spaces or line ends between."""
        return [word for word in re.split(r"[\s,]+", self.text(name)) if word]

    def lines(self, name: str) -> list[str]:
        """A list that was typed line by line."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def number(self, name: str, scale: float = 1) -> int | None:
        """A number times `scale`, None when nothing was typed; InvalidParameters for other text."""
        text = self.text(name)
        if not text:
            return None
        try:
            return round(float(text) * scale)
        except (ValueError, OverflowError):
            raise InvalidParameters([FieldError(name, f"{text!r} is not a number")]) from None


async def _sent(request: Request) -> Sent:
    text = (await bounded_body(request, MOST_BYTES)).decode("utf-8", "replace")
    try:
        return Sent(tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)))
    except ValueError:
        raise TooLarge(f"The form has more than {MOST_FIELDS} fields.") from None


SentForm = Annotated[Sent, Depends(_sent)]


def body(model: type[Made], values: Mapping[str, Any]) -> Made:
    """A request body of the API; InvalidParameters with every field that can't be used."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = [FieldError(".".join(map(str, item["loc"])), str(item["msg"])) for item in error.errors()]
        raise InvalidParameters(problems) from None


def errors_by_field(error: NoteyardError | None) -> defaultdict[str, str]:
    """Messages by the name of the field, empty for the others: `parameters.days[0]` belongs to `days`."""
    found: defaultdict[str, str] = defaultdict(str)
    for item in getattr(error, "fields", ()):
        path = item.field.removeprefix("parameters.").removeprefix("alerts.")
        name = re.split(r"[.\[]", path)[0]
        found[name] = f"{found[name]}; {item.message}" if name in found else item.message
    return found
