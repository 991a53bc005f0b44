"""Writes the generated pages of docs/ (`make docs`), or checks that they are current (`--check`).

docs/settings.md   every option: type, default, help, environment variable; from noteyard/settings.py
docs/rest.md       every operation of the REST API; from its OpenAPI document
docs/cli.md        every command of `noteyard` and `yard`; from the commands themselves
docs/chart.md      every value of the Helm chart, and values.schema.json beside the chart; from tools/chart_values.py
"""

import sys
from pathlib import Path
from typing import get_origin

from chart_page import chart_page
from chart_schema import schema
from cli_page import cli_page
from noteyard.settings import Settings
from noteyard.settings_file import FILE_NAME
from rest_page import rest_page
from settings_tables import options, section_of, table

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = f"""# Settings

<!-- Made from hub/noteyard/settings.py by `make docs`. Do not edit. -->

Noteyard reads one file, `{FILE_NAME}` in the state folder (`~/.noteyard`, or what `--state` and `NOTEYARD_STATE` say).
No option must be set. Environment variables override the file: two underscores lead one level down, so
`NOTEYARD_RUNS__CONCURRENT=8` is `runs.concurrent`. Lists are given as JSON there. A mistake is answered at the start
by the option, the value and what is allowed.

```yaml
# {FILE_NAME}
port: 8000
runs:
  concurrent: 8
profiles:
  - name: default
    title: Data science
  - name: large
    title: Large models
    memory_mb: 16384
    groups: [research]
```

`noteyard config show` prints what is in force; `noteyard config check` looks for what is missing, and says what it
costs. Changes take effect at the next start (`noteyard down`, `noteyard up`).
"""


def main() -> int:
    pages = {
        "docs/settings.md": settings_page,
        "docs/rest.md": rest_page,
        "docs/cli.md": cli_page,
        "docs/chart.md": chart_page,
        "helm/noteyard/values.schema.json": schema,
    }
    stale = []
    for name, make in pages.items():
        page, text = ROOT / name, make()
        if page.exists() and page.read_text() == text:
            continue
        stale.append(str(page))
        if "--check" not in sys.argv[1:]:
            page.write_text(text)
    if stale and "--check" in sys.argv[1:]:
        print(f"Not current: {', '.join(stale)}. Make it so: make docs", file=sys.stderr)
        return 1
    return 0


def settings_page() -> str:
    """docs/settings.md."""
    own = [name for name, field in Settings.model_fields.items() if section_of(field) is None]
    parts = [INTRODUCTION, "## General\n", table(options(Settings, "", only=own))]
    for name, field in Settings.model_fields.items():
        section = section_of(field)
        if section is None:
            continue
        listed = get_origin(field.annotation) is list
        parts.append(f"\n## `{name}`{' (a list)' if listed else ''}\n")
        parts.append(f"{(section.__doc__ or '').strip()}\n")
        parts.append(table(options(section, f"{name}[]." if listed else f"{name}.")))
    return "\n".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
