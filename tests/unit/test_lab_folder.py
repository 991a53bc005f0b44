"""A person's folder before their lab starts."""

from pathlib import Path

from noteyard.backends.local.lab_folder import prepare_home
from noteyard.instance import Instance
from noteyard.settings import Labs, Settings


def prepared(tmp_path: Path) -> tuple[Settings, Instance, Path]:
    example = tmp_path / "source"
    (example / "data").mkdir(parents=True, exist_ok=True)
    (example / "train.ipynb").write_text("{}")
    (example / "data" / "days.csv").write_text("1")
    (example / ".ipynb_checkpoints").mkdir(exist_ok=True)
    settings = Settings(state=tmp_path / "state", labs=Labs(example=example))
    instance = Instance.of(settings)
    return settings, instance, prepare_home(settings, instance, "alice")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_example_is_copied_without_what_is_hidden(tmp_path: Path) -> None:
    _, _, home = prepared(tmp_path)
    assert names(home / "example") == ["data", "data/days.csv", "train.ipynb"]


def test_the_example_is_copied_once_and_then_is_the_persons(tmp_path: Path) -> None:
    settings, instance, home = prepared(tmp_path)
    (home / "example" / "train.ipynb").write_text("mine")
    (home / "example" / "data" / "days.csv").unlink()
    prepare_home(settings, instance, "alice")
    assert (home / "example" / "train.ipynb").read_text() == "mine"
    assert not (home / "example" / "data" / "days.csv").exists()


def test_an_interrupted_copy_is_finished_and_a_folder_of_that_name_is_left_alone(tmp_path: Path) -> None:
    settings, instance, home = prepared(tmp_path)
    (home / ".noteyard" / "example-copied").rename(home / ".noteyard" / "example-copying")
    (home / "example" / "data" / "days.csv").unlink()
    prepare_home(settings, instance, "alice")
    assert (home / "example" / "data" / "days.csv").exists()
    (instance.home("bob") / "example").mkdir()
    prepare_home(settings, instance, "bob")
    assert names(instance.home("bob") / "example") == []


def test_the_data_is_in_the_folder(tmp_path: Path) -> None:
    _, instance, home = prepared(tmp_path)
    (home / "s3" / "team" / "a.csv").write_text("1")
    (home / "s3" / "me" / "b.csv").write_text("2")
    assert (instance.s3 / "team" / "a.csv").read_text() == "1"
    assert (instance.s3 / "my-alice" / "b.csv").read_text() == "2"


def test_what_people_put_in_the_way_stays(tmp_path: Path) -> None:
    settings, instance, home = prepared(tmp_path)
    (home / "s3" / "team").unlink()
    (home / "s3" / "team").mkdir()
    (home / "s3" / "me").unlink()
    (home / "s3" / "me").symlink_to("/nowhere")
    prepare_home(settings, instance, "alice")
    assert not (home / "s3" / "team").is_symlink()
    assert (home / "s3" / "me").readlink() == instance.s3 / "my-alice"
    bob = instance.home("bob")
    (bob / "s3").write_text("a file")
    prepare_home(settings, instance, "bob")
    assert (bob / "s3").read_text() == "a file"
