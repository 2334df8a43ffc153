#!/usr/bin/env bash
# Makes NVIDIA's libraries available without touching the system: finds installed ones, else brings Debian's or Ubuntu's packaged ones into our cache.
#
#   .ci/setup-nvidia.sh            NVRTC, which the program uses: quick when there is nothing to do; prints the library's path on standard output
#   .ci/setup-nvidia.sh --local    ignores an installed one: always the cache's
#   .ci/setup-nvidia.sh --tests    libcuda, CUPTI and cuBLASLt (200 MB to download), which tests check our bindings against, and the oldest NVRTC
#                                  that there are promises for, 11.8 (17 MB), with which they compile every kernel. They go to a part of the
#                                  cache that the program does not look in: a libcuda without a GPU is of use to nobody else
#   GPTENGINE_NVRTC=FILE           use this library; for the others GPTENGINE_CUDA, GPTENGINE_CUPTI, GPTENGINE_CUBLASLT and, for tests alone,
#                                  GPTENGINE_NVRTC_11
#   GPTENGINE_CACHE_DIR=DIR        the cache; default ${XDG_CACHE_HOME:-~/.cache}/gptengine
#   GPTENGINE_NVRTC_SUITE=NAME     the distribution's suite to take them from; default: trixie on Debian, the machine's own on Ubuntu
#
# Exit code: 0 they are there; 3 one is not and cannot be brought here (the message says why and what to do).
set -euo pipefail

cache_root="${GPTENGINE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gptengine}"
work=""
opened=""
is_locked=no

missing() {
    printf 'setup-nvidia: %s %s\n' "$1" "$remedy" >&2
    exit 3
}

missing_with_log() {
    sed 's/^/setup-nvidia: apt: /' "$work/log" >&2
    missing "$1"
}

# What a library is called: by people, in its files, in packages, and in the environment; which of Debian's suites has it, and whether an
# installed one will do; where it goes in the cache; what to do without it.
choose() {
    debian_suite="${GPTENGINE_NVRTC_SUITE:-trixie}" installed="$take_installed"
    case "$1" in
        nvrtc)
            title=NVRTC variable=GPTENGINE_NVRTC target="$cache_root/nvrtc"
            names=(libnvrtc.so.13 libnvrtc.so.12 libnvrtc.so.11.2 libnvrtc.so) files='libnvrtc*.so*' packages='^libnvrtc[0-9]+(\.[0-9]+)*$'
            remedy="Install CUDA's NVRTC (any of 11.8 to 13) and set GPTENGINE_NVRTC to its libnvrtc.so file, or install the Python wheel nvidia-cuda-nvrtc."
            return ;;
        cuda)
            title=libcuda variable=GPTENGINE_CUDA
            names=(libcuda.so.1) files='libcuda.so*' packages='^(libcuda1|libnvidia-compute-[0-9]+)$' ;;
        cupti)
            title=CUPTI variable=GPTENGINE_CUPTI
            names=(libcupti.so.13 libcupti.so.12 libcupti.so.11.8 libcupti.so) files='libcupti.so*' packages='^libcupti[0-9]+(\.[0-9]+)*$' ;;
        cublasLt)
            title=cuBLASLt variable=GPTENGINE_CUBLASLT
            names=(libcublasLt.so.13 libcublasLt.so.12 libcublasLt.so.11) files='libcublasLt.so*' packages='^libcublaslt[0-9]+$' ;;
        nvrtc-11)
            title="NVRTC 11.8" variable=GPTENGINE_NVRTC_11 target="$cache_root/nvidia-test/nvrtc" debian_suite=bookworm installed=no
            names=(libnvrtc.so.11.8.89) files='libnvrtc*.so*' packages='^libnvrtc11[.]2$'
            remedy="Nothing but tests needs it: without it they compile the kernels with the other NVRTC alone."
            return ;;
    esac
    target="$cache_root/nvidia-test/$1"
    remedy="Nothing but tests needs it: without it they check what the program says of its absence, and not our bindings."
}

# The first of the library's names in the folders given; a bare .so last, since its version is not in its name.
first_in() {
    local folder name
    for folder in "$@"; do
        for name in "${names[@]}"; do
            if [[ -e "$folder/$name" ]]; then
                printf '%s\n' "$folder/$name"
                return 0
            fi
        done
    done
    return 1
}

find_installed() {
    shopt -s nullglob
    local folders=() base name listed
    for base in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda /usr/local/cuda-*; do
        if [[ -n "$base" ]]; then folders+=("$base/lib64" "$base/lib" "$base/extras/CUPTI/lib64"); fi
    done
    listed="$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true)"
    for name in "${names[@]}"; do
        if [[ "$name" != *.so && "$listed" == *"$name ("* ]]; then
            folders+=("$(dirname "$(sed -n "s/.*${name//./\\.} (.*=> //p" <<<"$listed" | head -n 1)")")
        fi
    done
    for base in "${VIRTUAL_ENV:-}" "${CONDA_PREFIX:-}" "$HOME/.local" /usr/local /usr; do
        if [[ -n "$base" ]]; then
            folders+=("$base"/lib/python3*/site-packages/nvidia/*/lib "$base"/lib/python3*/dist-packages/nvidia/*/lib)
        fi
    done
    first_in "${folders[@]}"
}

# apt's own view of where this machine gets its packages from; nothing is assumed about hosts.
archive_of() {
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk -v origin="$1" '$2 == origin && $3 !~ /-(security|updates|backports|proposed)/ { print $1; exit }'
}

# Configured but never updated: the archive's address comes from the sources themselves, by the suite that is the machine's own.
archive_from_sources() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="$1" '$2 == release { print $1; exit }'
}

# Set-ups at the same time: one brings, the others wait until it has ended, and find. What one left that was killed goes away.
lock() {
    local tool
    for tool in apt-get dpkg-deb flock; do
        command -v "$tool" >/dev/null || missing "No $title was found, and this system has no $tool, which bringing one takes."
    done
    mkdir -p "$cache_root"
    exec 9>"$cache_root/setup.lock"
    flock 9
    is_locked=yes
    rm -rf "$cache_root"/setup.??????
}

# From here on apt knows one suite of one archive, by a configuration and lists of our own, in a folder that goes away with this process.
open_archive() {
    unset APT_CONFIG
    local id codename
    id="$(. /etc/os-release && printf '%s' "${ID:-unknown}")"
    codename="$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")"
    local origin components archive
    case "$id" in
        debian) origin=Debian components="non-free" suite="$debian_suite" ;;
        ubuntu) origin=Ubuntu components="multiverse restricted" suite="${GPTENGINE_NVRTC_SUITE:-$codename}" ;;
        *) missing "No $title was found, and it can be brought here on Debian and Ubuntu only, not on '$id'." ;;
    esac
    archive="$(archive_of "$origin")"
    if [[ -z "$archive" ]]; then archive="$(archive_from_sources "$codename")"; fi
    if [[ -z "$archive" ]]; then missing "No $title was found, and apt on this machine is configured with no archive of $origin."; fi

    rm -rf "$work"
    work="$(mktemp -d "$cache_root/setup.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    printf 'deb %s %s %s\n' "$archive" "$suite" "$components" >"$work/sources.list"
    # The machine's settings for fetching (proxies, methods) and keys, none of its hooks, lists or state.
    {
        apt-config dump 2>/dev/null | grep -E '^Acquire::' | grep -vE '^Acquire::(IndexTargets|Languages)' || true
        printf 'Acquire::Languages "none";\n'
        printf 'Dir::Etc::parts "/dev/null";\nDir::Etc::main "/dev/null";\n'
        printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "/dev/null";\n' "$work/sources.list"
        printf 'Dir::State "%s";\nDir::State::lists "%s";\nDir::State::status "/dev/null";\n' "$work" "$work/lists"
        printf 'Dir::Cache "%s";\n' "$work/cache"
        printf 'APT::Sandbox::User "%s";\n' "$(id -un)"
    } >"$work/apt.conf"
    export APT_CONFIG="$work/apt.conf"

    apt-get -qq update >"$work/log" 2>&1 || true
    if grep -qE 'NO_PUBKEY|not signed|EXPKEYSIG' "$work/log"; then
        missing "The signature of $origin's $suite cannot be checked with this machine's keys (update the package debian-archive-keyring or ubuntu-keyring)."
    fi
}

# The chosen library, from its newest package into its place in the cache, which is there whole or not at all.
bring() {
    if [[ -z "$work" || "$opened" != "$debian_suite" ]]; then open_archive; fi
    opened="$debian_suite"
    local package builtins deb into="$work/$1"
    package="$(apt-cache pkgnames lib 2>/dev/null | grep -E "$packages" | sort -V | tail -n 1 || true)"
    if [[ -z "$package" ]]; then missing_with_log "No $title was found, and $suite of this machine's archive, as it reaches it, offers none."; fi
    builtins="$(apt-cache depends "$package" 2>/dev/null | sed -n 's/.*Depends: \(libnvrtc-builtins[0-9.]*\).*/\1/p' | head -n 1)"
    printf 'setup-nvidia: brings %s from %s\n' "$package" "$suite" >&2
    mkdir -p "$into/packages" "$into/root" "$into/lib"
    (cd "$into/packages" && apt-get -qq download "$package" ${builtins:+"$builtins"}) >>"$work/log" 2>&1 ||
        missing_with_log "The download of $package failed."
    for deb in "$into"/packages/*.deb; do dpkg-deb -x "$deb" "$into/root"; done
    find "$into/root" -name "$files" -exec cp -a -t "$into/lib" {} +
    find "$into/root" -path "*/$package/copyright" -exec cp {} "$into/lib/LICENSE" \;
    first_in "$into/lib" >/dev/null || missing "The package $package holds no ${names[*]}."
    mkdir -p "$target"
    rm -rf "$target/lib"
    mv -T "$into/lib" "$target/lib"
    rm -rf "$into"
}

# The path of the library, which is brought where it is not there.
provide() {
    local library chosen
    choose "$1"
    chosen="${!variable:-}"
    if [[ -n "$chosen" ]]; then
        [[ -e "$chosen" ]] || missing "$variable names '$chosen', which does not exist."
        printf '%s\n' "$chosen"
        return
    fi
    if [[ "$installed" == yes ]] && library="$(find_installed)"; then
        printf '%s\n' "$library"
        return
    fi
    if ! first_in "$target/lib"; then
        if [[ "$is_locked" == no ]]; then lock; fi
        first_in "$target/lib" >/dev/null || bring "$1"
        first_in "$target/lib"
    fi
}

take_installed=yes
case "${1:-}" in
    "") provide nvrtc ;;
    --local) take_installed=no; provide nvrtc ;;
    --tests) for library in cuda cupti cublasLt nvrtc-11; do provide "$library"; done ;;
    *) printf "setup-nvidia: unknown option '%s'; there are: --local, --tests.\n" "$1" >&2; exit 2 ;;
esac
