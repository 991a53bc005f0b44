"""Labs as pods: what they get, how they end, what survives the hub, and what becomes of a home that is full."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from noteyard.backends.kubernetes.manifests import NOT_MOVED
from playwright.sync_api import Browser, Page, expect

from tests.kubernetes.cluster import RELEASE, Cluster
from tests.kubernetes.lab_person import LabPerson, person
from tests.support.product import log_in
from tests.support.waiting import until

FULL = {"name": "full-home-test", "size": 24 * 1024**2}


@pytest.fixture(scope="module")
def lina(cluster: Cluster) -> LabPerson:
    return person(cluster, "lina", "trials")


@pytest.fixture(scope="module")
def flo(cluster: Cluster) -> Iterator[LabPerson]:
    """Somebody whose home is a small volume of its own: folders of the test's storage class have no limit."""
    found = person(cluster, "flo", "trials")
    for thing in small_home(cluster, "home-flo"):
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(thing), namespace=cluster.users)
    yield found
    if found.server() is not None:
        found.stop()
    unmount = f"umount -l /var/lib/kubelet/{RELEASE}-small-home"
    cluster.kubectl("exec", "small-home", "--", "sh", "-c", unmount)
    for kind, name in (("pod", "small-home"), ("pvc", "home-flo")):
        cluster.kubectl("delete", kind, name, "--wait=false", namespace=RELEASE if kind == "pod" else cluster.users)
    cluster.kubectl("delete", "pv", f"{RELEASE}-small-home", "--wait=false")


def small_home(cluster: Cluster, claim: str) -> list[dict[str, Any]]:
    """A file system of a few megabytes on the node, as a volume, and the claim that is bound to it."""
    # The kubelet's folder is the one that every node shares mounts in.
    path = f"/var/lib/kubelet/{RELEASE}-small-home"
    mount = (
        f"mkdir -p {path} && (mountpoint -q {path} || mount -t tmpfs -o size={FULL['size']},mode=0777 none {path}) "
        "&& touch /tmp/done && sleep infinity"
    )
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "small-home", "namespace": RELEASE},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "mount",
                    "image": "docker.io/library/postgres:15",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", mount],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                    "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/done"]}, "periodSeconds": 1},
                    "volumeMounts": [
                        {"name": "kubelet", "mountPath": "/var/lib/kubelet", "mountPropagation": "Bidirectional"}
                    ],
                }
            ],
            "volumes": [{"name": "kubelet", "hostPath": {"path": "/var/lib/kubelet"}}],
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(node))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/small-home", "--timeout=120s")
    capacity = {"storage": "24Mi"}
    spec = {"storageClassName": "", "accessModes": ["ReadWriteOnce"]}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{RELEASE}-small-home"},
        "spec": {
            **spec,
            "capacity": capacity,
            "hostPath": {"path": path},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": cluster.users, "name": claim},
        },
    }
    wanted = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim},
        "spec": {**spec, "resources": {"requests": capacity}, "volumeName": f"{RELEASE}-small-home"},
    }
    return [volume, wanted]


def test_a_lab_has_what_its_profile_says_and_no_way_to_kubernetes(cluster: Cluster, lina: LabPerson) -> None:
    lab = lina.lab(profile="second")
    pod = lina.pod()
    assert pod is not None
    (container,) = [found for found in pod["spec"]["containers"] if found["name"] == "notebook"]
    assert container["resources"] == {
        "limits": {"cpu": "500m", "memory": str(768 * 1024**2)},
        "requests": {"cpu": "100m", "memory": str(256 * 1024**2)},
    }
    assert pod["spec"]["restartPolicy"] == "Never"
    assert NOT_MOVED.items() <= pod["metadata"]["annotations"].items()
    kernel = lab.start_kernel()
    look = "import os\nprint(os.path.exists('/var/run/secrets/kubernetes.io'), os.getuid(), os.environ['HOME'])"
    assert lab.execute(kernel, look) == "False 1000 /home/jovyan\n"
    assert lab.execute(kernel, "print(os.path.exists('example/weather/collect.ipynb'))") == "True\n"
    # Of all services the kubelet names the API to every pod; no token and no policy lets anybody in there.
    services = lab.execute(kernel, "print([n for n in os.environ if n.endswith('_SERVICE_HOST')])")
    assert services == "['KUBERNETES_SERVICE_HOST']\n"
    caps = lab.execute(kernel, "print([l for l in open('/proc/self/status') if l.startswith(('CapEff', 'NoNew'))])")
    assert "CapEff:\\t0000000000000000" in caps and "NoNewPrivs:\\t1" in caps


def test_a_terminal_finds_the_images_programs(cluster: Cluster, lina: LabPerson) -> None:
    lab = lina.lab()
    assert lab.in_terminal("command -v yard python") == "/opt/noteyard/bin/yard\n" + lab.execute(
        lab.start_kernel(), "import shutil; print(shutil.which('python'))"
    )
    said = lab.in_terminal("cd example/weather && yard params collect.ipynb")
    assert "day        date  2026-01-01  the day to collect" in said


def test_the_namespace_takes_no_pod_that_is_not_restricted(cluster: Cluster) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "docker.io/library/postgres:15"}]},
    }
    with pytest.raises(AssertionError, match=r'violates PodSecurity "restricted'):
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(pod), namespace=cluster.users)


def test_the_waiting_page_tells_how_far_it_is(lina: LabPerson) -> None:
    lina.stop()
    lina.begin(profile="second")
    events = lina.progress()
    said = [event["message"] for event in events]
    assert "JupyterLab is starting …" in said
    assert events[-1]["ready"] is True
    percents = [event["progress"] for event in events]
    assert percents == sorted(percents)
    assert not [text for text in said if "lab-lina" in text or "Successfully assigned" in text]


def test_a_lab_is_stopped_with_time_to_save_and_its_home_stays(lina: LabPerson) -> None:
    lab = lina.lab(profile="second")
    kernel = lab.start_kernel()
    lab.execute(
        kernel,
        "import atexit, pathlib\natexit.register(lambda: pathlib.Path.home().joinpath('end').write_text('saved'))",
    )
    lina.stop()
    assert lina.pod() is None
    lab = lina.lab(profile="second")
    assert lab.get("contents/end")["content"] == "saved"


@pytest.mark.parametrize("way", ["deleted", "killed"])
def test_a_hub_that_restarts_loses_no_lab(cluster: Cluster, lina: LabPerson, way: str) -> None:
    lab = lina.lab(profile="second")
    kernel = lab.start_kernel()
    lab.execute(kernel, "kept = 42")
    pod = lina.pod()
    assert pod is not None
    restart_hub(cluster, way)
    until(lina.ready, 240, "the hub's notice of the lab")
    assert lab.execute(kernel, "print(kept)") == "42\n"
    still = lina.pod()
    assert still is not None and still["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_hub_that_is_killed_while_a_lab_starts_takes_it_up(cluster: Cluster, lina: LabPerson) -> None:
    lina.stop()
    lina.begin(profile="second")
    pod = until(lina.pod, 60, "the pod")
    assert pod is not None
    restart_hub(cluster, "killed")
    until(lina.ready, 240, "the lab")
    still = lina.pod()
    assert still is not None and still["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_pod_deleted_by_hand_is_noticed_and_told(cluster: Cluster, lina: LabPerson) -> None:
    lina.lab(profile="second")
    cluster.kubectl("delete", "pod", "lab-lina", "--wait=false", namespace=cluster.users)
    until(lambda: lina.server() is None, 90, "the hub's notice")
    page = lina.pending_page()
    assert page.status_code == 200 and "its pod was deleted" in page.text


def test_a_pod_that_went_while_the_hub_was_away_is_noticed(cluster: Cluster, lina: LabPerson) -> None:
    lina.lab(profile="second")
    cluster.kubectl("scale", f"deploy/{RELEASE}-hub", "--replicas=0")
    cluster.kubectl("delete", "pod", "lab-lina", "--grace-period=0", "--force", namespace=cluster.users)
    cluster.kubectl("scale", f"deploy/{RELEASE}-hub", "--replicas=1")
    cluster.kubectl("rollout", "status", f"deploy/{RELEASE}-hub", "--timeout=170s")
    until(lambda: lina.web.get("/hub/health").status_code == 200, 120, "the hub")
    until(lambda: lina.server() is None, 90, "the hub's notice")
    assert "Your lab was ended from outside: its pod was deleted." in lina.pending_page().text


def test_a_lab_out_of_memory_tells_why_it_is_off(cluster: Cluster, lina: LabPerson) -> None:
    lab = lina.lab(profile="second")
    kernel = lab.start_kernel()
    # The server itself, which the kernel's parent is: a kernel that runs out is started again by Jupyter.
    kill = "time.sleep(3)\nos.kill(os.getppid(), signal.SIGKILL)"
    lab.begin(kernel, f"import os, signal, time\n{kill}\ntime.sleep(60)")
    until(lambda: lina.server() is None, 90, "the hub's notice")
    page = lina.pending_page()
    assert "Your lab has ended: killed by signal 9" in page.text
    assert "The last lines of its log:" in page.text
    assert "Start in rescue mode" in page.text


def test_a_lab_nobody_uses_is_stopped(cluster: Cluster, lina: LabPerson) -> None:
    lina.lab(profile="second")
    # It looks for idle labs until it is ended.
    settings = "import os, sys, threading\nsys.argv = ['', '--timeout=1', '--cull-every=2']"
    end = "threading.Timer(15, os._exit, (0,)).start()"
    code = f"{settings}\n{end}\nfrom jupyterhub_idle_culler import main; main()"
    environment = cluster.kubectl("exec", f"deploy/{RELEASE}-hub", "-c", "hub", "--", "sh", "-c", CULLER_ENVIRONMENT)
    cluster.kubectl(
        "exec", f"deploy/{RELEASE}-hub", "-c", "hub", "--", "env", *environment.split(), "python", "-P", "-c", code
    )
    until(lambda: lina.server() is None, 120, "the end of the idle lab")
    until(lambda: lina.pod() is None, 90, "the end of its pod")


KILL = """
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().split(b"\\0")
    except (FileNotFoundError, ProcessLookupError):
        continue  # it has ended since
    if b"noteyard.hub" in command:
        os.kill(int(pid), signal.SIGKILL)
"""
CULLER_ENVIRONMENT = (
    "for p in /proc/[0-9]*; do grep -q idle_culler $p/cmdline 2>/dev/null && "
    "tr '\\0' '\\n' < $p/environ | grep ^JUPYTERHUB_ && break; done"
)


def test_a_lab_without_a_person_is_removed(cluster: Cluster, lina: LabPerson) -> None:
    lina.stop()
    stray = stray_pod(cluster)
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(stray), namespace=cluster.users)
    names = lambda: [pod["metadata"]["name"] for pod in cluster.pods(component="lab")]  # noqa: E731
    until(lambda: "lab-stray" not in names(), 240, "the end of the stray lab")


def stray_pod(cluster: Cluster) -> dict[str, Any]:
    """A lab that the hub knows nothing of: its user had none when its database was lost."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "lab-stray",
            "labels": {
                "app.kubernetes.io/part-of": "noteyard",
                "app.kubernetes.io/instance": RELEASE,
                "app.kubernetes.io/component": "lab",
                "component": "lab",
            },
            "annotations": {"hub.jupyter.org/username": "lina"},
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "notebook",
                    "image": "docker.io/library/postgres:15",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "3600"],
                    "securityContext": security,
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                }
            ],
        },
    }


def test_a_lab_whose_home_is_full_starts_and_says_so(cluster: Cluster, flo: LabPerson, chrome: Browser) -> None:
    lab = flo.lab(profile="second")
    kernel = lab.start_kernel()
    fill = "import pathlib\nwith open('ballast', 'wb') as file:\n  while True: file.write(bytes(1 << 16)); file.flush()"
    with pytest.raises(AssertionError, match="No space left on device"):
        lab.execute(kernel, fill)
    flo.stop()
    form = flo.web.get("/hub/spawn").text
    assert "Your home is full (24 MiB)" in form
    lab = flo.lab(profile="second")
    kernel = lab.start_kernel()  # it needs a file of its own
    assert lab.execute(kernel, "print(6 * 7)") == "42\n"
    page = lab_page(cluster, chrome, "flo")
    expect(page.get_by_text("Your home is full (24 MiB)")).to_be_visible(timeout=120_000)
    page.context.close()


def test_a_rescue_start_has_the_home_beside_it(cluster: Cluster, flo: LabPerson, chrome: Browser) -> None:
    if flo.server() is not None:
        flo.stop()
    lab = flo.lab(profile="second", rescue="yes")
    assert "my-home" in {entry["name"] for entry in lab.get("contents/")["content"]}
    assert "ballast" in {entry["name"] for entry in lab.get("contents/my-home")["content"]}
    page = lab_page(cluster, chrome, "flo")
    expect(page.get_by_text("Rescue start: your home is in the folder my-home")).to_be_visible(timeout=120_000)
    page.context.close()
    assert lab.http.delete("/user/flo/api/contents/my-home/ballast").status_code == 204
    flo.stop()
    # The profile is kept, the rescue is not.
    form = flo.web.get("/hub/spawn").text
    assert re.search(r'value="second"[^>]* checked', form)
    assert not re.search(r'name="rescue"[^>]* checked', form)
    lab = flo.lab(profile="second")
    assert "my-home" not in {entry["name"] for entry in lab.get("contents/")["content"]}
    kernel = lab.start_kernel()
    assert lab.execute(kernel, "open('note', 'w').write('room again'); print('written')") == "written\n"


def lab_page(cluster: Cluster, chrome: Browser, name: str) -> Page:
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    page = log_in(context, cluster, name)
    page.goto(f"{cluster.host(name)}/user/{name}/lab?reset")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=120_000)
    return page


def restart_hub(cluster: Cluster, way: str) -> None:
    """End the hub's pod, or kill its process; returns when the new one answers through the edge."""
    before = hub_began(cluster)
    if way == "deleted":
        cluster.kubectl("delete", "pod", "-l", f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=hub")
    else:
        cluster.kubectl("exec", f"deploy/{RELEASE}-hub", "-c", "hub", "--", "python", "-P", "-c", KILL)
    until(lambda: hub_began(cluster) > before, 240, "the new hub")
    # That it is ready takes a moment to reach those who lead to it.
    until(lambda: httpx.get(f"{cluster.url}/hub/health").status_code == 200, 60, "the new hub behind the edge")


def hub_began(cluster: Cluster) -> datetime:
    """When the hub that is ready now was started; the beginning of time while none is."""
    chosen = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=hub"
    found = json.loads(cluster.kubectl("get", "pods", "-l", chosen, "-o", "json"))["items"]
    times = [
        datetime.fromisoformat(status["state"]["running"]["startedAt"].replace("Z", "+00:00"))
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == "hub" and status["ready"] and "running" in status["state"]
    ]
    return max(times, default=datetime.fromisoformat("1970-01-01T00:00:00+00:00"))
