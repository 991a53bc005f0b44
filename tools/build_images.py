"""Builds the images of images/ and hands them to a cluster's nodes: `make images`, `make test-kubernetes`.

    python3 tools/build_images.py [NAME ...] [--tag TAG] [--prefix PREFIX] [--build COMMAND] [--load COMMAND]

Names are folders of images/ (all by default, each after what it is built on). COMMAND is what the name of an image is
put behind:

    docker, podman, buildah         --build "docker build" (found by itself where one of them works)
    kind                            --load "kind load docker-image"
    k3s, and others with registry   --prefix registry.example.org/noteyard- --load "docker push"
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASES = {"hub": None, "mount": None, "lab/base": None, "lab/datascience": "lab/base"}
"""Each image, and which other it is built on."""
UNLOADED = frozenset({"lab/base"})
"""Only built on: no pod is made of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    build = options.build or find_builder()
    if build is None:
        print(
            "No image builder works here (docker, podman, buildah). Start or install one, "
            'or name its command: make images BUILD="… build"',
            file=sys.stderr,
        )
        return 1
    for name in with_bases(options.names or list(BASES)):
        image = image_name(options.prefix, name, options.tag)
        print(f"{image} …", flush=True)
        try:
            subprocess.run(build_command(build, options.prefix, name, options.tag), cwd=ROOT, check=True)
            if options.load and name not in UNLOADED:
                subprocess.run([*shlex.split(options.load), image], cwd=ROOT, check=True)
        except subprocess.CalledProcessError as error:
            print(f"{image} was not made: {shlex.join(error.cmd)} failed, for what stands above.", file=sys.stderr)
            return 1
    return 0


def image_name(prefix: str, name: str, tag: str) -> str:
    """`localhost/noteyard-lab-base:dev` for lab/base."""
    return f"{prefix}{name.replace('/', '-')}:{tag}"


def build_command(build: str, prefix: str, name: str, tag: str) -> list[str]:
    """The whole command; every Dockerfile has the repository's root for its context."""
    base = BASES[name]
    on = ["--build-arg", f"BASE_IMAGE={image_name(prefix, base, tag)}"] if base is not None else []
    return [*shlex.split(build), "-t", image_name(prefix, name, tag), "-f", f"images/{name}/Dockerfile", *on, "."]


def with_bases(names: Sequence[str]) -> list[str]:
    """The names, each after what it is built on."""
    wanted: dict[str, None] = {}
    for name in names:
        base = BASES[name]
        if base is not None:
            wanted[base] = None
        wanted[name] = None
    return list(wanted)


def find_builder() -> str | None:
    """The build command of the first program that answers: a client without an engine does not."""
    for program, probe in (("docker", "info"), ("podman", "info"), ("buildah", "images")):
        if shutil.which(program) is None:
            continue
        if subprocess.run([program, probe], capture_output=True, check=False).returncode == 0:
            return f"{program} build"
    return None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BASES)}")
    parser.add_argument("--tag", default="dev", help="tag of the images (default: %(default)s)")
    parser.add_argument("--prefix", default="localhost/noteyard-", help="what names begin with (default: %(default)s)")
    parser.add_argument("--build", help="build command (default: that of docker, podman or buildah)")
    parser.add_argument("--load", help="command that makes an image known to the nodes (default: none is run)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
