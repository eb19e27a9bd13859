#!/bin/sh
# Builds .venv from hash-pinned lock files; the Makefile calls it when a lock file or pyproject.toml changed.
#
#   tools/setup.sh bootstrap      a Python >= 3.11 becomes .venv, with pip, uv and the build backend in it
#   tools/setup.sh run|dev        adds locks/embedded.txt or locks/dev.txt, and FameDash itself (editable)
#   tools/setup.sh local-llm      the same with locks/local-llm.txt: a small language model too
#   tools/setup.sh lint           .venv/lint: linters of the deployment files, apart from what runs
#
# Everything is printed to stderr, so that `make token` prints a token and nothing else.
# It only ever adds to .venv; it starts afresh when .venv is broken or came from another folder.
set -eu
cd "$(dirname "$0")/.."
exec >&2

say() { echo "[setup] $*"; }

# A name on PATH proves nothing: pyenv leaves shims that do not run. So each candidate is executed.
find_python() {
    candidates=${PYTHON:-python3.13 python3.12 python3.14 python3.11 python3 python}
    for candidate in $candidates; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "FameDash needs Python 3.11 or newer with its venv module, and found none (tried: $candidates)." >&2
    echo "Debian, Ubuntu: apt-get install python3 python3-venv.  macOS: brew install python.  Another one: make PYTHON=/path/to/python3 ..." >&2
    return 1
}

# uv does not read pip's settings; a machine that reaches its packages only through pip's index or certificate still works.
follow_pip_settings() {
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
        if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
    fi
    if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
    export UV_PYTHON_DOWNLOADS=never
}

# A terminal sees uv's progress bars; a log sees only what went wrong.
uv_pip_install() {
    python=$1
    shift
    if [ -t 2 ]; then quiet=; else quiet=--quiet; fi
    .venv/bin/uv $quiet pip install --python "$python" "$@"
}

bootstrap() {
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        fresh=--clear
    elif [ -f .venv/made-for.mk ] && ! grep -qxF "MADE_FOR := $PWD" .venv/made-for.mk; then
        say "this folder was moved or copied: .venv starts afresh"
        fresh=--clear
    else
        fresh=
    fi
    if [ -n "$fresh" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        say "$("$python" -V) -> .venv"
        "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 15))' ||
            say "wheels were checked for 3.11 to 3.14: a newer Python may want a compiler (make PYTHON=python3.13 ...)"
        "$python" -m venv $fresh .venv
    fi
    say "pip installs uv and the build backend (locks/bootstrap.txt)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        -r locks/bootstrap.txt
    printf 'MADE_FOR := %s\n' "$PWD" >.venv/made-for.mk
}

# $1: the lock file. Byte code is made now: five processes that compile at once would be the first start's longest part.
# The second step builds without a download: the backend is already there, from bootstrap.txt.
install() {
    follow_pip_settings
    say "uv installs $(grep -c '^[a-z].*==' "$1") packages ($1); the first time this downloads them"
    uv_pip_install .venv/bin/python --compile-bytecode --no-deps --require-hashes -r "$1"
    .venv/bin/python -m compileall -q famedash
    uv_pip_install .venv/bin/python --offline --no-deps --no-build-isolation --reinstall-package famedash -e .
}

lint() {
    follow_pip_settings
    say "linters for the deployment files -> .venv/lint (locks/lint.txt)"
    .venv/bin/uv --quiet venv --allow-existing --python .venv/bin/python .venv/lint
    uv_pip_install .venv/lint/bin/python --require-hashes --only-binary :all: -r locks/lint.txt
}

case ${1:-} in
    bootstrap) bootstrap ;;
    run) install locks/embedded.txt ;;
    dev) install locks/dev.txt ;;
    local-llm) install locks/local-llm.txt ;;
    lint) lint ;;
    *) echo "usage: tools/setup.sh bootstrap|run|dev|local-llm|lint"; exit 2 ;;
esac
