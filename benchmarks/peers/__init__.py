"""Programs that only the benchmarks need: configurable-http-proxy, by npm from the lock beside this file."""

import subprocess
from pathlib import Path

from tools.build_assets import find_npm

FOLDER = Path(__file__).parent


def proxy_program() -> Path:
    """configurable-http-proxy, installed the first time. Raises RuntimeError when npm can't be had."""
    program = FOLDER / "node_modules" / ".bin" / "configurable-http-proxy"
    if not program.exists():
        npm = find_npm()
        if npm is None:
            raise RuntimeError("The benchmarks need npm for configurable-http-proxy. Install Node.js (it brings npm).")
        subprocess.run([*npm, "ci", "--loglevel=error"], cwd=FOLDER, check=True)
    return program
