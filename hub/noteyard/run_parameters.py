"""The values a run's notebook gets: a schedule's templates filled in for the fire, then validated."""

from typing import Any

from noteyard.domain import Fire
from noteyard.fire_templates import render_templates
from noteyard.parameters import validate
from noteyard.store.tables import Run, Schedule


def rendered_parameters(run: Run, attempt: int, schema: dict[str, Any], schedule: Schedule | None) -> dict[str, Any]:
    """Values by parameter name, with defaults. Only a fire's values are templates; InvalidParameters as validate."""
    values = run.parameters
    if schedule is not None and run.due is not None:
        fire = Fire(run.due, run.previous_due, max(attempt, 1), schedule.timezone)
        values = render_templates(schema, values, fire)
    return validate(schema, values)
