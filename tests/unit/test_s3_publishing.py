"""Publishing and unpublishing: what is noted, made and listened in, and what a driver that starts again takes up."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from noteyard.s3_mount.driver import publishing, volume_mount
from noteyard.s3_mount.driver.handover import Handover
from noteyard.s3_mount.driver.options import Options
from noteyard.s3_mount.driver.publishing import Publishing
from noteyard.s3_mount.driver.state_files import StateFiles
from noteyard.s3_mount.driver.volumes import Refused, Volume

ATTRIBUTES = {"folders": "team,me", "uid": "1001", "csi.storage.k8s.io/ephemeral": "true"}


class Recorded(Handover):
    """Which volumes are listened in; it opens no socket."""

    def __init__(self) -> None:
        self.listens: dict[str, Volume] = {}

    def listen(self, volume: Volume) -> None:
        self.listens[volume.id] = volume

    def leave(self, id: str) -> None:
        self.listens.pop(id, None)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    made = Options("driver.example", "node1", tmp_path / "kubelet", 0)
    made.pods.mkdir(parents=True)
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Path]]:
    """The targets that are mounted: folders stand for the tmpfs, which takes root."""
    targets: set[Path] = set()
    monkeypatch.setattr(publishing.volume_mount, "make", lambda volume: targets.add(volume.target))
    monkeypatch.setattr(publishing.volume_mount, "is_made", lambda volume: volume.target in targets)
    monkeypatch.setattr(publishing.volume_mount, "remove", targets.discard)
    return targets


def target(options: Options, pod: str = "one") -> str:
    return str(options.pods / pod / "volumes" / "kubernetes.io~csi" / "s3" / "mount")


def test_a_published_volume_is_noted_made_and_listened_in(options: Options, made: set[Path]) -> None:
    handover = Recorded()
    published = Publishing(options, handover)
    for _ in range(2):  # the kubelet asks again when it got no answer
        published.publish("csi-1", target(options), ATTRIBUTES)
    assert made == {Path(target(options))}
    assert list(handover.listens) == ["csi-1"]
    assert json.loads((options.state / "csi-1.json").read_text()) == {
        "target": target(options),
        "folders": ["team", "me"],
        "uid": 1001,
    }


def test_what_is_refused_leaves_nothing(options: Options, made: set[Path]) -> None:
    handover = Recorded()
    with pytest.raises(Refused):
        Publishing(options, handover).publish("csi-1", target(options), {**ATTRIBUTES, "folders": "../x"})
    assert (made, handover.listens, list(options.state.iterdir())) == (set(), {}, [])


def test_a_published_volume_is_not_led_elsewhere(options: Options, made: set[Path]) -> None:
    published = Publishing(options, Recorded())
    published.publish("csi-1", target(options), ATTRIBUTES)
    with pytest.raises(Refused, match="published already, with another target or other attributes"):
        published.publish("csi-1", target(options, "two"), ATTRIBUTES)
    with pytest.raises(Refused, match="published already"):
        published.publish("csi-1", target(options), {**ATTRIBUTES, "uid": "1002"})
    assert made == {Path(target(options))}


def test_unpublishing_takes_all_away_and_may_be_repeated(options: Options, made: set[Path]) -> None:
    handover = Recorded()
    published = Publishing(options, handover)
    published.publish("csi-1", target(options), ATTRIBUTES)
    for _ in range(2):
        published.unpublish("csi-1", target(options))
    assert (made, handover.listens, list(options.state.iterdir())) == (set(), {}, [])
    with pytest.raises(Refused):
        published.unpublish("csi-1", "/etc")


def test_a_driver_that_starts_again_takes_up_what_is_mounted(options: Options, made: set[Path]) -> None:
    before = Publishing(options, Recorded())
    before.publish("csi-1", target(options), ATTRIBUTES)
    before.publish("csi-2", target(options, "two"), ATTRIBUTES)
    made.discard(Path(target(options, "two")))  # as after the node's restart
    (options.state / "csi-3.json").write_text("{")
    (options.state / "csi-4.json").write_text(json.dumps({"target": "/etc", "folders": ["team"], "uid": 1}))
    handover = Recorded()
    Publishing(options, handover).resume()
    assert list(handover.listens) == ["csi-1"]
    assert sorted(path.name for path in options.state.iterdir()) == ["csi-1.json", "csi-3.json", "csi-4.json"]


def test_one_volume_that_cannot_be_taken_up_keeps_no_other(
    options: Options, made: set[Path], caplog: pytest.LogCaptureFixture
) -> None:
    before = Publishing(options, Recorded())
    for id, pod in (("csi-1", "one"), ("csi-2", "two")):
        before.publish(id, target(options, pod), ATTRIBUTES)

    class Failing(Recorded):
        def listen(self, volume: Volume) -> None:
            if volume.id == "csi-1":
                raise OSError("no room")
            super().listen(volume)

    handover = Failing()
    Publishing(options, handover).resume()
    assert list(handover.listens) == ["csi-2"]
    assert "csi-1 can't be taken up again: no room" in caplog.text


def test_a_state_file_is_whole_or_not_there(options: Options) -> None:
    state = StateFiles(options.state, options.pods)
    volume = Volume("csi-1", Path(target(options)), ("team",), 1001)
    state.note(volume)
    state.note(replace(volume, uid=1002))
    assert list(state.all()) == [replace(volume, uid=1002)]
    (options.state / "csi-2.new").write_text("half")  # where a crash left it
    assert [found.id for found in state.all()] == ["csi-1"]
    state.forget("csi-1")
    state.forget("csi-1")
    assert state.find("csi-1") is None


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "team").symlink_to("/etc")
    with volume_mount.opened(tmp_path) as root, pytest.raises(NotADirectoryError), volume_mount.opened("team", root):
        raise AssertionError("it was opened")


def test_a_path_longer_than_a_sockets_address_is_bound_by_its_descriptor(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with volume_mount.opened(folder) as descriptor, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(volume_mount.by_descriptor(descriptor, "team"))
    assert (folder / "team").is_socket()
