"""The dialect in which parameter schemas are checked: JSON Schema 2020-12 with our reading of dates, their bounds, and
exact multiples.

`formatMinimum`, `formatMaximum`, `formatExclusiveMinimum` and `formatExclusiveMaximum` bound dates and datetimes; a
datetime without an offset counts as UTC there.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def parse_date(text: str) -> date:
    """`2026-01-31` as a date. Raises ValueError."""
    if not DATE.fullmatch(text):
        raise ValueError(f"{text!r} is no date like 2026-01-31")
    return date.fromisoformat(text)


def parse_datetime(text: str) -> datetime:
    """`2026-01-31T08:30`, with or without seconds and UTC offset, as a datetime. Raises ValueError."""
    if not DATETIME.fullmatch(text):
        raise ValueError(f"{text!r} is no date and time like 2026-01-31T08:30")
    return datetime.fromisoformat(text)


PARSERS: Mapping[str, Callable[[str], date]] = {"date": parse_date, "date-time": parse_datetime}

FORMATS = FormatChecker(formats=())
for _name, _parse in PARSERS.items():
    FORMATS.checks(_name, raises=ValueError)(
        lambda value, parse=_parse: not isinstance(value, str) or bool(parse(value))
    )


def _comparable(value: date) -> date:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _bound(keeps: Callable[[Any, Any], bool]) -> Callable[..., Iterator[ValidationError]]:
    def check(_validator: Any, bound: str, value: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
        parse = PARSERS.get(schema.get("format", ""))
        if parse is None or not isinstance(value, str) or not FORMATS.conforms(value, schema["format"]):
            return
        if not keeps(_comparable(parse(value)), _comparable(parse(bound))):
            yield ValidationError(f"{value} is out of bounds")

    return check


def _multiple(validator: Any, step: float, value: Any, _schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    # By decimal digits: 0.3 is a multiple of 0.1 for people, and for binary fractions is not.
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(step)):
        yield ValidationError(f"{value} is no multiple of {step}")


Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "formatMinimum": _bound(operator.ge),
        "formatMaximum": _bound(operator.le),
        "formatExclusiveMinimum": _bound(operator.gt),
        "formatExclusiveMaximum": _bound(operator.lt),
        "multipleOf": _multiple,
    },
)


def errors_of(schema: Mapping[str, Any], value: Any) -> list[ValidationError]:
    """What is wrong with `value` by `schema`, outermost first."""
    found: Iterator[ValidationError] = Validator(schema, format_checker=FORMATS).iter_errors(value)
    return sorted(found, key=lambda error: [str(part) for part in error.absolute_path])
