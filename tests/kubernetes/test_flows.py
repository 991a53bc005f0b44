"""The flows of one machine, on the cluster: a lab that executes a cell, runs and dashboards with labs off."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.test_login_lab import open_lab, run_cell
from tests.kubernetes.cluster import Cluster
from tests.support.waiting import until


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    made = chrome.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(60_000)
    yield made
    made.close()


def test_a_person_logs_in_and_works_in_a_pod_of_their_own(cluster: Cluster, context: BrowserContext) -> None:
    page = open_lab(context, cluster, "ada")
    run_cell(page, "import os, pandas\nprint(os.getuid(), len(pandas.DataFrame({'a': range(7)})))")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("1000 7", timeout=60_000)
    # Labs of other tests may still be ending.
    (pod,) = (pod for pod in cluster.pods(component="lab") if pod["metadata"]["name"] == "lab-ada")
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_a_run_is_a_job_with_the_lab_off(cluster: Cluster) -> None:
    notebook = cluster.write("square.ipynb", "print('square', side * side)", parameters="side: int = 3")
    run = json.loads(cluster.yard("bob", "run", str(notebook), "-p", "side=7", "--wait", "--json"))
    assert run["state"] == "succeeded"
    assert "square 49" in cluster.yard("bob", "logs", run["id"])
    until(lambda: not cluster.pods(component="run"), 60, "the run's pod to be removed")


def test_a_dashboard_is_seen_live_by_the_public(cluster: Cluster, context: BrowserContext) -> None:
    notebook = cluster.write("hello.ipynb", "from ipywidgets import HTML\nHTML('<b>all is live</b>')")
    cluster.publish("bob", notebook, "hello", "--audience", "public")
    page = context.new_page()
    page.goto(f"{cluster.url}/d/hello/")
    page.wait_for_url(f"{cluster.host('hello.apps')}/**")
    expect(page.frame_locator("#live").get_by_text("all is live").first).to_be_visible()
