"""After `pip install` in a lab: say who will not see the package. Imported by pip's process alone."""

import atexit
import sys

NOTICE = """
Noteyard: packages that you install are in a folder of your own, for your lab's kernels and terminals.
Runs and dashboards use the profile as it is and won't see them.
Ask an administrator to add to the profile what your runs and dashboards need."""


def announce() -> None:
    print(NOTICE, flush=True)  # noqa: T201


if "install" in sys.orig_argv:
    atexit.register(announce)
