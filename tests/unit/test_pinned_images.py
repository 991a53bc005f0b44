"""Images of pods, by digest where a node has told it."""

import re
from dataclasses import replace
from typing import Any

import pytest
from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import RUNS, job
from noteyard.backends.kubernetes.pinned_images import (
    IMAGE,
    by_digest,
    image_label,
    missing_image,
    pin,
    pinned,
    remembered,
)
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile

OPTIONS = Kubernetes(release="yard", namespace="yard-users", addresses={"api": "http://yard-api.yard:8000"})


def running(id: str, started: str, asked: str = "lab:1") -> dict[str, Any]:
    return {
        "metadata": {"annotations": {IMAGE: asked}},
        "status": {"startTime": started, "containerStatuses": [{"name": "run", "imageID": id}]},
    }


PODS = [running("lab@sha256:new", "2026-02-01"), running("lab@sha256:old", "2026-01-01")]


def test_an_image_is_pinned_to_what_the_newest_pod_of_it_runs() -> None:
    assert pinned("lab:1", "IfNotPresent", PODS) == "lab@sha256:new"
    assert pinned("lab:1", "Always", PODS) == "lab:1"
    assert pinned("lab:2", "IfNotPresent", PODS) == "lab:2"
    assert pinned("lab:1", "IfNotPresent", [running("sha256:loaded", "2026-01-01")]) == "lab:1"
    assert pinned("host:5000/lab@sha256:x", "IfNotPresent", PODS) == "host:5000/lab@sha256:x"


def test_container_runtimes_write_short_names_in_full() -> None:
    for asked, known in (
        ("noteyard/lab:1", "docker.io/noteyard/lab@sha256:a"),
        ("lab:1", "docker.io/library/lab@sha256:a"),
        ("ghcr.io/lab:1", "ghcr.io/lab@sha256:a"),
        ("localhost/lab:1", "localhost/lab@sha256:a"),
    ):
        assert pinned(asked, "IfNotPresent", [running(known, "2026-01-01", asked)]) == known
    other = [running("docker.io/other/lab@sha256:a", "2026-01-01", "noteyard/lab:1")]
    assert pinned("noteyard/lab:1", "IfNotPresent", other) == "noteyard/lab:1"


def test_a_runs_job_names_the_digest_and_what_was_asked_for() -> None:
    profile = Profile(name="default", image="lab:1", cpu=1, memory_mb=512)
    made = job(RUNS, Start("r1.1", "token", "default"), profile, OPTIONS)
    first, later = pin(made, "lab:1"), pin(made, "lab@sha256:new")
    assert [found["spec"]["template"]["spec"]["containers"][0]["image"] for found in (first, later)] == [
        "lab:1",
        "lab@sha256:new",
    ]
    for found in (first, later):
        marks = found["spec"]["template"]["metadata"]
        assert marks["annotations"] == made["spec"]["template"]["metadata"]["annotations"] | {IMAGE: "lab:1"}
        assert marks["labels"] == made["spec"]["template"]["metadata"]["labels"] | image_label("lab:1")
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "lab:1", "what is given stays as it is"


def test_a_release_keeps_its_image_while_the_profile_has_one_of_its_repository() -> None:
    start = Start("r1.1", "token", "default", image="example.org:5000/lab@sha256:a")
    for image, kept in (
        ("example.org:5000/lab:1", True),
        ("example.org:5000/lab:2", True),
        ("example.org:5000/lab", True),
        ("example.org:5000/lab:2@sha256:b", True),
        ("example.org:5000/other:1", False),
        ("elsewhere.org/lab:1", False),
        ("lab:1", False),
    ):
        assert remembered(image, "IfNotPresent", start) == (start.image if kept else None), image
    assert remembered("example.org:5000/lab:1", "Always", start) is None
    assert remembered("example.org:5000/lab:1", "Never", start) is None
    assert remembered("lab:1", "IfNotPresent", replace(start, image="docker.io/library/lab@sha256:a"))
    assert remembered("lab:1", "IfNotPresent", replace(start, image=None)) is None


def test_nothing_is_pinned_to_what_no_registry_has() -> None:
    assert pinned("lab:1", "IfNotPresent", PODS, {"lab@sha256:new"}) == "lab@sha256:old"
    assert pinned("lab:1", "IfNotPresent", PODS, {"lab@sha256:new", "lab@sha256:old"}) == "lab:1"


def test_an_image_is_known_by_its_digest_alone() -> None:
    assert by_digest("example.org:5000/lab:2@sha256:b") == by_digest("example.org:5000/lab@sha256:b")
    assert by_digest("example.org:5000/lab:2") is None


@pytest.mark.parametrize(
    ("image", "asked", "message", "missing"),
    [
        ("lab@sha256:a", "lab:1", 'failed to resolve reference "lab@sha256:a": lab@sha256:a: not found', True),
        ("lab@sha256:a", "lab:1", "manifest unknown", True),
        ("lab@sha256:a", "lab:1", "unauthorized: authentication required", False),
        ("lab@sha256:a", "lab:1", "dial tcp: connection refused", False),
        ("lab@sha256:a", "lab@sha256:a", "lab@sha256:a: not found", False),
        ("lab:1", "lab:1", "lab:1: not found", False),
    ],
)
def test_an_image_is_missing_when_its_registry_says_so_of_a_digest_nobody_set(
    image: str, asked: str, message: str, missing: bool
) -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": message}}}
    stuck = {
        "metadata": {"annotations": {IMAGE: asked}},
        "spec": {"containers": [{"image": image}]},
        "status": {"containerStatuses": [waiting]},
    }
    assert missing_image(stuck) == (image if missing else None)


def test_any_image_has_a_label_to_be_found_by() -> None:
    long = image_label(f"registry.example.org:5000/{'team/' * 30}lab:1.0_b")
    assert re.fullmatch(r"[0-9a-f]{32}", long[IMAGE])
    assert long != image_label("lab:1")
