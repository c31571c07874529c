# shellcheck shell=bash disable=SC2034 # the variables here are read by the scripts that source it
# What every script of the project shares. Source it first:
#   source "$(dirname "$(readlink -f "$0")")/lib/common.sh"
# Progress and errors go to standard error; standard output belongs to the script's result.

set -Eeuo pipefail
shopt -s inherit_errexit

SPORE_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
SPORE_SCRIPT=$(basename -- "$0")
SPORE_STATUS_ON_ERROR=${SPORE_STATUS_ON_ERROR:-1} # what die and an unexpected failure exit with

# note TEXT...: one line of progress.
note() {
    printf '%s: %s\n' "$SPORE_SCRIPT" "$*" >&2
}

# die WHAT [WHAT_TO_DO]: ends the script. WHAT names the thing and the place, WHAT_TO_DO the way out.
die() {
    printf '%s: error: %s\n' "$SPORE_SCRIPT" "$1" >&2
    if [[ -n ${2:-} ]]; then
        printf '%s: what to do: %s\n' "$SPORE_SCRIPT" "$2" >&2
    fi
    exit "$SPORE_STATUS_ON_ERROR"
}

# A command that fails where nobody looked at its status ends the script, and says where.
on_unexpected_error() {
    printf '%s: error: "%s" failed with status %s (%s:%s)\n' \
        "$SPORE_SCRIPT" "$BASH_COMMAND" "$1" "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" >&2
    exit "$SPORE_STATUS_ON_ERROR"
}
trap 'on_unexpected_error $?' ERR

# show_help: prints the comment block at the top of the running script, which is its manual.
show_help() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# need COMMAND PACKAGE: the command has to be there.
need() {
    command -v "$1" >/dev/null || die "the command '$1' is not installed" "run scripts/install-packages (package $2)"
}

# has_value OPTION COUNT: for option parsing; COUNT is $#.
has_value() {
    (($2 >= 2)) || die "option $1 needs a value" "see $SPORE_SCRIPT --help"
}

# cache_directory: prints the project's cache folder, made on demand.
cache_directory() {
    local base=${SPOREHOST_CACHE:-}
    if [[ -z $base ]]; then
        [[ -n ${XDG_CACHE_HOME:-}${HOME:-} ]] ||
            die "no place for the cache: HOME, XDG_CACHE_HOME and SPOREHOST_CACHE are all unset" "set SPOREHOST_CACHE"
        base=${XDG_CACHE_HOME:-$HOME/.cache}/sporehost
    fi
    mkdir -p -- "$base" || die "cannot make the cache folder $base" "set SPOREHOST_CACHE to a folder that can be written"
    (cd -- "$base" && pwd)
}

# host_arch / arch_from NAME: an architecture's one name in this project: x86_64 or arm64.
arch_from() {
    case $1 in
        x86_64 | amd64) echo x86_64 ;;
        arm64 | aarch64) echo arm64 ;;
        *) die "unknown architecture '$1'" "use x86_64 or arm64" ;;
    esac
}

host_arch() {
    arch_from "$(uname -m)"
}

# debian_arch / gnu_triplet ARCH: what Debian and the tool chain call it.
debian_arch() {
    case $1 in
        x86_64) echo amd64 ;;
        arm64) echo arm64 ;;
    esac
}

gnu_triplet() {
    case $1 in
        x86_64) echo x86_64-linux-gnu ;;
        arm64) echo aarch64-linux-gnu ;;
    esac
}

# milliseconds: the wall clock, without a process.
milliseconds() {
    local now=${EPOCHREALTIME/[.,]/}
    echo $((now / 1000))
}

# seconds_since MILLISECONDS: "12.3", the time since then.
seconds_since() {
    local spent=$(($(milliseconds) - $1))
    printf '%d.%d' $((spent / 1000)) $((spent % 1000 / 100))
}

# step NAME COMMAND...: runs the command, says what runs, how it ended and how long it took.
step() {
    local name=$1 begin status=0
    shift
    begin=$(milliseconds)
    printf '==> %s\n' "$name" >&2
    "$@" || status=$?
    if ((status == 0)); then
        printf '==> %s: done in %s s\n' "$name" "$(seconds_since "$begin")" >&2
    else
        printf '==> %s: FAILED with status %s after %s s: %s\n' "$name" "$status" "$(seconds_since "$begin")" "$*" >&2
    fi
    return "$status"
}

# remove_on_exit PATH...: temporary files and folders of this script. Keeps one EXIT trap for all of them.
SPORE_TEMPORARY=()
remove_on_exit() {
    SPORE_TEMPORARY+=("$@")
    trap remove_temporary EXIT
}

remove_temporary() {
    ((${#SPORE_TEMPORARY[@]} == 0)) || rm -rf -- "${SPORE_TEMPORARY[@]}"
}
