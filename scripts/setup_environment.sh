#!/usr/bin/env bash
# Installs orgaudit and its tools into .venv, in the versions of constraints.txt. The Makefile decides when it is due.
set -euo pipefail
cd "$(dirname "$0")/.."

if .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "Updating .venv: pyproject.toml or constraints.txt has changed"
else
    python=$(scripts/find_python.sh)
    echo "Setting up .venv with $("$python" --version) (first time: about a minute)"
    "$python" -m venv --clear .venv
fi

# Variables, not options: so the versions also bind the build tools, which pip installs in a child process.
# Newer versions of pip read the second name for that, older ones the first.
export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
log=.venv/setup.log
if ! .venv/bin/python -m pip install --no-input --progress-bar off --editable '.[dev]' >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "pip could not install the packages; everything it said is in $log" >&2
    exit 1
fi
echo "The environment is ready"
