"""The command of the embedded S3, what rclone is told about a key, the edge's part, and what people's code gets."""

import subprocess
import sys
from pathlib import Path

import pytest
from noteyard.api.s3_guard import S3Key
from noteyard.backends.local import s3_auth_proxy, s3_launch
from noteyard.backends.local.s3_auth_proxy import backend
from noteyard.backends.local.s3_edge import s3_dynamic, s3_entrypoint
from noteyard.backends.local.s3_server import S3Server
from noteyard.s3_environment import s3_environment

SERVER = S3Server(
    9001, 9002, Path("/state/s3"), Path("/state/cache/s3"), "http://127.0.0.1:9000", Path("/state/secrets/internal")
)


def test_the_server_listens_on_loopback_and_holds_no_secret() -> None:
    argv = SERVER.argv(Path("/venv/bin/rclone"))
    assert argv[:4] == (sys.executable, "-I", "-S", s3_launch.__file__)
    assert argv[4:7] == ("/venv/bin/rclone", "serve", "s3")
    assert argv[argv.index("--addr") + 1] == "127.0.0.1:9001"
    assert argv[argv.index("--metrics-addr") + 1] == "127.0.0.1:9002"
    assert argv[argv.index("--dir-cache-time") + 1] == "1ms"
    assert SERVER.environment() == {
        "HOME": "/state/cache/s3",
        "NOTEYARD_INTERNAL_URL": "http://127.0.0.1:9000",
        "NOTEYARD_INTERNAL_SECRET_FILE": "/state/secrets/internal",
        "NOTEYARD_S3_FOLDER": "/state/s3",
        "NOTEYARD_S3_PYTHON": sys.executable,
        "NOTEYARD_S3_AUTH_PROXY": s3_auth_proxy.__file__,
    }


def test_what_is_launched_can_rename_and_remove_folders_but_not_delete_files(tmp_path: Path) -> None:
    commands = "rm old && mv new old && rmdir folder && unlink kept"
    for name, content in (("old", "old"), ("new", "new"), ("kept", "kept")):
        (tmp_path / name).write_text(content)
    (tmp_path / "folder").mkdir()
    launch = [sys.executable, "-I", "-S", s3_launch.__file__, "/bin/sh", "-c", commands]
    done = subprocess.run(launch, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "new", "kept": "kept"}


def test_on_a_machine_that_it_does_not_know_it_goes_without() -> None:
    assert s3_launch.forbid_deletes("mips") is False
    assert len(s3_launch.filter_program("aarch64")) == len(s3_launch.filter_program("x86_64")) - 1


def test_a_key_is_served_its_own_buckets_only(tmp_path: Path) -> None:
    config = backend(str(tmp_path), ["my-ada", "team"], "secret")
    assert config == {
        "type": "combine",
        "_root": "",
        "_secret_access_key": "secret",
        "upstreams": (
            f"\"my-ada=:hasher,remote='{tmp_path}/my-ada',hashes=md5,max_age=off:\""
            f" \"team=:hasher,remote='{tmp_path}/team',hashes=md5,max_age=off:\""
        ),
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my-ada", "team"]


@pytest.mark.parametrize("name", ["..", "a/b", "A", "a b", "a", "my-'x'", ""])
def test_what_is_no_bucket_is_not_served(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no bucket's name"):
        backend(str(tmp_path), [name], "secret")
    assert list(tmp_path.iterdir()) == []


def test_the_edge_leaves_requests_as_they_were_signed() -> None:
    point = s3_entrypoint("127.0.0.1:8001")
    assert point["transport"]["respondingTimeouts"] == {"readTimeout": 0, "writeTimeout": 0}
    assert point["http"]["sanitizePath"] is False
    assert set(point["http"]["encodedCharacters"].values()) == {True}
    http = s3_dynamic("http://127.0.0.1:9000", "http://127.0.0.1:9001")["http"]
    assert http["routers"]["s3"]["middlewares"] == ["s3-headers", "s3-guard"]
    assert http["middlewares"]["s3-guard"]["forwardAuth"] == {
        "address": "http://127.0.0.1:9000/internal/v1/s3/guard",
        "trustForwardHeader": False,
        "forwardBody": False,
        "maxResponseBodySize": 65536,
    }
    assert http["services"]["s3"]["loadBalancer"]["passHostHeader"] is True


def test_people_get_their_keys_and_the_addresses_of_what_they_open() -> None:
    given = s3_environment(S3Key("KEY", "secret", {"team": "write", "my-ada": "write"}), "http://localhost:8001")
    assert given == {
        "AWS_ACCESS_KEY_ID": "KEY",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "noteyard",
        "AWS_DEFAULT_REGION": "noteyard",
        "AWS_ENDPOINT_URL": "http://localhost:8001",
        "AWS_ENDPOINT_URL_S3": "http://localhost:8001",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ALLOW_HTTP": "true",
        "NOTEYARD_TEAM_URL": "s3://team",
        "NOTEYARD_MY_URL": "s3://my-ada",
    }


def test_a_dashboard_has_no_data_of_its_own_and_tls_needs_no_leave() -> None:
    given = s3_environment(S3Key("KEY", "secret", {"team": "read"}), "https://s3.example.org")
    assert given["NOTEYARD_TEAM_URL"] == "s3://team"
    assert not {"NOTEYARD_MY_URL", "AWS_ALLOW_HTTP"} & given.keys()
