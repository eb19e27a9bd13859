#!/bin/sh
# Proves that each package in locks/ has a wheel for every Python and platform the README names: nobody compiles.
# Asks the package index, installs nothing. Wheels for Windows are no promise (use WSL or Docker there).
set -eu
cd "$(dirname "$0")/.."

nowhere=$(mktemp -d)
trap 'rm -rf "$nowhere"' EXIT
failed=0
for lock in bootstrap server embedded local-llm dev lint; do
    for version in 3.11 3.12 3.13 3.14; do
        for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin; do
            if .venv/bin/uv --quiet pip install --dry-run --target "$nowhere" --only-binary :all: --no-deps --require-hashes \
                --python-version "$version" --python-platform "$platform" -r "locks/$lock.txt"; then
                echo "ok    $lock  Python $version  $platform"
            else
                echo "FAIL  $lock  Python $version  $platform"
                failed=1
            fi
        done
    done
done
exit $failed
