#!/usr/bin/env bash
# Makes NVRTC available without touching the system: finds an installed one, else brings Debian's or Ubuntu's packaged one into our cache.
#
#   .ci/setup-nvrtc.sh            quick when there is nothing to do; prints the library's path on standard output
#   .ci/setup-nvrtc.sh --local    ignores installed ones: always the cache's
#   GPTENGINE_NVRTC=FILE          use this library
#   GPTENGINE_CACHE_DIR=DIR       the cache; default ${XDG_CACHE_HOME:-~/.cache}/gptengine
#   GPTENGINE_NVRTC_SUITE=NAME    the distribution's suite to take it from; default: trixie on Debian, the machine's own on Ubuntu
#
# Exit code: 0 there is one; 3 there is none and it cannot be brought here (the message says why and what to do).
set -euo pipefail

cache_root="${GPTENGINE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gptengine}"
target="$cache_root/nvrtc"
remedy="Install CUDA's NVRTC (any of 11.8 to 13) and set GPTENGINE_NVRTC to its libnvrtc.so file, or install the Python wheel nvidia-cuda-nvrtc."

missing() {
    printf 'setup-nvrtc: %s %s\n' "$1" "$remedy" >&2
    exit 3
}

found() {
    printf '%s\n' "$1"
    exit 0
}

# The first libnvrtc.so of a supported major in the folders given; a bare libnvrtc.so last, since its version is not in its name.
first_in() {
    local folder name
    for folder in "$@"; do
        for name in libnvrtc.so.13 libnvrtc.so.12 libnvrtc.so.11.2 libnvrtc.so; do
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
    local folders=() base
    for base in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda /usr/local/cuda-*; do
        if [[ -n "$base" ]]; then folders+=("$base/lib64" "$base/lib"); fi
    done
    local listed
    listed="$( (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true) | sed -n 's/.*libnvrtc\.so\.\(13\|12\|11\.2\) .*=> //p' | head -n 1)"
    if [[ -n "$listed" ]]; then folders+=("$(dirname "$listed")"); fi
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

bring() {
    command -v apt-get >/dev/null || missing "No NVRTC was found, and this system has no apt-get to bring one with."
    command -v dpkg-deb >/dev/null || missing "No NVRTC was found, and this system has no dpkg-deb to unpack one with."

    local id codename
    id="$(. /etc/os-release && printf '%s' "${ID:-unknown}")"
    codename="$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")"
    local origin component suite
    case "$id" in
        debian) origin=Debian component=non-free suite="${GPTENGINE_NVRTC_SUITE:-trixie}" ;;
        ubuntu) origin=Ubuntu component=multiverse suite="${GPTENGINE_NVRTC_SUITE:-$codename}" ;;
        *) missing "No NVRTC was found, and it can be brought here on Debian and Ubuntu only, not on '$id'." ;;
    esac
    local archive
    archive="$(archive_of "$origin")"
    if [[ -z "$archive" ]]; then archive="$(archive_from_sources "$codename")"; fi
    if [[ -z "$archive" ]]; then missing "No NVRTC was found, and apt on this machine is configured with no archive of $origin."; fi

    mkdir -p "$target"
    local work
    work="$(mktemp -d "$target/setup.XXXXXX")"
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages" "$work/root"
    printf 'deb %s %s %s\n' "$archive" "$suite" "$component" >"$work/sources.list"
    # A configuration of our own: the machine's settings for fetching (proxies, methods) and keys, none of its hooks, lists or state.
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
    local package
    package="$(apt-cache pkgnames libnvrtc 2>/dev/null | grep -E '^libnvrtc[0-9]' | sort -V | tail -n 1 || true)"
    if [[ -z "$package" ]]; then
        sed 's/^/setup-nvrtc: apt: /' "$work/log" >&2
        missing "No NVRTC was found, and $suite/$component of $origin's archive, as this machine reaches it, offers none."
    fi
    local builtins
    builtins="$(apt-cache depends "$package" 2>/dev/null | sed -n 's/.*Depends: \(libnvrtc-builtins[0-9.]*\).*/\1/p' | head -n 1)"
    (cd "$work/packages" && apt-get -qq download "$package" ${builtins:+"$builtins"}) >>"$work/log" 2>&1 || {
        sed 's/^/setup-nvrtc: apt: /' "$work/log" >&2
        missing "The download of $package failed."
    }
    local deb
    for deb in "$work"/packages/*.deb; do dpkg-deb -x "$deb" "$work/root"; done

    mkdir -p "$work/lib"
    find "$work/root" -name 'libnvrtc*.so*' -exec cp -a -t "$work/lib" {} +
    find "$work/root" -name copyright -path '*libnvrtc[0-9]*' -exec cp {} "$work/lib/LICENSE" \;
    first_in "$work/lib" >/dev/null || missing "The package $package holds no libnvrtc.so of a supported version."
    # Two set-ups at once: whoever renames first wins, and the other uses it.
    mv -T "$work/lib" "$target/lib" 2>/dev/null || first_in "$target/lib" >/dev/null
}

if [[ -n "${GPTENGINE_NVRTC:-}" ]]; then
    [[ -e "$GPTENGINE_NVRTC" ]] || missing "GPTENGINE_NVRTC names '$GPTENGINE_NVRTC', which does not exist."
    found "$GPTENGINE_NVRTC"
fi
if [[ "${1:-}" != "--local" ]] && library="$(find_installed)"; then found "$library"; fi
if library="$(first_in "$target/lib")"; then found "$library"; fi
bring
found "$(first_in "$target/lib")"
