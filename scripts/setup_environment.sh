#!/usr/bin/env bash
# Installs orgaudit and its tools into .venv, or the directory that is given, from the files of requirements.lock. The
# Makefile decides when it is due.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${1:-.venv}
if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Updating $venv: pyproject.toml or requirements.lock has changed"
else
    python=$(scripts/find_python.sh)
    echo "Setting up $venv with $("$python" --version) (first time: about a minute)"
    "$python" -m venv --clear "$venv"
fi

log=$venv/setup.log
: >"$log"
install() {
    if ! "$venv/bin/python" -m pip install --no-input --progress-bar off "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "pip could not install the packages; all of its output is in $log" >&2
        exit 1
    fi
}
# A package that has no wheel for this machine is built with tools that pip fetches; these variables bind their versions.
# Newer versions of pip read the second name for that, older ones the first.
PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt install --require-hashes -r requirements.lock
# The project is built by the hatchling that the lock has installed, so nothing more is fetched.
install --no-deps --no-build-isolation --editable .
"$venv/bin/python" -m pip check >>"$log" 2>&1 || { cat "$log" >&2; exit 1; }
echo "The environment is ready"
