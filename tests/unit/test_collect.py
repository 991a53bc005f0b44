"""Which files a release gets, and which it never gets."""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from noteyard_lab.collect import CollectError, Collection, collect, environment_digest

from tests.integration.yard_tool import LAB_PYTHON, write_notebook


def write(folder: Path, **files: str) -> None:
    """Write files; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(collection: Collection) -> list[str]:
    return [file.path for file in collection.files]


def refused(notebook: Path, *patterns: str, root: Path | None = None) -> str:
    with pytest.raises(CollectError) as caught:
        collect(notebook, patterns=patterns, root=root)
    return str(caught.value)


def test_modules_beside_the_notebook_and_what_those_import(tmp_path: Path) -> None:
    code = "import tools\nimport os, numpy, missing\nif True:\n    def late():\n        from deep.er import thing\n"
    notebook = write_notebook(tmp_path / "n.ipynb", code)
    write(tmp_path, tools="import second as other", second="from third import *", third="import tools", unused="")
    write(tmp_path, deep__er="from . import side\nfrom .lower import x", deep__side="", deep__lower="", deep__unused="")
    expected = ["deep/er.py", "deep/lower.py", "deep/side.py", "n.ipynb", "second.py", "third.py", "tools.py"]
    assert paths(collect(notebook)) == expected


def test_a_package_comes_with_all_its_modules(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "from pack.one import thing")
    write(tmp_path, pack__one="import helper", pack__plugins__two="from ... import outside", helper="", outside="")
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "__pycache__").mkdir()
    (tmp_path / "pack" / "__pycache__" / "one.py").write_text("")
    (tmp_path / "pack" / "data.csv").write_text("")
    expected = ["helper.py", "n.ipynb", "outside.py", "pack/__init__.py", "pack/one.py", "pack/plugins/two.py"]
    assert paths(collect(notebook)) == expected


def test_relative_imports_do_not_leave_the_root(tmp_path: Path) -> None:
    write(tmp_path, outside="secret = 1")
    write(tmp_path, inner__tools="from .. import outside\nfrom ... import etc")
    notebook = write_notebook(tmp_path / "inner" / "n.ipynb", "import tools, outside")
    assert paths(collect(notebook)) == ["n.ipynb", "tools.py"]


def test_paths_are_relative_to_a_root_that_was_chosen(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "reports" / "n.ipynb", "import tools")
    write(tmp_path, reports__tools="", data__x="")
    collection = collect(notebook, root=tmp_path, patterns=["data/*"])
    assert paths(collection) == ["data/x.py", "reports/n.ipynb", "reports/tools.py"]
    assert collection.notebook == "reports/n.ipynb"
    assert "is not inside the root" in refused(notebook, root=tmp_path / "data")


def test_contents_sizes_and_digests(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "x = 'größer'")
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    collection = collect(notebook, patterns=["a.bin"])
    for file in collection.files:
        with file.open() as stream:
            content = stream.read()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert collection.size == sum(file.size for file in collection.files)


def test_a_notebook_goes_without_what_it_computed(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "x = 1", widgets={"state": {"secret": 1}})
    [file] = collect(notebook).files
    with file.open() as stream:
        document = json.load(stream)
    [cell] = document["cells"]
    assert (cell["outputs"], cell["execution_count"], cell["source"]) == ([], None, ["x = 1"])
    assert cell["metadata"] == {"tags": []}
    assert list(document["metadata"]) == ["kernelspec"]


def test_half_a_surrogate_pair_does_not_hinder(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "x = '\ud83d'")
    [file] = collect(notebook).files
    with file.open() as stream:
        assert json.load(stream)["cells"][0]["source"] == ["x = '\ud83d'"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["data/*.csv"], ["data/a.csv"]),
        (["data"], ["data/a.csv", "data/deep/b.csv"]),
        (["data/**/*.csv"], ["data/a.csv", "data/deep/b.csv"]),
        (["**/*.csv"], ["data/a.csv", "data/deep/b.csv"]),
        (["data/**"], ["data/a.csv", "data/deep/b.csv"]),
        (["*.csv", ".env"], None),
        ([".env"], [".env"]),
        ([".conf/*"], [".conf/key"]),
        (["data/.hidden.csv"], ["data/.hidden.csv"]),
        ([".e*", "data/a.csv"], [".env", "data/a.csv"]),
        (["."], ["data/a.csv", "data/deep/b.csv"]),
        (["./data/"], ["data/a.csv", "data/deep/b.csv"]),
    ],
)
def test_patterns_and_hidden_files(tmp_path: Path, patterns: Sequence[str], expected: list[str] | None) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    for name in (".env", ".conf/key", ".git/data/x.csv", "data/a.csv", "data/deep/b.csv", "data/.hidden.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "data" / ".cache").mkdir()
    (tmp_path / "data" / ".cache" / "c.csv").write_text("x")
    if expected is None:
        assert "No file matches '*.csv' in " in refused(notebook, *patterns)
    else:
        assert paths(collect(notebook, patterns=patterns)) == sorted([*expected, "n.ipynb"])


@pytest.mark.parametrize("name", ["data/x[1].csv", "data/*", ".conf/[x]"])
def test_a_file_whose_name_looks_like_a_pattern_is_taken_by_its_name(tmp_path: Path, name: str) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    for each in (name, "data/x1.csv", ".conf/x"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_text("x")
    assert paths(collect(notebook, patterns=[name])) == sorted([name, "n.ipynb"])


@pytest.mark.parametrize("pattern", ["../x.csv", "/etc/passwd", "data/../../x.csv"])
def test_patterns_that_lead_out(tmp_path: Path, pattern: str) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    assert f"The pattern {pattern!r} leads out of {tmp_path}." in refused(notebook, pattern)


def test_links_that_leave_the_root_are_refused_and_others_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    notebook = write_notebook(root / "n.ipynb", "import linked")
    (tmp_path / "secret.csv").write_text("secret")
    (root / "data").mkdir()
    (root / "data" / "real.csv").write_text("fine")
    (root / "data" / "inside.csv").symlink_to("real.csv")
    (root / "linked.py").symlink_to(root / "data" / "real.csv")
    assert paths(collect(notebook, patterns=["data"])) == ["data/inside.csv", "data/real.csv", "linked.py", "n.ipynb"]
    (root / "data" / "outside.csv").symlink_to(tmp_path / "secret.csv")
    for pattern in ("data", "data/*.csv", "data/outside.csv"):
        assert f"data/outside.csv is a link that leads out of {root}, to {tmp_path}/secret.csv." in refused(
            notebook, pattern
        )
    (root / "data" / "outside.csv").unlink()
    (root / "linked.py").unlink()
    (root / "linked.py").symlink_to(tmp_path / "secret.csv")
    assert "linked.py is a link that leads out" in refused(notebook)


def test_linked_folders(tmp_path: Path) -> None:
    root = tmp_path / "root"
    notebook = write_notebook(root / "n.ipynb")
    (root / "data").mkdir()
    (root / "data" / "loop").symlink_to(root)
    (root / "data" / "a.csv").write_text("x")
    collection = collect(notebook, patterns=["data", "**/*.csv"])
    assert paths(collection) == ["data/a.csv", "n.ipynb"]
    assert collection.notes == ("data/loop is a link to a folder and was left out.",)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.csv").write_text("secret")
    (root / "away").symlink_to(tmp_path / "elsewhere")
    for pattern in ("away", "away/*.csv"):
        assert "is a link that leads out" in refused(notebook, pattern)


def test_a_notebook_that_is_a_link_out_of_its_folder(tmp_path: Path) -> None:
    real = write_notebook(tmp_path / "real" / "n.ipynb")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "n.ipynb").symlink_to(real)
    assert "n.ipynb is a link that leads out" in refused(tmp_path / "other" / "n.ipynb")


def test_a_folder_reached_through_a_link_is_the_folder_itself(tmp_path: Path) -> None:
    write_notebook(tmp_path / "real" / "n.ipynb", "import tools")
    write(tmp_path, real__tools="")
    (tmp_path / "link").symlink_to("real")
    assert paths(collect(tmp_path / "link" / "n.ipynb")) == ["n.ipynb", "tools.py"]


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is not a regular file." in refused(notebook, "pipe")
    (tmp_path / "broken").symlink_to("nothing")
    assert "broken is a link that leads nowhere." in refused(notebook, "bro*")


@pytest.mark.parametrize("name", ['quo"ted.csv', "new\nline.csv", "back\\slash.csv", os.fsdecode(b"not-utf8-\xff.csv")])
def test_names_that_a_release_can_t_have(tmp_path: Path, name: str) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text("x")
    message = refused(notebook, "data")
    assert "has characters that a release can't have. Rename it" in message
    message.encode()


def test_files_that_are_no_notebook(tmp_path: Path) -> None:
    assert "There is no notebook" in refused(tmp_path / "missing.ipynb")
    (tmp_path / "n.ipynb").write_text("not json")
    assert "n.ipynb is not a notebook: it is not JSON" in refused(tmp_path / "n.ipynb")
    (tmp_path / "n.ipynb").write_text('{"worksheets": []}')
    assert "n.ipynb is not a notebook: it has no list of cells" in refused(tmp_path / "n.ipynb")


def test_code_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "import broken")
    write(tmp_path, broken="import good\nx = (", good="")
    collection = collect(notebook)
    assert paths(collection) == ["broken.py", "n.ipynb"]
    assert collection.notes == ("broken.py was not searched for imports: '(' was never closed (line 2).",)


def test_other_languages_are_not_searched(tmp_path: Path) -> None:
    spec = {"name": "ir", "language": "R", "display_name": "R"}
    notebook = write_notebook(tmp_path / "n.ipynb", "import tools", kernelspec=spec)
    write(tmp_path, tools="")
    assert paths(collect(notebook)) == ["n.ipynb"]


MAGICS = [
    "%matplotlib inline\nimport one\n!ls",
    "%%time\nimport two",
    "%%bash\nimport not_python",
    "%run sub/three.ipynb -x 1",
    "%run four",
    "%run missing.ipynb",
    "%run {computed}.py",
    "%load_ext five\nimport six?",
    "%time import seven",
    "def broken(:",
]


def test_magics_are_followed_in_the_lab(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", *MAGICS)
    write_notebook(tmp_path / "sub" / "three.ipynb", "import eight\n%run n.ipynb")
    write(tmp_path, one="", two="", not_python="", four="import nine", five="", six="", seven="", eight="", nine="")
    program = (
        "import json, sys; from pathlib import Path; from noteyard_lab.collect import collect; "
        "found = collect(Path(sys.argv[1])); print(json.dumps([[file.path for file in found.files], found.notes]))"
    )
    done = subprocess.run([LAB_PYTHON, "-c", program, notebook], capture_output=True, text=True, check=True)
    found, notes = json.loads(done.stdout)
    modules = ["eight.py", "five.py", "four.py", "nine.py", "one.py", "seven.py", "two.py"]
    assert found == sorted([*modules, "n.ipynb", "sub/three.ipynb"])
    assert notes[0] == "%run {computed}.py was not followed, as its name is computed; list the file with --files."
    assert notes[1].startswith("Cell 10 was not searched for imports: ")
    assert notes[2] == "%run missing.ipynb: there is no such file beside the notebook."


def test_the_environment_s_digest_is_of_its_own_packages(tmp_path: Path) -> None:
    program = "from noteyard_lab.collect import environment_digest; print(environment_digest())"

    def digest(**more: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **more}
        done = subprocess.run([LAB_PYTHON, "-c", program], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    own = tmp_path / "own" / "mine-1.0.dist-info"
    own.mkdir(parents=True)
    (own / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    assert digest() == digest(PYTHONPATH=str(tmp_path / "own"))
    assert len(digest()) == 64
    assert digest() != environment_digest()


def test_the_digest_is_over_sorted_names_and_versions() -> None:
    installed = importlib.metadata.distributions(path=[item for item in sys.path if item.startswith(sys.prefix)])
    lines = {f"{item.name.lower().replace('_', '-').replace('.', '-')}=={item.version}" for item in installed}
    assert environment_digest() == hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
