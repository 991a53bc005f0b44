"""S3 as folders in a pod that may do nothing special: by path, through faults, and with nothing left on the node."""

import hashlib
import json
import signal
import time
from collections.abc import Iterator

import pytest

from tests.kubernetes.s3_side import BUCKET, S3, S3Side, run, s3_side
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(600)
TEAM = f"S3:{BUCKET}/team"
QUICK_SECONDS = 40
"""What a program may have to wait for an error while S3 is away; rclone tries three times."""


@pytest.fixture(scope="module")
def side() -> Iterator[S3Side]:
    with s3_side() as made:
        yield made


@pytest.fixture(scope="module")
def ada(side: S3Side) -> str:
    side.start("ada")
    return "ada"


@pytest.fixture(autouse=True)
def pods_end(side: S3Side, request: pytest.FixtureRequest) -> Iterator[None]:
    before = set(side.pods)
    yield
    for name in side.pods - before - {"ada"}:
        side.stop(name, "--grace-period=5")


def reads(side: S3Side, pod: str, file: str) -> str | None:
    done = side.shell(pod, f"cat {S3}/{file}")
    return done.stdout if done.returncode == 0 else None


def running(side: S3Side, pod: str) -> set[str]:
    """Process ids of rclone in the pod."""
    return set(side.shell(pod, "pidof rclone", container="s3-mount").stdout.split())


def heals(side: S3Side, pod: str, seconds: float = 60) -> None:
    """Both folders can be written, and what is written is read anew."""
    mark = hashlib.sha256(str(time.monotonic()).encode()).hexdigest()
    for folder in ("team", "me"):
        until(lambda: side.shell(pod, f"echo {mark} > {S3}/{folder}/mark").returncode == 0, seconds, f"{folder}")  # noqa: B023
        assert reads(side, pod, f"{folder}/mark") == f"{mark}\n"
    until(lambda: side.client("cat", f"{TEAM}/mark") == f"{mark}\n", seconds, "the mark to be in S3")


def test_files_are_read_and_written_by_path(side: S3Side, ada: str) -> None:
    side.client("rcat", f"{TEAM}/given/data.csv", stdin="day,value\n1,2\n")
    until(lambda: reads(side, ada, "team/given/data.csv") == "day,value\n1,2\n", 90, "what another client wrote")
    done = side.shell(
        ada,
        f"""set -e; cd {S3}/me; mkdir -p models/first; echo one > models/first/log; echo two >> models/first/log
        mv models/first/log models/log; dd if=/dev/zero of=big bs=1M count=20 2>/dev/null; rm big; ls models""",
    )
    assert (done.returncode, done.stdout.split()) == (0, ["first", "log"]), done.stderr
    until(lambda: side.client("cat", f"S3:{BUCKET}/people/ada/models/log") == "one\ntwo\n", 90, "the file in S3")
    side.python(
        ada,
        f"""
with open("{S3}/me/seek", "w+b") as file:
    file.write(b"a" * 1000); file.seek(500); file.write(b"b"); file.seek(500); assert file.read(2) == b"ba"
""",
    )


def test_the_files_belong_to_the_account_of_the_lab(side: S3Side, ada: str) -> None:
    assert side.shell(ada, f"stat -c %u:%g {S3}/me {S3}/team").stdout.split() == ["1000:1000", "1000:1000"]


def test_nothing_in_the_pod_is_privileged(side: S3Side, ada: str) -> None:
    for container, uid in (("lab", "1000"), ("s3-mount", "1001")):
        found = side.shell(ada, "id -u; ls /dev/fuse; grep CapEff /proc/self/status", container=container)
        assert found.stdout.split() == [uid, "CapEff:", "0" * 16]
        assert "/dev/fuse" in found.stderr
    manifest = side.pod("forbidden")
    manifest["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    refused = run("kubectl", "-n", side.users, "apply", "-f", "-", stdin=json.dumps(manifest))
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_the_lab_can_neither_mount_nor_ask_the_driver(side: S3Side, ada: str) -> None:
    """The volume's root belongs to root, its socket to the sidecar's account, and the driver looks at who connects."""
    done = side.shell(ada, f"ln -s / {S3}/x; mkdir {S3}/y; rmdir {S3}/team; rm {S3}/.ctl/team")
    assert done.stderr.count("ermission denied") == 4, done.stderr
    connect = "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect({!r}); print({})"
    lab = run("kubectl", "-n", side.users, "exec", ada, "--", "python", "-c", connect.format(f"{S3}/.ctl/team", "0"))
    assert "PermissionError" in lab.stderr
    # Root passes every file's mode, and is refused by the driver itself.
    path = f"/var/lib/kubelet/pods/{side.uid(ada)}/volumes/kubernetes.io~csi/noteyard-s3/mount/.ctl"
    said = side.on_node(f"import os; os.chdir({path!r})\n" + connect.format("team", "s.recv(500).decode()"))
    assert said.strip() == "This socket is for the account 1001, and you are 0."
    assert "account 0 asked for team, which is account 1001's" in side.driver_log()
    heals(side, ada)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"folders": "team,../../../../etc", "uid": "1001"}, "'../../../../etc' is no name of a folder"),
        ({"folders": "/etc", "uid": "1001"}, "'/etc' is no name of a folder"),
        ({"folders": ".ctl", "uid": "1001"}, "'.ctl' is no name of a folder"),
        ({"folders": "team,team", "uid": "1001"}, "each name once"),
        ({"folders": "team", "uid": "0"}, "'0' is no account's number"),
        ({"folders": "team", "uid": "1001", "target": "/etc"}, "Unknown volume attributes: target"),
    ],
)
def test_attributes_are_refused_in_words(side: S3Side, attributes: dict[str, str], said: str) -> None:
    side.start("strange", ready=False, attributes=attributes)
    about = ["get", "events", "--field-selector", "involvedObject.name=strange", "-o", "jsonpath={.items[*].message}"]
    until(lambda: said in side.kubectl(*about), 60, said)
    # What the kubelet itself has made there.
    assert all(line.endswith("kubernetes.io~csi/noteyard-s3") for line in side.left_on_node(side.uid("strange")))
    side.kubectl("delete", "events", "--field-selector", "involvedObject.name=strange")


def test_it_heals_when_rclone_is_killed(side: S3Side, ada: str) -> None:
    assert side.shell(ada, "kill -9 $(pidof rclone)", container="s3-mount").returncode == 0
    heals(side, ada)


def test_it_heals_when_rclone_hangs(side: S3Side, ada: str) -> None:
    hung = running(side, ada)
    assert len(hung) == 2
    assert side.shell(ada, "kill -STOP $(pidof rclone)", container="s3-mount").returncode == 0
    until(lambda: not hung & running(side, ada), 180, "the hung rclone to be found and ended")
    heals(side, ada)


def test_a_driver_that_is_killed_stops_nobody_and_listens_again(side: S3Side, ada: str) -> None:
    assert side.signal(signal.SIGKILL, "noteyard.s3_mount.driver", f"NOTEYARD_DRIVER={side.driver}") == 1
    heals(side, ada)
    assert side.signal(signal.SIGKILL, "noteyard.s3_mount.driver", f"NOTEYARD_DRIVER={side.driver}") == 1
    assert side.shell(ada, "kill -9 $(pidof rclone)", container="s3-mount").returncode == 0
    heals(side, ada, 120)


def test_it_heals_when_the_sidecar_is_killed(side: S3Side, ada: str) -> None:
    # Process 1 of a container can be killed from outside of it only.
    assert side.signal(signal.SIGKILL, "noteyard.s3_mount.sidecar", f"HOSTNAME={ada}") == 1
    heals(side, ada, 120)


def test_s3_away_is_an_error_soon_and_no_end(side: S3Side, ada: str) -> None:
    side.client("rcat", f"{TEAM}/unread.csv", stdin="unread")
    until(lambda: "unread.csv" in side.shell(ada, f"ls {S3}/team").stdout, 90, "the file to be listed")
    writer = side.writing(ada, f"{S3}/team/later")
    with side.s3_away():
        # What was listed is forgotten by then; a read that begins before may wait for longer (docs/s3-mount.md).
        until(lambda: side.status(ada)["state"] == "away", 90, "the lab to be told")
        begun = time.monotonic()
        done = side.shell(ada, f"cat {S3}/team/unread.csv")
        assert done.returncode != 0 and "error" in done.stderr.lower(), done
        assert time.monotonic() - begun < QUICK_SECONDS
        assert side.status(ada)["said"].startswith("The storage does not answer: s3/team and s3/me")
        assert writer.communicate("later\n", timeout=60) == ("closed\n", None)
    until(lambda: reads(side, ada, "team/unread.csv") == "unread", 90, "the file to be read again")
    until(lambda: side.status(ada)["state"] == "ready", 60, "the lab to be told that it is well again")
    until(lambda: run_client(side, f"{TEAM}/later") == "later\n", 120, "what was written meanwhile to be in S3")


def run_client(side: S3Side, path: str) -> str | None:
    done = run("kubectl", "-n", side.space, "exec", "client", "--", "rclone", "cat", path)
    return done.stdout if done.returncode == 0 else None


def test_a_lab_starts_while_s3_is_away_and_heals(side: S3Side) -> None:
    with side.s3_away():
        side.start("early")
        until(lambda: side.status("early")["state"] == "away", 60, "the lab to be told")
        begun = time.monotonic()
        assert side.shell("early", f"ls {S3}/me").returncode != 0
        assert time.monotonic() - begun < QUICK_SECONDS
    heals(side, "early", 90)


def test_a_pod_ends_after_its_uploads(side: S3Side) -> None:
    side.start("writer")
    digest = side.python(
        "writer",
        f"""
import hashlib, os
digest = hashlib.sha256()
with open("{S3}/me/large", "wb") as file:
    for _ in range(150):
        block = os.urandom(1 << 20)
        digest.update(block)
        file.write(block)
print(digest.hexdigest())
""",
    ).strip()
    uid = side.uid("writer")
    side.stop("writer")
    found = side.client("hashsum", "sha256", "--download", f"S3:{BUCKET}/people/writer/large")
    assert found.split()[0] == digest
    until(lambda: not side.left_on_node(uid), 60, "the node to be clean")


@pytest.mark.parametrize("fault", ["none", "stopped rclone", "dead sidecar", "S3 away"])
def test_nothing_is_left_on_the_node(side: S3Side, fault: str) -> None:
    side.start("gone")
    uid = side.uid("gone")
    assert side.left_on_node(uid)
    if fault == "stopped rclone":
        assert side.shell("gone", "kill -STOP $(pidof rclone)", container="s3-mount").returncode == 0
    if fault == "dead sidecar":
        assert side.signal(signal.SIGSTOP, "noteyard.s3_mount.sidecar", "HOSTNAME=gone") == 1
        assert side.shell("gone", "kill -9 $(pidof rclone)", container="s3-mount").returncode == 0
    if fault == "S3 away":
        with side.s3_away():
            side.shell("gone", f"echo never > {S3}/me/lost")
            side.stop("gone", "--grace-period=0", "--force")
            until(lambda: not side.left_on_node(uid), 120, "the node to be clean")
        return
    side.stop("gone", "--grace-period=0", "--force")
    until(lambda: not side.left_on_node(uid), 120, "the node to be clean")
