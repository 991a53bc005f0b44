"""`helm upgrade` and `helm rollback` while a lab, a run and a dashboard go on: none is interrupted."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from noteyard.backends.kubernetes.workload_manifests import workload_name
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_login_lab import open_lab, run_cell
from tests.kubernetes.cluster import RELEASE, ROOT, Cluster, helm
from tests.support.waiting import until

WAIT_FOR_WORD = (
    "import pathlib, time\nwhile not pathlib.Path('/work/go').exists():\n    time.sleep(0.5)\nprint('went on')"
)


def test_an_upgrade_and_a_rollback_interrupt_nothing(cluster: Cluster, chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    page = open_lab(context, cluster, "ada")
    run_cell(page, "kept = 41\nprint('kept', kept)")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("kept 41", timeout=60_000)
    lasting = cluster.write("lasting.ipynb", "print('still here')")
    dashboard = cluster.publish("bob", lasting, "lasting", "--audience", "public")
    waiting = cluster.write("waiting.ipynb", WAIT_FOR_WORD)
    run = json.loads(cluster.yard("bob", "run", str(waiting), "--json"))["id"]
    # Other tests' runs may still be ending, and their dashboards fall asleep meanwhile.
    names = ("lab-ada", run, workload_name(f"{dashboard['id']}.1.1"))
    until(lambda: running(cluster, names), 120, "lab, run and dashboard")
    before, parts = people(cluster, names), noteyards(cluster)

    with asked_all_the_while(cluster, ["/d/lasting/", "/api/v1/openapi.json", "/portal/"]) as failures:
        change = ["--reuse-values", "--set", "settings.labs.idle_minutes=77", "--wait", "--timeout=5m"]
        helm("upgrade", RELEASE, str(ROOT / "helm" / "noteyard"), *change)
        upgraded = noteyards(cluster)
        run_next(page, "print('sum', kept + 1)")
        expect(page.locator(".jp-OutputArea-output").last).to_contain_text("sum 42", timeout=90_000)
        helm("rollback", RELEASE, "--wait", "--timeout=5m")
    assert failures == []
    assert parts.isdisjoint(upgraded - edges(cluster)), "hub, api and controller read the setting"
    assert edges(cluster) <= parts, "the edge does not"
    run_next(page, "print('product', kept * 2)")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("product 82", timeout=90_000)
    assert people(cluster, names) == before
    (pod,) = named(cluster, (run,))
    cluster.kubectl("exec", pod["metadata"]["name"], "--", "touch", "/work/go", namespace=cluster.users)
    ended = cluster.ended("bob", run)
    assert ended["state"] == "succeeded"
    assert cluster.sql(f"select count(*) from attempts where run = '{run}'").strip() == "1"
    context.close()


def running(cluster: Cluster, names: tuple[str, ...]) -> bool:
    """Whether each has one pod, and it runs."""
    return [pod["status"]["phase"] for pod in named(cluster, names)] == ["Running"] * len(names)


def people(cluster: Cluster, names: tuple[str, ...]) -> dict[str, str]:
    """Their pods by uid, each with its containers' restarts."""
    return {
        pod["metadata"]["uid"]: str([status["restartCount"] for status in pod["status"]["containerStatuses"]])
        for pod in named(cluster, names)
    }


def named(cluster: Cluster, names: tuple[str, ...]) -> list[Any]:
    """Pods of labs, runs and dashboards with one of these in their name."""
    return [
        pod
        for kind in ("lab", "run", "dashboard")
        for pod in cluster.pods(component=kind)
        if any(name in pod["metadata"]["name"] for name in names)
    ]


def noteyards(cluster: Cluster) -> set[str]:
    """Uids of the parts' pods that are not about to end."""
    words = ["get", "pods", "-l", f"app.kubernetes.io/instance={RELEASE}", "-o", "json"]
    return {
        pod["metadata"]["uid"]
        for pod in json.loads(cluster.kubectl(*words))["items"]
        if "deletionTimestamp" not in pod["metadata"]
    }


def edges(cluster: Cluster) -> set[str]:
    words = ["get", "pods", "-l", "app.kubernetes.io/component=edge", "-o", "jsonpath={.items[*].metadata.uid}"]
    return set(cluster.kubectl(*words).split())


def run_next(page: Page, code: str) -> None:
    """Another cell of the open notebook, after the page has found its kernel again."""
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible(timeout=120_000)
    page.locator(".jp-Notebook .jp-Cell .cm-content").last.click()
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")


@contextmanager
def asked_all_the_while(cluster: Cluster, paths: list[str]) -> Iterator[list[str]]:
    """Fresh connections to each path while the block lasts; yields what was not answered as it should be."""
    failures: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.3):
            for path in paths:
                try:
                    answer = httpx.get(cluster.url + path, timeout=30, trust_env=False)
                except httpx.HTTPError as error:
                    failures.append(f"{path}: {error!r}")
                    continue
                if answer.status_code >= 400:
                    failures.append(f"{path}: {answer.status_code}")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield failures
    finally:
        over.set()
        thread.join(60)
