"""docs/chart.md: every value of the Helm chart."""

from chart_schema import NOT_SET_BY_PEOPLE
from chart_values import ChartValues
from settings_tables import options, section_of, table

INTRODUCTION = """# The chart's values

<!-- Made from tools/chart_values.py by `make docs`. Do not edit. -->

How to install is in [kubernetes.md](kubernetes.md). Values are checked by `helm/noteyard/values.schema.json`: one that
does not exist, or is of a wrong kind, is refused with its path before anything is changed.

## `settings`

Noteyard's own settings, as [settings.md](settings.md) describes them. Needed are `urls.hub`, `urls.apps` and an `image`
for each of the `profiles`. The chart sets these itself, and refuses them here: {own}.
"""


def chart_page() -> str:
    """docs/chart.md."""
    own = [f"`{_path(section)}{name}`" for section, names in NOT_SET_BY_PEOPLE.items() for name in names]
    parts = [INTRODUCTION.format(own=", ".join(own))]
    plain = [name for name, field in ChartValues.model_fields.items() if section_of(field) is None]
    parts.append("## General\n")
    parts.append(table(options(ChartValues, "", only=plain)))
    for name, field in ChartValues.model_fields.items():
        section = section_of(field)
        if section is not None:
            parts.append(f"\n## `{name}`\n\n{(section.__doc__ or '').strip()}\n")
            parts.append(table(options(section, f"{name}.")))
    return "\n".join(parts)


def _path(section: str) -> str:
    return {"": "", "Profile": "profiles[].", "Mount": "kubernetes.mount."}.get(section, f"{section.lower()}.")
