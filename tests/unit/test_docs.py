"""Generated pages are current, and tell what they should."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_page_of_settings_tells_type_default_and_help() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert "| `port` | whole number, at least 1, at most 65534 | `8000` | Port of hub, labs and dashboards" in page
    assert "| `mail.tls` | `none` or `starttls` or `tls` | `none` |" in page
    assert "| `profiles[].name` | text | required |" in page
