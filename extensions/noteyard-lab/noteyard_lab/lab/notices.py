"""What a lab tells the person who works in it, as sentences by subject. Pure but for the files it reads."""

import json
import os
from pathlib import Path

from noteyard_lab.lab.home_space import look_now_and_then

S3_STATUS = Path("/run/noteyard-s3/status.json")
"""Where the sidecar that serves s3/team and s3/me says how they are; there is none on one machine."""


def notices() -> dict[str, str]:
    """What is to be told now, by subject: sentences."""
    said = s3_notice(Path(os.environ.get("NOTEYARD_S3_STATUS", S3_STATUS)))
    found = {"s3": said, "home": look_now_and_then().sentence}
    return {subject: sentence for subject, sentence in found.items() if sentence}


def s3_notice(path: Path) -> str:
    """What the sidecar says of the folders; empty when all is well, or when there are no such folders."""
    try:
        return str(json.loads(path.read_text())["said"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return "How s3/team and s3/me are can't be told now."
