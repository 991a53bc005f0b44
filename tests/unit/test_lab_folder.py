"""A person's folder before their lab starts."""

from pathlib import Path

from noteyard.backends.local.lab_folder import prepare_home
from noteyard.instance import Instance


def prepared(tmp_path: Path) -> tuple[Instance, Path]:
    instance = Instance(tmp_path / "state")
    return instance, prepare_home(instance, "alice")


def test_the_data_is_in_the_folder(tmp_path: Path) -> None:
    instance, home = prepared(tmp_path)
    (home / "s3" / "team" / "a.csv").write_text("1")
    (home / "s3" / "me" / "b.csv").write_text("2")
    assert (instance.s3 / "team" / "a.csv").read_text() == "1"
    assert (instance.s3 / "my-alice" / "b.csv").read_text() == "2"


def test_what_people_put_in_the_way_stays(tmp_path: Path) -> None:
    instance, home = prepared(tmp_path)
    (home / "s3" / "team").unlink()
    (home / "s3" / "team").mkdir()
    (home / "s3" / "me").unlink()
    (home / "s3" / "me").symlink_to("/nowhere")
    prepare_home(instance, "alice")
    assert not (home / "s3" / "team").is_symlink()
    assert (home / "s3" / "me").readlink() == instance.s3 / "my-alice"
    bob = instance.home("bob")
    (bob / "s3").write_text("a file")
    prepare_home(instance, "bob")
    assert (bob / "s3").read_text() == "a file"
