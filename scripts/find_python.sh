#!/usr/bin/env bash
# Prints the path of the Python for the environment: $SETUP_PYTHON, or the newest usable one (3.11 or newer, with venv
# and pip's installer). With --second, prints the oldest one of another version than that, or nothing.
set -euo pipefail

names=(python3.13 python3.12 python3.11 python3)
versions=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions

usable() { # usable <command>: prints its version and path, for example "3.12 /usr/bin/python3.12"
    # A candidate is run, not only looked up: a version manager puts names on the path that it cannot run.
    "$1" -c 'import ensurepip, sys, venv
assert sys.version_info >= (3, 11)
print("%d.%d" % sys.version_info[:2], sys.executable)' 2>/dev/null
}

all_usable() { # Prints every usable Python: those on the path, then those of a version manager that are not.
    local candidate
    for candidate in "${names[@]}" "$versions"/3.1[1-9].*/bin/python; do
        usable "$candidate" || true
    done
}

if [[ -n ${SETUP_PYTHON:-} ]]; then
    names=("$SETUP_PYTHON" "${names[@]}")
    usable "$SETUP_PYTHON" >/dev/null || names=()
fi
found=$([[ ${#names[@]} -eq 0 ]] || all_usable)
if [[ -z $found ]]; then
    echo "No usable Python: tried ${SETUP_PYTHON:-python3.13, python3.12, python3.11 and python3}." >&2
    echo "orgaudit needs Python 3.11 or newer with its venv module (Debian and Ubuntu: apt-get install python3-venv)." >&2
    exit 1
fi
first=${found%%$'\n'*}
if [[ ${1:-} == --second ]]; then
    sort --version-sort <<<"$found" | awk -v version="${first%% *}" '$1 != version { print $2; exit }'
else
    echo "${first#* }"
fi
