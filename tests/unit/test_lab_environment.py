"""The variables that a lab gets."""

from pathlib import Path

from noteyard.backends.local.lab_environment import Lab, lab_environment
from noteyard.instance import Instance
from noteyard.settings import Profile


def test_a_lab_gets_what_is_listed_and_nothing_else_of_the_hubs(tmp_path: Path) -> None:
    theirs = {"PATH": "/hub/bin", "HTTPS_PROXY": "http://proxy:3128", "LANG": "de_DE.UTF-8"}
    secret = {"NOTEYARD_DATABASE_URL": "postgresql://u:p@db/x", "AWS_SECRET_ACCESS_KEY": "s", "CONFIGPROXY_TOKEN": "t"}
    lab = Lab("alice", Profile(name="default", cpu=1.5), Path("/env"))
    found = lab_environment(Instance(tmp_path), lab, "http://localhost:8000", {**theirs, **secret})
    assert not set(found) & set(secret)
    assert found["PATH"] == "/env/bin:/usr/local/bin:/usr/bin:/bin"
    assert found["HOME"] == str(tmp_path / "homes" / "alice")
    assert (found["HTTPS_PROXY"], found["LANG"]) == ("http://proxy:3128", "de_DE.UTF-8")
    assert (found["NOTEYARD_URL"], found["NOTEYARD_LAB"]) == ("http://localhost:8000", "alice")
    assert found["NOTEYARD_INSTANCE"] == str(tmp_path)
    assert found["NOTEYARD_PERSONAL"] == str(tmp_path / "homes" / "alice/.local/share/noteyard/default")
    assert found["OMP_NUM_THREADS"] == "2"
