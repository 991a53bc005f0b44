"""helm/noteyard/values.schema.json, by which Helm checks the chart's values."""

import json
from typing import Any

from chart_values import ChartValues
from noteyard.settings import Settings

NOT_SET_BY_PEOPLE = {
    "": ("shape", "state", "bind", "port", "environment", "tls", "database_url", "hub_database_url"),
    "Urls": ("s3",),
    "Login": ("client_secret_file",),
    "Profile": ("environment",),
    "Mount": ("driver", "image", "cache_size", "resources"),
    "Kubernetes": ("release", "namespace", "addresses", "image_pull_policy", "image_pull_secrets", "sidecar_image"),
}
"""Settings by section that the chart sets itself, takes from a Secret, or that mean nothing on Kubernetes."""


def schema() -> str:
    """helm/noteyard/values.schema.json: strict, so that a value that does not exist is refused by its path."""
    values, settings = ChartValues.model_json_schema(), Settings.model_json_schema()
    definitions = {**settings.pop("$defs"), **values.pop("$defs")}
    for name, hidden in NOT_SET_BY_PEOPLE.items():
        section = definitions[name] if name else settings
        for option in hidden:
            del section["properties"][option]
    values["properties"] = {"settings": _settings(settings), **values["properties"]}
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", **values, "$defs": definitions}
    return json.dumps(_plain(whole), indent=1) + "\n"


def _settings(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "description": "Noteyard's own settings, as in noteyard.yaml."}


def _plain(node: Any) -> Any:
    """Without titles and defaults, which say nothing that names and values.yaml do not."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _plain(value) for name, value in item.items()}
        if key in ("properties", "$defs") and isinstance(item, dict)
        else _plain(item)
        for key, item in node.items()
        if key not in ("default", "title")
    }
