"""Who looks at a dashboard: what a published notebook may ask.

A dashboard that shows each viewer something of their own asks in its cells:

    import noteyard_lab

    me = noteyard_lab.viewer()
    orders = orders[orders["region"].isin(me.groups)]

It is published as one that reads its viewer. Other dashboards are executed before anybody looks, and only callbacks of
their widgets get an answer. The answer is put into the session's kernel by Noteyard's launcher. It comes from the
sign-in to Noteyard, never from the browser, so a viewer cannot claim to be somebody else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

VIEWER_VARIABLE = "NOTEYARD_VIEWER"


@dataclass(frozen=True)
class Viewer:
    """Who looks: the name they log in with, the groups they are in, and whether they are not logged in at all.

    An anonymous viewer has the name "" and no groups.
    """

    name: str
    groups: tuple[str, ...]
    anonymous: bool


ANONYMOUS = Viewer("", (), True)


def viewer() -> Viewer:
    """Who looks at this dashboard now.

    Anonymous for the public, and also where nobody looks: while the last rendering is made, in a run, in the lab.
    """
    given = os.environ.get(VIEWER_VARIABLE)
    if not given:
        return ANONYMOUS
    fields = json.loads(given)
    return Viewer(str(fields["name"]), tuple(str(group) for group in fields["groups"]), bool(fields["anonymous"]))
