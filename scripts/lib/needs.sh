# shellcheck shell=bash
# Debian packages a script needs: found by command, announced, installed once.
#
# Sourced by scripts/quickstart and scripts/test. `need COMMAND PACKAGE WHY` notes a command that is missing;
# `install_needs` installs what was noted in one apt run, or says why it cannot.

needed_packages=()

need() {
    local command=$1 package=$2 why=$3
    command -v "$command" >/dev/null 2>&1 && return 0
    echo "missing: $command (Debian package $package): $why" >&2
    needed_packages+=("$package")
}

need_file() {
    local file=$1 package=$2 why=$3
    [[ -e $file ]] && return 0
    echo "missing: $file (Debian package $package): $why" >&2
    needed_packages+=("$package")
}

need_library() {
    local library=$1 package=$2 why=$3
    compgen -G "/usr/lib/*/$library" >/dev/null && return 0
    echo "missing: $library (Debian package $package): $why" >&2
    needed_packages+=("$package")
}

need_module() {
    local module=$1 package=$2 why=$3
    python3 -c "import $module" 2>/dev/null && return 0
    echo "missing: $module of Python (Debian package $package): $why" >&2
    needed_packages+=("$package")
}

install_needs() {
    ((${#needed_packages[@]})) || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "error: apt-get is not here, so install these by hand: ${needed_packages[*]}" >&2
        return 1
    fi
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "error: installing needs root, and there is no sudo. As root, run:" >&2
            echo "  apt-get install --no-install-recommends ${needed_packages[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "installing with apt: ${needed_packages[*]}" >&2
    # --no-install-recommends: a browser's recommended packages would triple the download.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${needed_packages[@]}" >&2 || return 1
    needed_packages=()
}
