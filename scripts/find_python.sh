#!/usr/bin/env bash
# Prints the path of the first Python that can hold the environment: 3.11 or newer, with venv and pip's installer.
set -euo pipefail

for candidate in python3.13 python3.12 python3.11 python3; do
    # A candidate is run, not only looked up: a version manager puts names on the path that it cannot run.
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

echo "No usable Python: tried python3.13, python3.12, python3.11 and python3." >&2
echo "orgaudit needs Python 3.11 or newer with its venv module (Debian and Ubuntu: apt-get install python3-venv)." >&2
exit 1
