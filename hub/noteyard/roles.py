"""JupyterHub's scopes for people, labs and our services: each with the reason why it is given, and no others.

Nobody gets JupyterHub's own admin role: it opens every lab and makes tokens for everybody. Administrators are known to
the hub by membership in a group whose name nobody's group can have.
"""

from typing import Any

SERVICE = "noteyard"
CLIENT_ID = "service-noteyard"
CULLER = "idle-culler"
ADMINISTRATORS = "noteyard:administrators"

CUSTOM_SCOPES: dict[str, dict[str, Any]] = {
    "custom:noteyard:read": {"description": "See your runs, schedules, dashboards and releases, and their results"},
    "custom:noteyard:write": {
        "description": "Start, change and publish runs, schedules, dashboards and releases",
        "subscopes": ["custom:noteyard:read"],
    },
    "custom:noteyard:admin": {"description": "Administer Noteyard, for people who are administrators"},
}

OWN_SCOPES = ("custom:noteyard:read!user", "custom:noteyard:write!user")

SERVICE_SCOPES = {
    "read:users:name": "names of people, to find a person's lab",
    "read:groups:name": "names of groups, to compare them with ours",
    "read:servers": "whether a lab is on, for the portal's home page",
    "start:servers": "the portal's button that starts a lab",
    "delete:servers": "the portal's button that stops a lab; labs of disabled people",
    "delete:users": "people who were disabled: the hub forgets them with all their tokens",
}

CULLER_SCOPES = {
    "list:users": "go through all labs",
    "read:users:activity": "see when a lab was last used",
    "read:servers": "see which labs are on",
    "delete:servers": "stop idle labs",
}


def roles() -> list[dict[str, Any]]:
    """`c.JupyterHub.load_roles`."""
    return [
        {
            "name": "user",
            "description": "What everybody may do",
            # access: log in to the portal. Custom scopes: tokens of one's own that the API takes.
            "scopes": ["self", f"access:services!service={SERVICE}", *OWN_SCOPES],
        },
        {
            "name": "server",
            "description": "What a lab's own token may do",
            # The first two are JupyterHub's defaults; the others let `yard` work in the lab with no set-up.
            "scopes": ["users:activity!user", "access:servers!server", *OWN_SCOPES],
        },
        {
            "name": "noteyard-administrators",
            "description": "What administrators may do more",
            "scopes": ["custom:noteyard:admin"],
            "groups": [ADMINISTRATORS],
        },
        {
            "name": "noteyard-service",
            "description": "The API and the controller",
            "scopes": list(SERVICE_SCOPES),
            "services": [SERVICE],
        },
        {
            "name": "noteyard-idle-culler",
            "description": "Stops idle labs",
            "scopes": list(CULLER_SCOPES),
            "services": [CULLER],
        },
    ]
