"""The README as tests read it."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text()


def commands() -> list[str]:
    """Its commands, in their order."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]
