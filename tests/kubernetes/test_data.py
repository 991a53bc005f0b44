"""The data on the cluster: what labs, runs and dashboards reach on a real S3 server, and for how long."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.kubernetes.cluster import RELEASE, Cluster
from tests.kubernetes.lab_pods import lab_of, python_in
from tests.kubernetes.minio_users import minio
from tests.support.product import log_in
from tests.support.waiting import until

SCRIPTS = Path(__file__).parent / "s3_scripts"
BROKER = "http://localhost:8000/internal/v1/s3/credentials"
ASK = """
import json, sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], method="POST", headers={"Authorization": "Bearer " + sys.argv[2]})
try:
    with urllib.request.urlopen(request) as answer:
        print(json.dumps([answer.status, json.load(answer)]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, json.load(error)]))
"""
SERVED = """
import json, os, urllib.request
shown = open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read()
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": shown})
print(json.dumps({**json.load(urllib.request.urlopen(request)), "shown": shown, "environment": dict(os.environ)}))
"""


@pytest.fixture(scope="module")
def lab(cluster: Cluster, chrome: Browser) -> str:
    """The pod of cara's lab."""
    if not cluster.sql("select 1 from people where name = 'cara'").strip():
        cluster.add("cara")
    context = chrome.new_context()
    context.set_default_timeout(180_000)
    log_in(context, cluster, "cara").goto(f"{cluster.url}/hub/spawn", wait_until="commit")
    until(lambda: lab_of(cluster, "cara"), 180, "the lab")
    context.close()
    return str(lab_of(cluster, "cara"))


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    made = chrome.new_context()
    made.set_default_timeout(120_000)
    yield made
    made.close()


def script(name: str) -> str:
    return (SCRIPTS / f"{name}.py").read_text()


def ask(cluster: Cluster, token: str) -> tuple[int, str]:
    """Status and sentence of the broker's answer to a token."""
    inside = ["exec", "-i", f"deploy/{RELEASE}-api", "-c", "api", "--", "python", "-", BROKER, token]
    status, answer = json.loads(cluster.kubectl(*inside, stdin=ASK))
    return status, answer.get("detail", "")


def token(cluster: Cluster, *words: str, namespace: str = "") -> str:
    made = cluster.kubectl("create", "token", "default", *words, namespace=namespace or cluster.users)
    return made.strip()


def bound(pod: str) -> list[str]:
    return ["--bound-object-kind", "Pod", "--bound-object-name", pod]


def plain_pod(cluster: Cluster, name: str, labels: dict[str, str], annotations: dict[str, str]) -> None:
    """A pod in the users' namespace, as only an administrator could make it; it only waits."""
    cluster.kubectl("delete", "pod", name, "--ignore-not-found", "--now", namespace=cluster.users)
    image = cluster.pods(component="lab")[0]["spec"]["containers"][0]["image"]
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": image,
        "command": ["sleep", "3600"],
        "securityContext": security,
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
    }
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(pod), namespace=cluster.users)
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s", namespace=cluster.users)


@pytest.mark.timeout(600)
def test_clients_need_no_options(cluster: Cluster, lab: str) -> None:
    assert python_in(cluster, lab, script("clients")).strip() == "fine"


@pytest.mark.timeout(600)
def test_labs_and_runs_have_the_same_data_by_path(cluster: Cluster, lab: str) -> None:
    write = (
        "import os, pathlib, time\nteam = pathlib.Path('/home/jovyan/s3/team')\n"
        # A lab does not wait for its folders.
        "while not os.access(team, os.W_OK):\n    time.sleep(0.2)\n"
        "(team / 'by-path.csv').write_text('day,value\\n1,2\\n')"
    )
    python_in(cluster, lab, write)
    by_path = cluster.write(
        "by-path.ipynb",
        "import os, pathlib, time\nimport pandas as pd\nhome = pathlib.Path.home() / 's3'\n"
        "while not (home / 'team' / 'by-path.csv').exists():\n    time.sleep(1)",
        "table = pd.read_csv(home / 'team' / 'by-path.csv')\nprint('rows', len(table))\n"
        "table.to_parquet(home / 'me' / 'kept.parquet')",
    )
    url = cluster.write(
        "by-url.ipynb",
        "import os\nimport pandas as pd\n"
        "print('by path', len(pd.read_csv(os.environ['NOTEYARD_TEAM_URL'] + '/by-path.csv')))\n"
        "print('by url', len(pd.read_parquet(os.environ['NOTEYARD_MY_URL'] + '/kept.parquet')))",
    )
    for notebook, said in ((by_path, ("rows 1",)), (url, ("by path 1", "by url 1"))):
        run = json.loads(cluster.yard("bob", "run", str(notebook), "--wait", "--json"))
        log = cluster.yard("bob", "logs", run["id"])
        assert run["state"] == "succeeded", log
        assert all(words in log for words in said), log


def test_nobody_reaches_anothers_data(cluster: Cluster, lab: str) -> None:
    with minio(RELEASE) as server:
        server.put_object(bucket_name="people", object_name="bob/secret.txt", data=io.BytesIO(b"bob's"), length=5)
        assert python_in(cluster, lab, script("others"), "bob").strip() == "fine"
        assert server.get_object(bucket_name="people", object_name="bob/secret.txt").read() == b"bob's"


def test_secrets_are_told_nowhere(cluster: Cluster, lab: str) -> None:
    served = json.loads(python_in(cluster, lab, SERVED))
    pod_token = python_in(cluster, lab, "print(open('/run/noteyard-token/token').read())", container="s3-mount").strip()
    secrets = [served["SecretAccessKey"], served["Token"], served["shown"], pod_token, "broker-secret"]
    assert all(len(secret) > 10 for secret in secrets)
    told = {
        "environment": json.dumps(served["environment"]),
        "description": cluster.kubectl("describe", "pod", lab, namespace=cluster.users),
        "pod": cluster.kubectl("get", "pod", lab, "-o", "yaml", namespace=cluster.users),
        "lab's log": cluster.kubectl("logs", lab, "--all-containers", namespace=cluster.users),
        "API's log": cluster.log("api"),
        "audit": cluster.sql("select * from audit"),
        "settings": cluster.kubectl("get", "configmaps", "-o", "yaml"),
    }
    for where, text in told.items():
        assert not [secret[:4] for secret in secrets if secret in text], where
    assert "credentials until" in told["lab's log"]
    assert "person cara (pod" in told["audit"]
    # The token is the sidecar's alone.
    assert "False" in python_in(cluster, lab, "import os; print(os.path.exists('/run/noteyard-token'))")


def test_tokens_of_others_open_nothing(cluster: Cluster, lab: str) -> None:
    ada = bound(lab)
    assert ask(cluster, token(cluster, "--audience=noteyard", *ada))[0] == 200
    not_valid = (403, "The token is not valid, or not any more.")
    assert ask(cluster, token(cluster, "--audience=elsewhere", *ada)) == not_valid
    assert ask(cluster, token(cluster, *ada)) == not_valid
    assert ask(cluster, "guess") == not_valid
    assert ask(cluster, token(cluster, "--audience=noteyard")) == (403, "The token is not bound to a pod.")
    (minio,) = json.loads(cluster.kubectl("get", "pods", "-l", "app=minio", "-o", "json"))["items"]
    elsewhere = token(cluster, "--audience=noteyard", *bound(minio["metadata"]["name"]), namespace=RELEASE)
    assert ask(cluster, elsewhere) == (403, "The token is not of a pod of people.")


def test_pods_that_are_nobodys_or_gone_get_nothing(cluster: Cluster, lab: str) -> None:
    plain_pod(cluster, "stray", {"app.kubernetes.io/component": "lab"}, {"noteyard/person": "ada"})
    shown = token(cluster, "--audience=noteyard", *bound("stray"))
    assert ask(cluster, shown) == (403, "The pod stray is not of this installation.")
    cluster.kubectl("delete", "pod", "stray", "--now", namespace=cluster.users)
    # The Kubernetes API remembers for some seconds that a token was good.
    status, said = ask(cluster, shown)
    assert (status, said in ("The token is not valid, or not any more.", "The pod stray is gone.")) == (403, True)


def test_somebody_disabled_gets_nothing(cluster: Cluster, lab: str) -> None:
    if not cluster.sql("select 1 from people where name = 'eve'").strip():
        cluster.add("eve")
    marks = {
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": "lab",
        "noteyard/person": "eve",
    }
    plain_pod(cluster, "lab-eve-stand-in", marks, {"noteyard/person": "eve"})
    shown = token(cluster, "--audience=noteyard", *bound("lab-eve-stand-in"))
    cluster.command("user", "enable", "eve")
    assert ask(cluster, shown)[0] == 200
    cluster.command("user", "disable", "eve")
    assert ask(cluster, shown) == (403, "eve is disabled or unknown, and gets no data.")
    assert "data.refuse" in cluster.sql("select action from audit where who = 'eve'")
    cluster.kubectl("delete", "pod", "lab-eve-stand-in", "--now", namespace=cluster.users)


def test_a_run_works_with_the_data_and_its_access_ends_with_the_attempt(cluster: Cluster) -> None:
    notebook = cluster.write(
        "data.ipynb",
        "import os, time, pandas as pd\n"
        "team, own = os.environ['NOTEYARD_TEAM_URL'], os.environ['NOTEYARD_MY_URL']\n"
        "pd.DataFrame({'a': [1, 2]}).to_parquet(f'{own}/run.parquet')\n"
        "pd.read_parquet(f'{own}/run.parquet').to_csv(f'{team}/from-run.csv', index=False)\n"
        "print('rows', len(pd.read_csv(f'{team}/from-run.csv')))",
        "time.sleep(3600)",
    )
    run = json.loads(cluster.yard("bob", "run", str(notebook), "--json"))["id"]
    until(lambda: "rows 2" in cluster.yard("bob", "logs", run), 240, "the run's work with the data")
    (pod,) = cluster.pods(component="run")
    name = pod["metadata"]["name"]
    shown = python_in(cluster, name, "print(open('/run/noteyard-token/token').read())", container="s3-mount").strip()
    assert ask(cluster, shown)[0] == 200
    cluster.yard("bob", "cancel", run)
    cluster.ended("bob", run, 180)
    status, said = ask(cluster, shown)
    over = f"The attempt {run}.1 is over, and its access to the data with it."
    gone = ("The token is not valid, or not any more.", f"The pod {name} is gone.", over)
    assert status == 403 and said in gone


def test_a_dashboard_reads_the_teams_data_and_changes_nothing(cluster: Cluster, context: BrowserContext) -> None:
    notebook = cluster.write(
        "shown.ipynb",
        "import os, pandas as pd, s3fs\nfrom IPython.display import HTML\n"
        "team = os.environ['NOTEYARD_TEAM_URL']\nfiles = s3fs.S3FileSystem()\nsaid = []\n"
        "said.append(f\"rows {len(pd.read_csv(f'{team}/shown.csv'))}\")\n"
        "for what in (f'{team}/shown.csv', 's3://people/bob/shown.csv'):\n"
        "    try:\n        files.pipe(what, b'changed')\n"
        "    except PermissionError:\n        said.append('write refused')\n"
        "try:\n    files.invalidate_cache(); files.ls('s3://people/bob')\n"
        "except PermissionError:\n    said.append('own refused')\n"
        "said.append('NOTEYARD_MY_URL' in os.environ)\nHTML('<b>' + ', '.join(map(str, said)) + '</b>')",
    )
    seed = cluster.write(
        "seed.ipynb",
        "import os, pandas as pd\n"
        "pd.DataFrame({'a': [1, 2, 3]}).to_csv(os.environ['NOTEYARD_TEAM_URL'] + '/shown.csv', index=False)",
    )
    assert json.loads(cluster.yard("bob", "run", str(seed), "--wait", "--json"))["state"] == "succeeded"
    cluster.publish("bob", notebook, "shown", "--audience", "public")
    page = context.new_page()
    page.goto(f"{cluster.url}/d/shown/")
    page.wait_for_url(f"{cluster.host('shown.apps')}/**")
    said = "rows 3, write refused, write refused, own refused, False"
    expect(page.frame_locator("#live").get_by_text(said).first).to_be_visible()


def test_the_api_may_review_tokens_and_look_at_pods_of_people_and_nothing_else(cluster: Cluster) -> None:
    account = f"--as=system:serviceaccount:{RELEASE}:{RELEASE}-api"

    def may(*words: str, namespace: str) -> bool:
        listed = cluster.kubectl("auth", "can-i", "--list", account, namespace=namespace)
        rows = [line.split() for line in listed.splitlines()]
        return any(row and row[0] == words[1] and words[0] in row[-1] for row in rows)

    assert may("create", "tokenreviews.authentication.k8s.io", namespace=cluster.users)
    assert may("get", "pods", namespace=cluster.users)
    assert not may("get", "pods", namespace=RELEASE)
    for verb, resource in (("get", "secrets"), ("create", "pods"), ("create", "serviceaccounts/token")):
        assert not may(verb, resource, namespace=cluster.users), f"{verb} {resource}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_code_goes_on_past_the_end_of_its_session(cluster: Cluster, lab: str) -> None:
    assert python_in(cluster, lab, script("past_expiry")).strip() == "fine"


PURGE = """
import sys, httpx
from noteyard.instance import Instance
from noteyard.settings_file import load
secret = Instance.of(load()).secret("internal")
address = f"http://localhost:8000/internal/v1/s3/people/{sys.argv[1]}"
answer = httpx.delete(address, headers={"Authorization": f"Bearer {secret}"})
print(answer.status_code, answer.json()["detail"])
"""


@pytest.mark.timeout(300)
def test_a_purge_deletes_what_a_removed_person_had_in_s3_and_nobody_elses(cluster: Cluster) -> None:
    for name in ("mia", "miah"):
        cluster.add(name)
    keys = {"mia/first.txt", "mia/deep/second.txt", "mia/folder/", "mia/ä + %25 ?.txt", "miah/third.txt"}
    with minio(RELEASE) as server:

        def left() -> set[str]:
            found = server.list_objects(bucket_name="people", prefix="mia", recursive=True)
            return {str(one.object_name) for one in found}

        def put(key: str) -> None:
            server.put_object(bucket_name="people", object_name=key, data=io.BytesIO(b"x"), length=1)

        for key in keys:
            put(key)
        inside = ["exec", "-i", f"deploy/{RELEASE}-api", "-c", "api", "--", "python", "-", "mia"]
        assert cluster.kubectl(*inside, stdin=PURGE).strip() == "409 The data of 'mia' is not to be purged."
        cluster.command("user", "remove", "mia", "--yes")
        assert left() == keys, "a removed person's data stays until it is purged"
        put("mia")
        assert left() == {"mia", "miah/third.txt"}, "MinIO lists nothing below an object of a folder's name"
        cluster.command("user", "purge", "mia", "--yes")
        until(lambda: left() == {"miah/third.txt"}, 120, "the purge")
