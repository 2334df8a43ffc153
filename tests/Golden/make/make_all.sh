#!/bin/sh
# Makes every golden vector anew. PYTHON chooses the interpreter, which needs torch (1.13 or newer) and numpy.
set -eu
cd "$(dirname "$0")"
for script in make_operations.py make_gradients.py make_training.py; do
    "${PYTHON:-python3}" "$script"
done
