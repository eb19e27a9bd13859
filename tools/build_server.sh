#!/bin/sh
# What the image's builder does, as a script so that tools/check_image.sh can do the same without Docker.
# Needs locks/bootstrap.txt installed for the `python` on PATH.
#
#   tools/build_server.sh dependencies DEST   a virtual environment with exactly locks/server.txt
#   tools/build_server.sh package DEST        FameDash as a wheel into it
set -eu
cd "$(dirname "$0")/.."

step=$1
dest=$2
case $step in
    dependencies)
        uv venv --python "$(command -v python)" "$dest"
        uv pip install --python "$dest/bin/python" --compile-bytecode --no-deps --require-hashes --only-binary :all: \
            -r locks/server.txt
        ;;
    package)
        wheels=$(mktemp -d)
        uv build --quiet --offline --wheel --no-build-isolation --python "$(command -v python)" --out-dir "$wheels" .
        uv pip install --python "$dest/bin/python" --compile-bytecode --offline --no-deps "$wheels"/famedash-*.whl
        rm -rf "$wheels"
        ;;
    *)
        echo "usage: tools/build_server.sh dependencies|package DEST" >&2
        exit 2
        ;;
esac
