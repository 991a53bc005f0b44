"""Values of a schedule that are filled in at each fire: `{{ due | date }}`, `{{ due | days(-1) | date("%Y/%m") }}`.

A text with `{{ … }}` is a template. It may use

- `due`, the due time in the schedule's time zone, `previous_due`, the due time before it, and `attempt`, from 1;
- `days(n)`, `months(n)`: moved by days or months of the calendar, `hours(n)`: by real hours;
- `date`, `datetime`: as text, `2026-01-31` and `2026-01-31T08:30:00+01:00`, or in a format of one's own,
  `date("%d.%m.%Y")`.

and nothing else: no attributes, calls, arithmetic, conditions or loops. What a template gives is read by the
parameter's type, so that `{{ due | date("%Y") }}` is a number for an int. `{{ "{{" }}` is two braces.
"""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from noteyard.domain import Fire
from noteyard.errors import FieldError, InvalidParameters
from noteyard.parameter_texts import OPENING, value_from_text
from noteyard.parameter_values import find_problems, unstorable

LONGEST_TEMPLATE = 2_000  # characters
LONGEST_FORMAT = 100
FARTHEST = 40_000
MOST_NODES = 150  # Python compiles no more than 200 nested parentheses
NAMES = ("due", "previous_due", "attempt")
EXAMPLE = "write for instance {{ due | date }} or {{ due | days(-1) | date }}"
DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
DIRECTIVES = frozenset("YmdHMSyjaAbBVGuUwWIpzZf%")
ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Filter,
    nodes.Const,
    nodes.Neg,
)


class BadTemplate(Exception):
    """A template that can't be used; the text continues a sentence that begins with the field's name."""


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if value is None:
        raise BadTemplate("has no previous due time to use at this fire")
    raise BadTemplate(f"uses a filter for times on {value!r}; {EXAMPLE}")


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > FARTHEST:
        raise BadTemplate(f"moves a time by something else than a whole number up to {FARTHEST:,}, as in days(-1)")
    return value


def _format(value: object, pattern: object) -> str:
    instant = _instant(value)
    if not isinstance(pattern, str) or len(pattern) > LONGEST_FORMAT:
        raise BadTemplate(f"has a time format that is no text of at most {LONGEST_FORMAT} characters")
    unknown = [f"%{letter}" for letter in DIRECTIVE.findall(pattern) if letter not in DIRECTIVES]
    if unknown:
        raise BadTemplate(f'uses {unknown[0]} in a time format, which is not known; for instance "%Y-%m-%d" or "%H:%M"')
    return instant.strftime(pattern)


def _date(value: object, pattern: object = "%Y-%m-%d") -> str:
    return _format(value, pattern)


def _datetime(value: object, pattern: object = None) -> str:
    return _instant(value).isoformat() if pattern is None else _format(value, pattern)


def _days(value: object, count: object = None) -> datetime:
    return _instant(value) + timedelta(days=_count(count))  # the same wall clock time on another day


def _hours(value: object, count: object = None) -> datetime:
    instant = _instant(value)
    return (instant.astimezone(UTC) + timedelta(hours=_count(count))).astimezone(instant.tzinfo)


def _months(value: object, count: object = None) -> datetime:
    instant = _instant(value)
    year, month = divmod(instant.year * 12 + instant.month - 1 + _count(count), 12)
    if not 1 <= year <= 9999:
        raise BadTemplate("moves a time out of the calendar")
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])  # a month after 31 January is 28 February
    return instant.replace(year=year, month=month + 1, day=day)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        # Only {{ }} means anything; the other markers can't occur, since parameters never hold NUL.
        block_start_string="\0{%",
        block_end_string="%}\0",
        comment_start_string="\0{#",
        comment_end_string="#}\0",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=_finalize,
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests.clear()
    environment.filters.clear()
    environment.filters.update(date=_date, datetime=_datetime, days=_days, hours=_hours, months=_months)
    return environment


def _finalize(value: object) -> object:
    if value is None:
        raise BadTemplate("has no previous due time to use at this fire")
    return value.isoformat() if isinstance(value, datetime) else value


ENVIRONMENT = _environment()


def has_templates(values: Mapping[str, Any]) -> bool:
    """Whether any text in the values, however deep, is a template."""
    waiting: list[Any] = list(values.values())
    while waiting:
        match waiting.pop():
            case str() as text if OPENING in text:
                return True
            case list() as items:
                waiting += items
            case dict() as items:
                waiting += items.values()
    return False


def render_templates(schema: Mapping[str, Any], values: Mapping[str, Any], fire: Fire) -> dict[str, Any]:
    """The values with their templates filled in for `fire`, each read by its type in `schema`; give them to `validate`.

    Raises InvalidParameters with every template that can't be filled in.
    """
    rendered, errors = _render_all(schema, values, fire)
    if errors:
        raise InvalidParameters(errors)
    return rendered


def check_templates(schema: Mapping[str, Any], values: Mapping[str, Any], now: datetime, tz: str) -> dict[str, Any]:
    """Check values that may be templates, as for a fire due `now` (aware) in the time zone `tz`.

    Gives what such a fire would pass to the notebook. Raises InvalidParameters with all that is wrong, templates and
    values together.
    """
    sample = Fire(due=now, previous_due=now - timedelta(days=1), attempt=1, timezone=tz)
    rendered, errors = _render_all(schema, values, sample)
    filled, problems = find_problems(schema, rendered)
    broken = {error.field for error in errors}
    errors += [problem for problem in problems if re.split(r"[.\[]", problem.field)[0] not in broken]
    if errors:
        raise InvalidParameters(errors)
    return filled


def _render_all(
    schema: Mapping[str, Any], values: Mapping[str, Any], fire: Fire
) -> tuple[dict[str, Any], list[FieldError]]:
    zone = ZoneInfo(fire.timezone)
    previous = fire.previous_due
    context = {
        "due": fire.due.astimezone(zone),
        "previous_due": None if previous is None else previous.astimezone(zone),
        "attempt": fire.attempt,
    }
    properties: Mapping[str, Any] = schema.get("properties", {})
    rendered: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in values.items():
        if unstorable(value) is not None:
            rendered[name] = value  # left for `validate` to refuse
            continue
        try:
            rendered[name] = _render(properties.get(name, {}), value, context)
        except BadTemplate as error:
            errors.append(FieldError(name, str(error)))
    return rendered, errors


def _render(property_schema: Mapping[str, Any], value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        items = property_schema.get("items", {})
        return [_render(items, item, context) for item in value]
    if isinstance(value, dict):
        items = property_schema.get("additionalProperties", {})
        return {key: _render(items, item, context) for key, item in value.items()}
    if not isinstance(value, str) or OPENING not in value:
        return value
    text = _fill_in(value, context)
    # Without a known type it stays text: "202601" made of a date is no number that anybody meant.
    return text if property_schema.get("x-type", "json") == "json" else value_from_text(property_schema, text)


def _fill_in(text: str, context: Mapping[str, Any]) -> str:
    if len(text) > LONGEST_TEMPLATE:
        raise BadTemplate(f"is a template of {len(text):,} characters, and at most {LONGEST_TEMPLATE:,} are allowed")
    try:
        _check_nodes(ENVIRONMENT.parse(text))
        return ENVIRONMENT.from_string(text).render(context)
    except TemplateError as error:
        raise BadTemplate(f"is no valid template ({error.message}); {EXAMPLE}") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadTemplate(f"can't be filled in ({error}); {EXAMPLE}") from error


def _check_nodes(tree: nodes.Template) -> None:
    found = list(tree.find_all(nodes.Node))
    if len(found) > MOST_NODES:
        raise BadTemplate(f"is a template of more than {MOST_NODES} parts")
    for node in found:
        if isinstance(node, nodes.Name) and node.name not in NAMES:
            raise BadTemplate(f"uses {node.name}, which is not known; there are {', '.join(NAMES)}: {EXAMPLE}")
        if not isinstance(node, ALLOWED_NODES):
            raise BadTemplate(f"uses more than {', '.join(NAMES)} and filters; {EXAMPLE}")
