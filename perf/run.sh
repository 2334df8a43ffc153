#!/usr/bin/env bash
# './build.sh perf': trains with gpt and with PyTorch in turn on the CPU, writes perf/results/DATE-MACHINE.json README's table and
# the report (out/report.html), and holds the result against the one before it of this machine: exit code 1 where something became slower.
# Arguments go to compare_cpu.py (--workloads small --rounds 1 …). PYTHON names the interpreter whose torch is measured; exit code 3 where there
# is none with torch and numpy.
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

# The interpreter with torch may see another file system than gpt does; what starts both needs no torch.
runner=$(command -v python3 || echo "$python")
results=$("$runner" perf/results_file.py)
"$runner" perf/compare_cpu.py --python "$python" --gpt out/gpt "$@" --out "$results"
"$runner" perf/update_readme.py "$results" README.md
"$runner" perf/report.py --html out/report.html --markdown out/report.md
"$runner" perf/check_against_previous.py "$results"
