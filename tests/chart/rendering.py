"""The chart's objects, as Helm renders them."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "noteyard"
HELM = shutil.which("helm")

NEEDED: dict[str, Any] = {
    "settings": {
        "urls": {"hub": "https://noteyard.example.org", "apps": "https://apps.example.net"},
        "profiles": [{"name": "default", "title": "Data science", "image": "example/lab:1"}],
    },
    "database": {
        "url": "postgresql+psycopg://noteyard:pw@db:5432/noteyard",
        "hubUrl": "postgresql+psycopg://noteyard:pw@db:5432/hub",
    },
}

Object = Mapping[str, Any]


def helm(*words: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Helm with values over those an installation needs; `None` as a value's place takes it away."""
    given = json.dumps(merged(NEEDED, values or {}))
    command = [str(HELM), *words, "--values", "-"]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)


def rendered(values: Mapping[str, Any] | None = None, release: str = "yard") -> list[Object]:
    """All objects of a first installation."""
    done = helm("template", release, str(CHART), "--kube-version=1.34", "--namespace", "place", values=values)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found is not None]


def refusal(values: Mapping[str, Any]) -> str:
    """What Helm says to values that it does not take."""
    done = helm("template", "yard", str(CHART), "--kube-version=1.34", "--namespace", "place", values=values)
    assert done.returncode != 0, "Helm took it"
    return done.stderr


def find(objects: list[Object], kind: str, name: str) -> Object:
    return next(found for found in objects if found["kind"] == kind and found["metadata"]["name"] == name)


def pod_templates(objects: list[Object]) -> dict[str, Object]:
    """The pods of Deployments and DaemonSets by `kind/name`."""
    return {
        f"{found['kind']}/{found['metadata']['name']}": found["spec"]["template"]
        for found in objects
        if found["kind"] in ("Deployment", "DaemonSet", "StatefulSet")
    }


def containers(template: Object) -> list[Object]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return both
