"""Settings: defaults, file, environment, and mistakes answered by option, value and what is allowed."""

from pathlib import Path

import pytest
from noteyard.errors import NoteyardError
from noteyard.settings import Section, Settings
from noteyard.settings_file import FILE_NAME, load, state_folder
from noteyard.urls import PublicUrls


def write(state: Path, text: str) -> Path:
    state.mkdir(parents=True, exist_ok=True)
    (state / FILE_NAME).write_text(text)
    return state


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"NOTEYARD_{name.upper()}", raising=False)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.state == tmp_path
    assert settings.port == 8000 and settings.bind == "127.0.0.1"
    assert [profile.name for profile in settings.profiles] == ["default"]


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# nothing yet\n")) == load(tmp_path / "other").model_copy(update={"state": tmp_path})


def test_the_file_then_the_environment_then_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = write(tmp_path, "port: 9000\nruns:\n  concurrent: 8\n  timeout_seconds: 60\n")
    assert (load(state).port, load(state).runs.concurrent) == (9000, 8)
    monkeypatch.setenv("NOTEYARD_PORT", "9100")
    monkeypatch.setenv("NOTEYARD_RUNS__CONCURRENT", "3")
    settings = load(state)
    assert (settings.port, settings.runs.concurrent, settings.runs.timeout_seconds) == (9100, 3, 60)
    assert load(state, port=9200).port == 9200


def test_the_state_folder_is_given_or_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEYARD_STATE", str(tmp_path))
    assert state_folder() == tmp_path
    assert state_folder(Path("/elsewhere")) == Path("/elsewhere")
    monkeypatch.delenv("NOTEYARD_STATE")
    assert state_folder() == Path.home() / ".noteyard"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot: 8000", "prot: there is no such option"),
        ("runs:\n  conccurent: 2", "runs.conccurent: there is no such option"),
        ("port: eighty", "port: 'eighty' can't be used: input should be a valid integer"),
        ("port: 70000", "port: 70000 can't be used: input should be less than or equal to 65534"),
        ("log_level: loud", "log_level: 'loud' can't be used: input should be 'debug', 'info', 'warning' or 'error'"),
        ("runs:\n  concurrent: 0", "runs.concurrent: 0 can't be used: input should be greater than or equal to 1"),
        ("tls:\n  certificate: /a.pem", "tls: certificate and key are needed together: set both paths, or neither"),
        ("profiles: []", "profiles: [] can't be used: list should have at least 1 item"),
        (
            "profiles:\n- name: a\n- name: a",
            "settings: profiles: the name 'a' is used twice; give each profile a name of its own",
        ),
        (
            "database_url: mysql://noteyard:hidden@db/noteyard",
            "database_url: this is not the URL of a database that Noteyard knows: use "
            "postgresql+psycopg://USER:PASSWORD@HOST/NAME",
        ),
        ("database_url: postgresql://noteyard:hidden@db:5x/noteyard", "database_url: this URL can't be read: use "),
        ("1: x", "1: there is no such option"),
        ("runs:\n  1: x", "runs.1: there is no such option"),
        (
            "database_url: postgresql://db/one\nhub_database_url: postgresql://db/one",
            "database_url and hub_database_url lead to one database",
        ),
        *(
            (
                f"urls:\n  hub: {url!r}",
                f"urls.hub: {url!r} can't be used: it must be http:// or https:// with a host name, and no path, e.g. "
                "https://noteyard.example.org",
            )
            for url in ("yard.example.org", "https://yard.example.org/x", "https://", "https://yard:99999")
        ),
        ("profiles:\n- name: Big One", "profiles.0.name: 'Big One' can't be used: string should match pattern"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NoteyardError) as refusal:
        load(write(tmp_path, text))
    assert said in refusal.value.message
    assert "hidden" not in refusal.value.message
    assert str(tmp_path / FILE_NAME) in refusal.value.message
    assert refusal.value.hint is not None and "start again" in refusal.value.hint


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoteyardError) as refusal:
        load(write(tmp_path, "port: x\nnothing: 1\n"))
    assert "port:" in refusal.value.message and "nothing:" in refusal.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [("port: [1", "is not valid YAML"), ("- port", "must hold options (name: value), not a list")],
)
def test_files_that_hold_no_options(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NoteyardError, match=said.replace("(", r"\(").replace(")", r"\)")):
        load(write(tmp_path, text))


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (write(tmp_path, "") / FILE_NAME).write_bytes("port: 8000\nmail: {sender: jörg@localhost}\n".encode("latin-1"))
    with pytest.raises(NoteyardError, match=f"{tmp_path / FILE_NAME} is not UTF-8, in line 2"):
        load(tmp_path)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(NoteyardError, match=f"{tmp_path / FILE_NAME} can't be read: is a directory") as refusal:
        load(tmp_path)
    assert refusal.value.hint is not None and "start again" in refusal.value.hint


@pytest.mark.parametrize("variable", ["NOTEYARD_PROFILES", "NOTEYARD_RUNS", "NOTEYARD_WEBHOOKS__ALLOW_PRIVATE"])
def test_a_variable_that_is_no_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "hidden")
    with pytest.raises(NoteyardError) as refusal:
        load(tmp_path)
    assert refusal.value.message == f"Settings can't be used: {variable} can't be read as JSON."
    assert "hidden" not in str(refusal.value)


def test_the_line_break_at_the_end_of_a_secret_is_no_part_of_a_databases_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTEYARD_DATABASE_URL", "postgresql+psycopg://noteyard:pw@db/one\n")
    monkeypatch.setenv("NOTEYARD_HUB_DATABASE_URL", " postgresql+psycopg://noteyard:pw@db/hub\r\n")
    settings = load(tmp_path)
    assert settings.database_url == "postgresql+psycopg://noteyard:pw@db/one"
    assert settings.hub_database_url == "postgresql+psycopg://noteyard:pw@db/hub"


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEYARD_DASHBOARDS__PREHEAT", "many")
    with pytest.raises(NoteyardError, match=r"dashboards\.preheat: 'many' can't be used"):
        load(tmp_path)


def test_every_option_has_help() -> None:
    missing = []

    def look(section: type[Section] | type[Settings], prefix: str) -> None:
        for name, field in section.model_fields.items():
            if not field.description:
                missing.append(prefix + name)
            for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(kind, type) and issubclass(kind, Section):
                    look(kind, f"{prefix}{name}.")

    look(Settings, "")
    assert missing == []


def test_addresses_are_derived_from_the_port_or_the_hubs(tmp_path: Path) -> None:
    urls = PublicUrls.of(load(tmp_path, port=8100))
    assert (urls.hub, urls.apps, urls.s3) == (
        "http://localhost:8100",
        "http://apps.localhost:8100",
        "http://localhost:8101",
    )
    assert not urls.secure
    given = PublicUrls.of(load(write(tmp_path, "urls: {hub: 'https://yard.example.org/'}")))
    assert given.hub == "https://yard.example.org" and given.apps == "https://apps.yard.example.org"
    assert given.secure
    many = PublicUrls.of(load(write(tmp_path, "urls: {hub: 'https://yard.example.org//', apps: ''}")))
    assert many == given
