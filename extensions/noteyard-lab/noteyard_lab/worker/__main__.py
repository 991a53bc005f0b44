"""`python -m noteyard_lab.worker --attempt ID [--access FILE]`.

One line of JSON with api, attempt and token comes by standard input, or from the file.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from noteyard_lab.hub_client import find_access
from noteyard_lab.process import shield
from noteyard_lab.worker.kernel import VALIDATOR


def main() -> int:
    """Execute the attempt; the exit code."""
    shield()
    parser = argparse.ArgumentParser(prog="noteyard_lab.worker", description="Execute one attempt of a run.")
    parser.add_argument("--attempt", required=True, metavar="ID", help="the attempt's id, e.g. r4k2m9x0q1ab.1")
    parser.add_argument("--access", type=Path, metavar="FILE", help="in place of standard input")
    options = parser.parse_args()
    wanted = options.attempt
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s %(levelname)s {wanted} %(name)s: %(message)s")
    logging.getLogger("noteyard_lab").setLevel(logging.INFO)
    try:
        access = find_access(options.access, "attempt")
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if access.subject != wanted:
        parser.error(f"standard input is for the attempt {access.subject}, not for {wanted}")
    # nbformat's other validator first compiles the schema, which takes longer than a small notebook's validation.
    os.environ[VALIDATOR] = "jsonschema"
    from noteyard_lab.worker.execution import Execution

    code = Execution(access).run()
    logging.shutdown()
    # Libraries' threads and sockets have nothing left to do; waiting for them would only take time.
    os._exit(code)


if __name__ == "__main__":
    main()
