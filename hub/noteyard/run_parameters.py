"""The values a run's notebook gets: a schedule's templates filled in for the fire, then validated."""

from typing import Any

from noteyard.domain import Fire
from noteyard.fire_templates import render_templates
from noteyard.parameters import validate
from noteyard.store.tables import Run, Schedule


def rendered_parameters(run: Run, attempt: int, schema: dict[str, Any], schedule: Schedule | None) -> dict[str, Any]:
    """Values by parameter name, with defaults. Only a fire's values are templates; InvalidParameters as validate.

    `schedule` is the run's, for runs that do not remember their time zone.
    """
    # An older controller that still fires while an update goes on remembers none.
    timezone = run.timezone or (schedule.timezone if schedule is not None else None)
    values = run.parameters
    if timezone is not None and run.due is not None:
        values = render_templates(schema, values, Fire(run.due, run.previous_due, max(attempt, 1), timezone))
    return validate(schema, values)
