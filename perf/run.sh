#!/usr/bin/env bash
# './build.sh perf': trains with gpt and with PyTorch in turn, writes perf/results/DATE-MACHINE-cpu.json and README's table.
# Arguments go to compare_cpu.py (--workloads small --rounds 1 …). Without a Python that has torch, gpt is measured alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=""
for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import numpy, torch' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "perf: no Python with torch and numpy (Debian: apt-get install python3-torch libopenblas0-openmp); there is nothing to compare with." >&2
    exit 3
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
"$python" perf/compare_cpu.py --python "$python" --gpt out/gpt --out "$results/results.json" "$@"
"$python" perf/update_readme.py "$results/results.json" README.md perf/results
