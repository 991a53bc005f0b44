"""The scheduler's sentence about a pod that no node takes, said for people. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from noteyard.sizes import in_words

LACKING = re.compile(r"\d+ (?:Insufficient ([\w./-]*\w)|(Too many pods))")
WORDS = {"cpu": "free CPU", "memory": "free memory", "ephemeral-storage": "free disk space"}
UNITS = {"": 1, "m": 0.001, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{name}i": 1024**power for power, name in enumerate("KMGT", 1)}
NO_HOME = (
    "PersistentVolumeClaim",
    "persistentvolumeclaim",
    "persistent volumes to bind",
    "persistentvolume",
    "volume node affinity conflict",
)

Pod = Mapping[str, Any]


def missing_home(said: str) -> bool:
    """Whether the scheduler waits for a volume rather than for a node."""
    return any(word in said for word in NO_HOME)


def home_is_being_made(said: str) -> bool:
    """Whether the volume that the scheduler waits for is claimed, and only not bound yet."""
    return "unbound immediate PersistentVolumeClaims" in said


def why_no_node(said: str, pod: Pod) -> tuple[str, str]:
    """A sentence and the next step for `0/3 nodes are available: 3 Insufficient memory. …`."""
    lacking = {first or "pods" for first, _ in LACKING.findall(said)}
    if lacking:
        things = " and ".join(_word(thing, pod) for thing in sorted(lacking))
        return (
            f"No machine of the cluster has enough {things}.",
            "Choose a smaller profile, or try again when others have stopped their labs. "
            "An administrator can add machines.",
        )
    if "node affinity" in said or "node selector" in said:
        return (
            "The cluster has no machine of the kind that this profile asks for.",
            "Choose another profile, or ask an administrator for such a machine.",
        )
    if "taint" in said:
        return (
            "The machines that are free are kept for other things.",
            "Choose another profile, or ask an administrator for a machine that takes this one.",
        )
    return "No machine of the cluster can take your lab now.", "Try again later, or show this to an administrator."


def _word(thing: str, pod: Pod) -> str:
    if thing == "pods":
        return "room for one more lab"
    if "/" in thing and thing.rpartition("/")[2] == "gpu":
        return f"free GPUs{_asked(thing, pod)}"
    return f"{WORDS.get(thing, thing)}{_asked(thing, pod)}"


def _asked(thing: str, pod: Pod) -> str:
    containers = pod.get("spec", {}).get("containers") or [{}]
    amount = (containers[0].get("resources", {}).get("requests") or {}).get(thing)
    return f" (it asks for {_plain(str(amount))})" if amount else ""


def _plain(quantity: str) -> str:
    """Kubernetes' `1500m`, `2048Mi` or `4194304M` as people write them; what is not known stays as it is."""
    number = quantity.rstrip("".join(UNITS) + "i")
    unit = quantity[len(number) :]
    try:
        amount = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        return quantity
    if not unit or unit == "m":
        return f"{amount:g}"
    return in_words(amount)
