# shellcheck shell=bash
# Debian packages of any architecture as files: found, downloaded, checked and unpacked, never installed.
# apt runs with a state of its own in the cache, so nothing on the host changes and root is not needed;
# where to download from (sources, keys, proxy) comes from the host's /etc/apt.
# Needs common.sh.

# apt_private ARCH COMMAND ARGS...: apt-get or apt-cache with the private state of that architecture.
apt_private() {
    local arch=$1 command=$2 state
    shift 2
    state=$(apt_state "$arch")
    LC_ALL=C "$command" -c "$state/apt.conf" "$@" </dev/null
}

# apt_state ARCH: prints the state's folder, made on demand.
apt_state() {
    local state debian
    state=$(cache_directory)/apt/$1
    debian=$(debian_arch "$1")
    if [[ ! -e $state/apt.conf ]]; then
        need apt-get apt
        mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
        : >"$state/status"
        # The hooks of the host (they clean caches, poke desktop services) have no business here.
        cat >"$state/apt.conf.new" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$debian";
#clear APT::Architectures;
APT::Architectures { "$debian"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
CONF
        mv "$state/apt.conf.new" "$state/apt.conf"
    fi
    echo "$state"
}

# apt_lock: makes this script the only one at the private states and at what is unpacked from them, until it ends.
apt_lock() {
    local lock
    exec {lock}>"$(cache_directory)/apt.lock"
    flock "$lock"
}

# apt_refresh ARCH: gets today's package lists.
apt_refresh() {
    apt_private "$1" apt-get -q -o Dpkg::Use-Pty=0 update >&2 ||
        note "apt-get update for $1 reported a problem; trying with the lists that came"
}

# apt_field ARCH PACKAGE FIELD: one field of the candidate version; fails when apt does not know the package.
apt_field() {
    local record
    record=$(apt_private "$1" apt-cache --no-all-versions show "$2" 2>/dev/null) || return 1
    awk -v field="$3:" '$1 == field { print $2; exit }' <<<"$record"
}

# apt_dependency ARCH PACKAGE: the first package that PACKAGE depends on (a metapackage's real one).
apt_dependency() {
    local out
    out=$(apt_private "$1" apt-cache depends "$2" 2>/dev/null) || return 1
    awk '$1 == "Depends:" { print $2; exit }' <<<"$out"
}

# apt_unpack ARCH PACKAGE FOLDER: downloads the package, checks its SHA256, unpacks it into FOLDER.
apt_unpack() {
    local arch=$1 package=$2 folder=$3 download sha256 deb
    sha256=$(apt_field "$arch" "$package" SHA256)
    [[ $sha256 =~ ^[0-9a-f]{64}$ ]] ||
        die "apt gives no SHA256 for $package ($arch)" "check the package sources under /etc/apt"
    need dpkg dpkg
    download=$(mktemp -d "$(cache_directory)/download.XXXXXX")
    (
        cd "$download"
        apt_private "$arch" apt-get -q -o Dpkg::Use-Pty=0 download "$package" >&2
    ) || { rm -rf "$download"; die "could not download $package ($arch)" "check the network and the sources under /etc/apt"; }
    deb=$(find "$download" -name '*.deb')
    if ! sha256sum --check --status <<<"$sha256  $deb"; then
        rm -rf "$download"
        die "the SHA256 of $package ($arch) is not the one in apt's signed list: $sha256" "try again; if it stays, distrust the mirror"
    fi
    mkdir -p "$folder"
    dpkg -x "$deb" "$folder"
    rm -rf "$download"
}

# apt_unpack_all ARCH FOLDER PACKAGE...: the packages and all that they depend on, unpacked into FOLDER. apt checks each
# file against its signed lists.
apt_unpack_all() {
    local arch=$1 folder=$2 names debs deb
    shift 2
    need dpkg dpkg
    mapfile -t names < <(apt_private "$arch" apt-get -q -s --no-install-recommends install "$@" |
        awk '$1 == "Inst" { print $2 }')
    ((${#names[@]})) || die "apt finds no $arch packages for: $*" "check the sources under /etc/apt"
    note "downloading ${#names[@]} $arch packages"
    debs=$(mktemp -d "$(cache_directory)/download.XXXXXX")
    if ! (cd "$debs" && apt_private "$arch" apt-get -q -o Dpkg::Use-Pty=0 download "${names[@]}" >&2); then
        rm -rf "$debs"
        die "could not download the $arch packages" "check the network and the sources under /etc/apt"
    fi
    mkdir -p "$folder"
    for deb in "$debs"/*.deb; do
        dpkg -x "$deb" "$folder"
    done
    rm -rf "$debs"
}

# foreign_busybox ARCH: prints the path of a static busybox of another architecture, from Debian's package.
foreign_busybox() {
    local folder
    folder=$(cache_directory)/nested/busybox-$1
    if [[ ! -x $folder/bin/busybox ]]; then
        mkdir -p "$(dirname "$folder")"
        (
            apt_lock
            [[ ! -x $folder/bin/busybox ]] || exit 0
            apt_refresh "$1"
            rm -rf "$folder.new"
            apt_unpack "$1" busybox-static "$folder.new"
            mv -T "$folder.new" "$folder"
        )
    fi
    echo "$folder/bin/busybox"
}
