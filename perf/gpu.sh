#!/usr/bin/env bash
# Everything worth knowing of a machine with a GPU, in one call: does the program work there, is it right, how fast is it, and where does the
# time go. Builds nothing: needs the published program ('./build.sh publish', one file), and for the comparison a Python with torch.
#
#   perf/gpu.sh                      all of it, some two hours, most of them the search for PyTorch's best settings
#   perf/gpu.sh --quick              the same questions in nine minutes
#   perf/gpu.sh --part selftest      one part; may be given again
#   perf/gpu.sh --list               the parts with their time limits
#   perf/gpu.sh --device sim --arch sm_80      tries every line of this script without a GPU, at toy sizes
#
# Options: --out DIR (by default $OUT, else perf/results/DATE-MACHINE), --gpt FILE (out/publish/gpt), --python FILE (one with torch).
# Every part has its own time limit, and the next one runs whatever became of it. A part's output is DIR/PART.log; at the end DIR/summary.txt
# has a line a part. Exit code: 0 where every part that could run did well, 1 where one failed, 2 where the call is wrong.
# Nothing here changes the GPU's settings: its clocks are measured as they are.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
self=$root/perf/gpu.sh

# Name, seconds of the whole form, seconds of --quick, which add up to nine minutes: in the order of what one would want to know first.
parts=(
    "doctor 60 10"
    "selftest 900 90"
    "memcheck 900 40"
    "racecheck 900 30"
    "initcheck 600 25"
    "synccheck 600 20"
    "instructions 300 15"
    "training 1500 75"
    "profile 600 30"
    "kernels 1500 45"
    "torch-kernels 1500 25"
    "torch-training 7200 90"
    "ncu 900 20"
    "nsys 300 15"
    "report 120 10"
)
quick_total=${QUICK_TOTAL:-540}
skipped=77

usage() {
    echo "gpu.sh: $1 'perf/gpu.sh --list' shows the parts; the first lines of this file the options." >&2
    exit 2
}

skip() {
    echo "skipped: $1"
    exit "$skipped"
}

limits_of() {
    local part
    for part in "${parts[@]}"; do
        if [ "${part%% *}" = "$1" ]; then
            echo "${part#* }"
            return 0
        fi
    done
    return 1
}

# --- what every part knows -----------------------------------------------------------------------------------------------------------------

# The GPU's name as nvidia-smi has it; nothing where there is none.
gpu_name() {
    nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1
}

# bf16 from compute capability 8 on, fp16 before.
low_precision() {
    local capability
    if [ "$DEVICE" = sim ]; then
        capability=${ARCH#sm_}
    else
        capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
    fi
    if [ "${capability:-80}" -ge 80 ]; then echo bf16; else echo fp16; fi
}

is_dry() {
    [ "$DEVICE" != cuda ]
}

# A toy model where nothing is a measurement.
toy=(--preset quickstart --set model.n_layers=1 --set model.vocab_size=300 --set data.document_token=3 --micro-batch 1 --context-length 16
    --micro-steps 1)

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import numpy, torch' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

device_options() {
    if [ "$DEVICE" = sim ]; then echo "--device sim --arch $ARCH"; else echo "--device $DEVICE"; fi
}

# --- the parts ------------------------------------------------------------------------------------------------------------------------------

part_doctor() {
    "$GPT" doctor || return
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi
        nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total,clocks.max.sm,clocks.max.mem,power.limit,persistence_mode --format=csv
    fi
    uname -srm
    "$GPT" doctor --preset gpt-1b
}

part_selftest() {
    local options=()
    if is_dry; then options+=(--filter "operations fp32 SumLosses"); elif [ "$FORM" = whole ]; then options+=(--full); fi
    # shellcheck disable=SC2046  # several words on purpose
    "$GPT" selftest $(device_options) --json "$RESULTS/selftest.json" "${options[@]}"
}

# compute-sanitizer over the launches of every kernel; in the whole form over the operations and the training run too.
sanitize() {
    local tool=$1 filters=(kernels) filter status=0
    shift
    if is_dry; then
        skip "there is no GPU for compute-sanitizer; 'gpt kernels check' looks for the same on the simulated one"
    fi
    command -v compute-sanitizer >/dev/null || skip "compute-sanitizer is not on the path; it comes with the CUDA toolkit"
    if [ "$FORM" = whole ] && [ "$tool" = memcheck ]; then filters+=("operations $(low_precision)" "training $(low_precision)"); fi
    for filter in "${filters[@]}"; do
        echo "== $tool, gpt selftest --filter \"$filter\""
        compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 9 --print-limit 40 "$@" \
            "$GPT" selftest --device cuda --filter "$filter" || status=$?
    done
    return "$status"
}

# The simulated GPU's instructions against the real one's: whether what the tests say of the kernels holds here.
part_instructions() {
    if is_dry; then "$GPT" kernels compare --with sm_80 --inputs 64; else "$GPT" kernels compare --with cuda; fi
}

part_training() {
    local precision preset status=0
    precision=$(low_precision)
    if is_dry; then
        # shellcheck disable=SC2046  # several words on purpose
        "$GPT" bench $(device_options) "${toy[@]}" --precision "$precision" --warmup 1 --steps 3 --json "$RESULTS/bench-toy.json"
        return
    fi
    local -A batches=([gpt-89m]=70 [gpt-304m]=36 [gpt-1b]=20)
    local presets=(gpt-304m gpt-1b gpt-89m) seconds=60
    if [ "$FORM" = quick ]; then seconds=8; fi
    for preset in "${presets[@]}"; do
        local batch=${batches[$preset]}
        # The presets' own micro-batch, then larger ones where there is time.
        if [ "$FORM" = whole ]; then batch="$batch,$((2 * batch)),$((4 * batch))"; fi
        "$GPT" bench --device cuda --preset "$preset" --precision "$precision" --micro-batch "$batch" --micro-steps 4 --max-seconds "$seconds" \
            --json "$RESULTS/bench-$preset.json" || status=$?
    done
    if [ "$FORM" = whole ]; then
        local others=fp32,tf32,fp16
        if [ "$precision" = fp16 ]; then others=fp32; fi # before Ampere there is no tf32
        "$GPT" bench --device cuda --preset gpt-89m --precision "$others" --micro-batch 70 --micro-steps 1 --max-seconds 20 \
            --json "$RESULTS/bench-precisions.json" || status=$?
    fi
    return "$status"
}

part_profile() {
    local precision preset status=0
    precision=$(low_precision)
    if is_dry; then
        # shellcheck disable=SC2046  # several words on purpose
        "$GPT" profile $(device_options) "${toy[@]}" --precision "$precision" --warmup 1 --trace "$RESULTS/profile-toy.trace.json" --json "$RESULTS/profile-toy.json"
        return
    fi
    local presets=(gpt-89m)
    if [ "$FORM" = whole ]; then presets=(gpt-89m gpt-304m gpt-1b); fi
    for preset in "${presets[@]}"; do
        "$GPT" profile --device cuda --preset "$preset" --precision "$precision" --micro-steps 1 \
            --trace "$RESULTS/profile-$preset.trace.json" --json "$RESULTS/profile-$preset.json" | tee "$RESULTS/profile-$preset.txt" || status=$?
    done
    # A step by CUPTI and one by events: how the two agree, or why CUPTI was not taken.
    for preset in "${presets[@]}"; do
        sed -n "s/^timers:/$preset timers:/p; /^why not CUPTI:/,/^$/ { /./ s/^/$preset /p; }" "$RESULTS/profile-$preset.txt"
    done
    return "$status"
}

part_kernels() {
    local seconds=0.5
    if [ "$FORM" = quick ] || is_dry; then seconds=0.05; fi
    # shellcheck disable=SC2046  # several words on purpose
    if is_dry; then
        "$GPT" bench --kernels rotary $(device_options) --kernel-seconds "$seconds" --json "$RESULTS/kernels.json"
    else
        "$GPT" bench --kernels $(device_options) --kernel-seconds "$seconds" --json "$RESULTS/kernels.json"
        # What was chosen, above, is by measuring; here every variant is forced in turn.
        for variant in plain small large warpgroups; do
            printf 'attention by %s kernels (GPTENGINE_ATTENTION=%s):\n' "$variant" "$variant"
            GPTENGINE_ATTENTION=$variant "$GPT" bench --kernels attention_forward attention_backward $(device_options) --kernel-seconds "$seconds" |
                tee "$RESULTS/attention-$variant.txt"
        done
    fi
}

part_torch_kernels() {
    local python seconds=0.5
    python=$(find_python) || skip "no Python with torch and numpy; --python names one"
    if [ "$FORM" = quick ]; then seconds=0.05; fi
    if is_dry; then
        "$python" "$root/perf/pytorch/kernels.py" --device cpu --seconds 0.01 --limit 10 --threads 1 --json "$RESULTS/torch-kernels.json" gelu
    else
        "$python" "$root/perf/pytorch/kernels.py" --device cuda --seconds "$seconds" --limit "$((LIMIT * 3 / 4))" --json "$RESULTS/torch-kernels.json"
    fi
}

part_torch_training() {
    local python options=()
    python=$(find_python) || skip "no Python with torch and numpy; --python names one"
    if is_dry; then
        options=(--device cpu --presets tiny --rounds 1 --steps 4 --warm-up 1 --micro-steps 1 --trial-limit 30 --tune-limit 60 --threads 1)
    elif [ "$FORM" = quick ]; then
        # The search gets half of the time; it remembers what it found, for the next call.
        options=(--presets gpt-304m --rounds 1 --steps 10 --warm-up 3 --tune-steps 6 --trial-limit 45 --tune-limit "$((LIMIT / 2))")
    fi
    "$python" "$root/perf/compare_cuda.py" --gpt "$GPT" --python "$python" --out "$RESULTS/torch-training.json" "${options[@]}"
}

# The counters of a step's launches, behind the first step, at the clocks as they are. The benchmark and not the profile: both would want CUPTI.
part_ncu() {
    local count=120
    if is_dry; then skip "there is no GPU for Nsight Compute; 'gpt kernels profile' counts on the simulated one"; fi
    command -v ncu >/dev/null || skip "ncu is not on the path; it comes with Nsight Compute or the CUDA toolkit"
    if [ "$FORM" = quick ]; then count=40; fi
    ncu --target-processes all --clock-control none --force-overwrite --export "$RESULTS/ncu" --launch-skip 400 --launch-count "$count" \
        --section SpeedOfLight --section MemoryWorkloadAnalysis --section Occupancy --section LaunchStats --section WarpStateStats \
        "$GPT" bench --device cuda --preset gpt-89m --precision "$(low_precision)" --micro-batch 16 --micro-steps 1 --warmup 1 --steps 3 || return
    ncu --import "$RESULTS/ncu.ncu-rep" --page raw --csv >"$RESULTS/ncu.csv"
}

part_nsys() {
    if is_dry; then skip "there is no GPU for Nsight Systems"; fi
    command -v nsys >/dev/null || skip "nsys is not on the path; it comes with Nsight Systems or the CUDA toolkit"
    trace nsys --cuda-graph-trace node -- bench --micro-steps 2 --warmup 1 --steps 4 || return
    if [ "$FORM" = whole ]; then trace nsys-layers -- profile --timer events --micro-steps 1 --warmup 1; fi
}

# A timeline of a command of gpt, and nsys's own tables of it: its default ones, whose names differ from version to version. The processor is
# not sampled: containers forbid it, and an nsys of 2022 then hangs.
trace() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    nsys profile --trace cuda,nvtx --sample none --cpuctxsw none "${options[@]}" --force-overwrite true --output "$RESULTS/$name" \
        "$GPT" "$@" --device cuda --preset gpt-89m --precision "$(low_precision)" --micro-batch 16 || return
    nsys stats "$RESULTS/$name.nsys-rep" >"$RESULTS/$name.txt" || echo "nsys stats has failed; $name.nsys-rep is whole, open it elsewhere."
    rm -f "$RESULTS/$name.sqlite"
}

part_report() {
    local python=${PYTHON:-python3} files=() notes=()
    command -v "$python" >/dev/null || skip "no Python to merge the results with; the parts' own files are whole"
    local file
    for file in "$RESULTS"/selftest.json "$RESULTS"/bench-*.json "$RESULTS"/kernels.json "$RESULTS"/torch-kernels.json "$RESULTS"/torch-training.json "$RESULTS"/profile-*.json; do
        case "$file" in
            *.trace.json) ;;
            *) if [ -s "$file" ]; then files+=("$file"); fi ;;
        esac
    done
    if [ ${#files[@]} -eq 0 ]; then skip "no part left anything to draw"; fi
    # What failed is missing from the tables: the report says so.
    local name exit verdict
    while read -r name _ exit verdict; do
        case "$exit" in
            0 | "$skipped" | exit) ;;
            *) notes+=(--note "Part $name: $verdict") ;;
        esac
    done <"$RESULTS/summary.txt"
    "$python" "$root/perf/merge.py" "${files[@]}" --out "$RESULTS/results.json" --command "perf/gpu.sh" "${notes[@]}" || return
    "$python" "$root/perf/report.py" "$RESULTS/results.json" --html "$RESULTS/report.html" --markdown "$RESULTS/report.md"
}

# --- running them ---------------------------------------------------------------------------------------------------------------------------

# Inside a part's own process: everything it needs is in the environment.
if [ "${1:-}" = --inside ]; then
    case "$2" in
        doctor) part_doctor ;;
        selftest) part_selftest ;;
        memcheck) sanitize memcheck --leak-check no ;;
        racecheck) sanitize racecheck --racecheck-report all ;;
        initcheck | synccheck) sanitize "$2" ;;
        instructions) part_instructions ;;
        training) part_training ;;
        profile) part_profile ;;
        kernels) part_kernels ;;
        torch-kernels) part_torch_kernels ;;
        torch-training) part_torch_training ;;
        ncu) part_ncu ;;
        nsys) part_nsys ;;
        report) part_report ;;
    esac
    exit
fi

FORM=whole
DEVICE=cuda
ARCH=sm_90
GPT=$root/out/publish/gpt
RESULTS=
chosen=()
while [ $# -gt 0 ]; do
    case "$1" in
        --quick) FORM=quick ;;
        --list)
            printf '%-16s%10s%10s\n' part seconds --quick
            for part in "${parts[@]}"; do
                read -r name whole quick <<<"$part"
                printf '%-16s%10s%10s\n' "$name" "$whole" "$quick"
            done
            exit 0
            ;;
        --part | --out | --gpt | --python | --device | --arch)
            [ $# -gt 1 ] || usage "$1 takes a value."
            case "$1" in
                --part) limits_of "$2" >/dev/null || usage "there is no part '$2'."; chosen+=("$2") ;;
                --out) RESULTS=$2 ;;
                --gpt) GPT=$(realpath -m "$2") ;;
                --python) PYTHON=$2 ;;
                --device) DEVICE=$2 ;;
                --arch) ARCH=$2 ;;
            esac
            shift
            ;;
        *) usage "there is no option '$1'." ;;
    esac
    shift
done
case "$DEVICE" in
    cuda | sim | cpu) ;;
    *) usage "--device is cuda, sim or cpu, not '$DEVICE'." ;;
esac
[ -x "$GPT" ] || usage "there is no program at $GPT; './build.sh publish' makes one, --gpt names another."
if [ ${#chosen[@]} -eq 0 ]; then
    for part in "${parts[@]}"; do chosen+=("${part%% *}"); done
fi

machine=$(gpu_name | tr -cs 'A-Za-z0-9\n' '-')
RESULTS=${RESULTS:-${OUT:-$root/perf/results/$(date +%F)-${machine:-$DEVICE}}}
mkdir -p "$RESULTS" || exit 2
RESULTS=$(cd "$RESULTS" && pwd)
export FORM DEVICE ARCH GPT RESULTS PYTHON

# The program is one file that unpacks a library where it may write.
if [ ! -w "${HOME:-/nonexistent}" ]; then
    export DOTNET_BUNDLE_EXTRACT_BASE_DIR=${DOTNET_BUNDLE_EXTRACT_BASE_DIR:-${TMPDIR:-/tmp}/gptengine-$(id -u)}
fi

# Seconds that --quick keeps for the parts from this one on.
kept_from() {
    local name is_behind=0 sum=0 quick
    for name in "${chosen[@]}"; do
        if [ "$name" = "$1" ]; then is_behind=1; fi
        if [ "$is_behind" = 1 ]; then
            read -r _ quick <<<"$(limits_of "$name")"
            sum=$((sum + quick))
        fi
    done
    echo "$sum"
}

# Why a part failed, in the words of the first who said so; nothing where nobody did.
reason_of() {
    sed -nE 's/^(gpt|compare_cuda): //p; s/^==ERROR== //p; s/^=+ Error: //p' "$1" | head -n 1 | cut -c1-160
}

started=$SECONDS
failed=0
summary=$RESULTS/summary.txt
printf '%-16s%9s%6s  %s\n' part seconds exit verdict >"$summary"
for name in "${chosen[@]}"; do
    read -r whole quick <<<"$(limits_of "$name")"
    LIMIT=$whole
    if [ "$FORM" = quick ]; then
        # What the parts before have not used is this one's; what the later ones need is kept for them, whatever hangs here.
        LIMIT=$((quick + quick_total - (SECONDS - started) - $(kept_from "$name")))
    fi
    export LIMIT
    begun=$SECONDS
    echo "== $name (at most $LIMIT s)"
    if [ "$LIMIT" -lt 5 ]; then
        echo "skipped: the nine minutes are over" >"$RESULTS/$name.log"
        status=$skipped
    else
        timeout --kill-after=10 "$LIMIT" bash "$self" --inside "$name" >"$RESULTS/$name.log" 2>&1
        status=$?
    fi
    # What a part had opened before it failed, and had nothing to write to.
    find "$RESULTS" -maxdepth 1 -name '*.json' -empty -delete
    case "$status" in
        0) verdict="ok" ;;
        "$skipped") verdict=$(tail -n 1 "$RESULTS/$name.log") ;;
        124 | 137) verdict="over its time limit of $LIMIT s"; failed=1 ;;
        *)
            reason=$(reason_of "$RESULTS/$name.log")
            verdict="FAILED, see $name.log${reason:+: $reason}"
            failed=1
            ;;
    esac
    tail -n 4 "$RESULTS/$name.log" | cut -c1-180
    printf '%-16s%9d%6d  %s\n' "$name" $((SECONDS - begun)) "$status" "$verdict" | tee -a "$summary" | sed 's/^/-- /'
done

echo
cat "$summary"
echo "results: $RESULTS"
exit "$failed"
