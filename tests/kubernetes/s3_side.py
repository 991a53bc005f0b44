"""The S3 mount without the rest of Noteyard: its driver from the chart, a real S3 server, and pods as labs are made."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from noteyard.backends.kubernetes.manifests import container_security, pod_security
from noteyard.backends.kubernetes.s3_pod import Folder, Sidecar, Storage, s3_parts
from noteyard.kubernetes_settings import Mount

from tests.kubernetes.cluster import ROOT, TAG
from tests.support.waiting import until

HERE = Path(__file__).parent
RELEASE = f"{os.environ.get('NOTEYARD_TEST_RELEASE', 'noteyard')}-s3"
IMAGE = f"localhost/noteyard-mount:{TAG}"
LAB_IMAGE = f"localhost/noteyard-lab-datascience:{TAG}"
BUCKET = "noteyard"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret"}
ENDPOINT = f"http://minio.{RELEASE}:9000"
S3 = "/home/jovyan/s3"
# Python as process 1 ignores SIGTERM unless told.
IDLE = "import signal, time; signal.signal(15, lambda *_: exit(0)); time.sleep(10**6)"
GRACE_SECONDS = 150


def run(*command: str, stdin: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)


@dataclass
class S3Side:
    """The release's namespace has the S3 server and a client, `<release>-users` the pods with mounts."""

    driver: str
    space: str = RELEASE
    users: str = f"{RELEASE}-users"
    drivers: str = f"{RELEASE}-s3-mount"
    endpoint: str = ENDPOINT
    pods: set[str] = field(default_factory=set)

    def kubectl(self, *words: str, stdin: str = "", space: str = "", seconds: float = 120) -> str:
        done = run("kubectl", "-n", space or self.users, *words, stdin=stdin, seconds=seconds)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, name: str, *, ready: bool = True, **changes: Any) -> dict[str, Any]:
        """Make a pod as labs are; `changes` as `pod` takes them. Returns its manifest."""
        manifest = self.pod(name, **changes)
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        self.pods.add(name)
        if ready:
            self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s", seconds=150)
        return manifest

    def pod(
        self,
        name: str,
        attributes: Mapping[str, str] | None = None,
        image: str = IMAGE,
        variables: Mapping[str, str] | None = None,
        endpoint: str = ENDPOINT,
        streams: int | None = None,
    ) -> dict[str, Any]:
        """A pod as labs are, of any image with `variables`; `attributes` of its volume in place of the right ones."""
        requests = {"requests": {"cpu": "20m", "memory": "64Mi"}}
        mount = Mount(driver=self.driver, image=IMAGE, cache_size="1Gi", resources=requests, streams=streams)  # type: ignore[arg-type]
        storage = Storage([Folder("team", BUCKET, "team"), Folder("me", BUCKET, f"people/{name}")], endpoint)
        parts = s3_parts(mount, storage, Sidecar(environment=KEYS), "IfNotPresent")
        if attributes is not None:
            parts.volumes[0]["csi"]["volumeAttributes"] = dict(attributes)
        lab = {
            "name": "lab",
            "image": image,
            "command": ["python", "-c", IDLE],
            "env": [{"name": key, "value": value} for key, value in (variables or {}).items()],
            "securityContext": container_security(),
            "resources": requests,
            "volumeMounts": parts.mounts,
        }
        spec = {
            "securityContext": pod_security(),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "initContainers": parts.init_containers,
            "containers": [lab],
            "volumes": parts.volumes,
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}

    def stop(self, name: str, *words: str) -> None:
        self.kubectl("delete", "pod", name, *words, seconds=GRACE_SECONDS + 60)
        self.pods.discard(name)

    def stop_all(self) -> None:
        for name in list(self.pods):
            run("kubectl", "-n", self.users, "delete", "pod", name, "--grace-period=5", "--ignore-not-found")
            self.pods.discard(name)

    def shell(self, name: str, script: str, *, container: str = "lab") -> subprocess.CompletedProcess[str]:
        """What a shell in the pod says and how it ends; a command may take 60 s there."""
        inside = ["exec", name, "-c", container, "--", "timeout", "60", "sh", "-c", script]
        return run("kubectl", "-n", self.users, *inside, seconds=90)

    def python(self, name: str, program: str, *, container: str = "lab") -> str:
        """What a program prints in the pod, which must succeed."""
        return self.kubectl("exec", name, "-c", container, "--", "python", "-c", program)

    def writing(self, name: str, path: str) -> "subprocess.Popen[str]":
        """A program that has the file open, and writes what it is given before it closes it."""
        program = (
            f"file = open({path!r}, 'w'); print('open', flush=True); "
            "file.write(input() + '\\n'); file.close(); print('closed')"
        )
        command = ["kubectl", "-n", self.users, "exec", "-i", name, "-c", "lab", "--", "python", "-c", program]
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        assert started.stdout.readline() == "open\n"
        return started

    def status(self, name: str) -> dict[str, Any]:
        """What the lab can read of how its folders are."""
        found: dict[str, Any] = json.loads(self.kubectl("exec", name, "-c", "lab", "--", *_cat("status.json")))
        return found

    def client(self, *words: str, stdin: str = "") -> str:
        """rclone in a pod without any mount: `client("cat", "S3:noteyard/team/x")`."""
        return self.kubectl("exec", "-i", "client", "--", "rclone", *words, space=self.space, stdin=stdin)

    def on_node(self, program: str) -> str:
        """What a program prints that sees all processes of the node, the kubelet's folder and what is mounted in it."""
        return self.kubectl("exec", "node", "--", "python", "-c", program, space=self.drivers)

    def signal(self, number: int, command: str, variable: str) -> int:
        """Send a signal to the node's processes with this text in their command and this variable; says how many."""
        return int(
            self.on_node(f"""
import os, pathlib
found = 0
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        command, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
    except OSError:
        continue
    if {command!r} in command.replace(b"\\0", b" ").decode() and {variable!r} in variables.decode().split("\\0"):
        os.kill(int(folder.name), {number})
        found += 1
print(found)
""")
        )

    def uid(self, name: str) -> str:
        return self.kubectl("get", "pod", name, "-o", "jsonpath={.metadata.uid}")

    def left_on_node(self, uid: str) -> list[str]:
        """Mounts, folders and state files of a pod on the node."""
        found = self.on_node(f"""
import pathlib
print(*[line for line in open("/proc/self/mountinfo") if {uid!r} in line], sep="")
state = pathlib.Path("/var/lib/kubelet/plugins/{self.driver}/volumes")
print(*[path for path in state.iterdir() if {uid!r} in path.read_text()], sep="\\n")
volumes = pathlib.Path("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi")
print(*(volumes.iterdir() if volumes.exists() else []), sep="\\n")
""")
        return [line for line in found.splitlines() if line.strip()]

    def driver_log(self) -> str:
        return self.kubectl("logs", f"ds/{RELEASE}-s3-mount", "--tail=-1", space=self.drivers)

    @contextmanager
    def s3_away(self) -> Iterator[None]:
        """Connections to the S3 server break and are refused; what is stored stays."""
        self._lead("nowhere")
        pod = self.kubectl(
            "get", "pods", "-l", "app=minio", "-o", "jsonpath={.items[0].metadata.name}", space=self.space
        )
        assert self.signal(signal.SIGKILL, "minio", f"HOSTNAME={pod}") == 1
        try:
            yield
        finally:
            self._lead("minio")
            self.kubectl("wait", "--for=condition=Available", "deploy/minio", "--timeout=120s", space=self.space)

    def _lead(self, app: str) -> None:
        change = json.dumps({"spec": {"selector": {"app": app}}})
        self.kubectl("patch", "service", "minio", "-p", change, space=self.space)


def _cat(file: str) -> list[str]:
    return ["cat", f"/run/noteyard-s3/{file}"]


@contextmanager
def s3_side() -> Iterator[S3Side]:
    """All of it, deleted with the block, and before it leftovers; NOTEYARD_KEEP leaves it, and takes it up again."""
    objects = _rendered()
    made = S3Side(next(found["metadata"]["name"] for found in objects if found["kind"] == "CSIDriver"))
    documents = yaml.safe_dump_all([*objects, *_server(made.space), _client(made.space), _node(made.drivers)])
    keep = bool(os.environ.get("NOTEYARD_KEEP"))
    try:
        if not keep:
            _remove(made, documents)
        run("kubectl", "create", "namespace", made.space)
        applied = run("kubectl", "apply", "-f", "-", stdin=documents)
        assert applied.returncode == 0, applied.stderr
        made.kubectl("rollout", "status", f"ds/{RELEASE}-s3-mount", "--timeout=120s", space=made.drivers, seconds=150)
        made.kubectl("wait", "--for=condition=Available", "deploy/minio", "--timeout=120s", space=made.space)
        made.kubectl("exec", "deploy/minio", "--", "mkdir", "-p", f"/data/{BUCKET}", space=made.space)
        for pod, space in (("client", made.space), ("node", made.drivers)):
            made.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=120s", space=space, seconds=150)
        yield made
    finally:
        if not keep:
            _remove(made, documents)


def _rendered() -> list[dict[str, Any]]:
    values = {
        "settings": {
            "urls": {"hub": "http://hub.example", "apps": "http://apps.example"},
            "s3": {"team_url": "s3://team"},
        },
        "images": {"mount": IMAGE},
        "database": {"url": "postgresql+psycopg://unused", "hubUrl": "postgresql+psycopg://unused"},
    }
    shown = ["--show-only", "templates/s3-mount.yaml", "--show-only", "templates/users-namespace.yaml"]
    command = ["helm", "template", RELEASE, str(ROOT / "helm" / "noteyard"), "--namespace", RELEASE]
    done = run(*command, "--kube-version=1.34", *shown, "--values", "-", stdin=json.dumps(values))
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found is not None]


def _server(space: str) -> list[dict[str, Any]]:
    found = [
        one for one in yaml.safe_load_all((HERE / "backing.yaml").read_text()) if one["metadata"]["name"] == "minio"
    ]
    return [{**one, "metadata": {**one["metadata"], "namespace": space}} for one in found]


def _client(space: str) -> dict[str, Any]:
    options = {"TYPE": "s3", "PROVIDER": "Minio", "ENV_AUTH": "true", "ENDPOINT": ENDPOINT, "NO_CHECK_BUCKET": "true"}
    variables = {**KEYS, "RCLONE_CONFIG": "", **{f"RCLONE_CONFIG_S3_{name}": value for name, value in options.items()}}
    return _helper("client", space, {"env": [{"name": name, "value": value} for name, value in variables.items()]}, {})


def _node(space: str) -> dict[str, Any]:
    kubelet = {"name": "kubelet", "mountPath": "/var/lib/kubelet", "mountPropagation": "HostToContainer"}
    container = {"securityContext": {"privileged": True, "runAsUser": 0}, "volumeMounts": [kubelet]}
    volume = {"name": "kubelet", "hostPath": {"path": "/var/lib/kubelet"}}
    return _helper("node", space, container, {"hostPID": True, "volumes": [volume]})


def _helper(name: str, space: str, container: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    idle = {"name": name, "image": IMAGE, "command": ["python", "-c", IDLE], **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space},
        "spec": {**spec, "terminationGracePeriodSeconds": 1, "containers": [idle]},
    }


def _remove(made: S3Side, documents: str) -> None:
    made.stop_all()
    # Pods need the driver to be able to go.
    run("kubectl", "delete", "namespace", made.users, "--timeout=120s", seconds=150)
    run("kubectl", "delete", "-f", "-", "--ignore-not-found", "--wait=false", stdin=documents)
    run("kubectl", "delete", "namespace", made.space, "--wait=false")

    def gone() -> bool:
        left = run("kubectl", "get", "namespaces", "-o", "name").stdout.split()
        return not {f"namespace/{name}" for name in (made.space, made.users, made.drivers)} & set(left)

    until(gone, 180, "the end of the namespaces")
