#!/usr/bin/env bash
# Runs every test with the newest releases of all dependencies, in a temporary environment. boto3, botocore and moto stay
# as they are pinned, since the emulated AWS depends on them. It only reports: its exit code is 0 whatever the tests say.
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
pinned='aioboto3|aiobotocore|boto3|botocore|moto'
grep -E "^($pinned)==" constraints.txt >"$place/pinned.txt"

echo "Setting up the newest dependencies in a temporary environment"
"$(scripts/find_python.sh)" -m venv "$place/venv"
python="$place/venv/bin/python"
if ! "$python" -m pip install --no-input --progress-bar off --upgrade --constraint "$place/pinned.txt" \
    --editable '.[dev]' >"$place/setup.log" 2>&1; then
    tail -n 20 "$place/setup.log"
    echo "The newest dependencies cannot be installed together"
    exit 0
fi

echo "Newer than constraints.txt:"
"$python" -m pip freeze --exclude-editable | tr '[:upper:]_' '[:lower:]-' | sort >"$place/installed.txt"
tr '[:upper:]_' '[:lower:]-' <constraints.txt | sort | comm -13 - "$place/installed.txt" | sed 's/^/  /'

for tool in "ruff check" "mypy" "pytest -n auto --dist worksteal"; do
    # shellcheck disable=SC2086 - words, not one argument
    "$python" -m $tool || echo "With the newest dependencies, ${tool%% *} does not pass"
done
exit 0
