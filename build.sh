#!/usr/bin/env bash
# The one script: build, demo, test, publish, perf. Run again, each is quick and does no work twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
configuration=Release

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

require_sdk() {
    command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing (no 'dotnet' on PATH); install it, then run this again."
    dotnet --version >/dev/null 2>&1 || fail "the installed .NET SDK does not satisfy global.json; install .NET 10 ($(grep -o '"version": "[^"]*"' global.json))."
}

# Debian packages that tests and .zst input use; nothing happens where they are there.
require_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "please install: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || fail "please install as root: apt-get install ${missing[*]}"
    say "Installing ${missing[*]}"
    apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
        { apt-get update >/dev/null && apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
}

# Everything that a build reads; newer than the stamp means build again.
is_current() {
    local stamp=$1
    [ -e "$stamp" ] || return 1
    [ -z "$(find runtime kernels engine tools Directory.Build.props Directory.Packages.props global.json build.sh \
        -type f -newer "$stamp" -not -path '*/bin/*' -not -path '*/obj/*' -print -quit)" ]
}

runtime_identifier() {
    case "$(uname -m)" in
        x86_64) echo linux-x64 ;;
        aarch64) echo linux-arm64 ;;
        *) fail "there is no .NET runtime identifier here for a $(uname -m) machine." ;;
    esac
}

build() {
    require_sdk
    if is_current out/.stamp; then
        return 0
    fi
    say "Building out/gpt"
    # Ready-to-run: ahead-of-time code for start-up; hot loops are compiled again at run time for this very processor.
    dotnet publish tools/Gpt/Gpt.csproj -c $configuration -r "$(runtime_identifier)" --self-contained false \
        -p:PublishReadyToRun=true -o out -v quiet --nologo
    touch out/.stamp
}

publish() {
    require_sdk
    if is_current out/publish/.stamp; then
        return 0
    fi
    say "Publishing the self-contained out/publish/gpt"
    # What says of itself that it can be trimmed is (TrimMode partial): .NET and libraries. Our own assemblies stay whole, as the simulator,
    # which finds its operations by name, needs them; so nothing in them is to be warned of.
    dotnet publish tools/Gpt/Gpt.csproj -c $configuration -r "$(runtime_identifier)" --self-contained true \
        -p:PublishSingleFile=true -p:PublishTrimmed=true -p:EnableTrimAnalyzer=false -p:SuppressTrimAnalysisWarnings=true -p:EnableCompressionInSingleFile=true -p:TrimMode=partial \
        -p:IncludeNativeLibrariesForSelfExtract=true -p:DebugType=none -o out/publish -v quiet --nologo
    touch out/publish/.stamp
    ls -l out/publish/gpt >&2
}

# NVRTC, without which much cannot be tested; and what our bindings to the rest of NVIDIA's libraries are held against, where it can be had.
nvidia() {
    .ci/setup-nvidia.sh
    # A slow line must not take the tests' time.
    timeout 240 .ci/setup-nvidia.sh --tests || say "Tests go on without: they check what is said of a missing library instead."
}

run_tests() {
    require_sdk
    require_packages libzstd1 zstd iproute2 python3
    nvidia
    build
    say "Building the tests"
    dotnet build GptEngine.sln -c $configuration -v quiet --nologo
    say "Checking the formatting"
    dotnet format whitespace GptEngine.sln --no-restore --verify-no-changes
    say "Running the tests"
    local log=artifacts/test.log status=0
    GPTENGINE_GPT="$PWD/out/gpt" artifacts/bin/Tests/release/GptEngine.Tests --no-progress --no-ansi "$@" 2>&1 | tee "$log" || status=$?
    local failed succeeded skipped
    failed=$(sed -n 's/^ *failed: //p' "$log" | tail -1)
    succeeded=$(sed -n 's/^ *succeeded: //p' "$log" | tail -1)
    skipped=$(sed -n 's/^ *skipped: //p' "$log" | tail -1)
    [ -n "$succeeded" ] || { echo "The test program ended without a summary (exit $status)." >&2; exit 1; }
    echo "$succeeded passed, ${failed:-0} failed, ${skipped:-0} skipped"
    return "$status"
}

demo() {
    build
    .ci/demo.sh out/gpt "${1:-runs/demo}"
}

case "${1:-build}" in
    build) build ;;
    demo) shift; demo "$@" ;;
    test) shift; run_tests "$@" ;;
    publish) publish ;;
    perf) shift; build; perf/run.sh "$@" ;;
    *) fail "unknown command '$1'; there are: build, demo, test, publish, perf." ;;
esac
