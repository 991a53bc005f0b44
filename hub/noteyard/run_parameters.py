"""The values a run's notebook gets: a schedule's templates filled in for the fire, then validated."""

from typing import Any

from noteyard.domain import Fire
from noteyard.errors import NoteyardError
from noteyard.fire_templates import render_templates
from noteyard.parameters import validate
from noteyard.schedules import known_zone
from noteyard.store.tables import Run, Schedule


def rendered_parameters(run: Run, attempt: int, schema: dict[str, Any], schedule: Schedule | None) -> dict[str, Any]:
    """Values by parameter name, with defaults. Only a fire's values are templates; InvalidParameters as validate.

    `schedule` is the run's, for runs that do not remember their time zone.
    """
    # An older controller that still fires while an update goes on remembers none.
    timezone = run.timezone or (schedule.timezone if schedule is not None else None)
    values = run.parameters
    if timezone is not None and run.due is not None:
        fire = Fire(run.due, run.previous_due, max(attempt, 1), known_zone(timezone))
        values = render_templates(schema, values, fire)
    return validate(schema, values)


def shown_parameters(run: Run, schema: dict[str, Any], schedule: Schedule | None) -> dict[str, Any]:
    """The values of the run's present attempt, or as they were given when they can't be filled in."""
    # What was good at the fire can stop being so: its zone is gone, or `attempt` is out of the bounds at a retry.
    try:
        return rendered_parameters(run, run.attempt, schema, schedule)
    except NoteyardError:
        return run.parameters
