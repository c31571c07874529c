# shellcheck shell=bash
# Which shared libraries ELF programs need, found without running them, so that it works for any architecture.
# Needs common.sh.

# is_elf FILE: by its magic, without a process.
is_elf() {
    local magic=''
    [[ -f $1 && -r $1 ]] || return 1
    LC_ALL=C IFS= read -r -d '' -N 4 magic <"$1" || true # shorter files are no failure
    [[ $magic == $'\x7fELF' ]]
}

# elf_machine FILE: prints e_machine as readelf's number (62 x86-64, 183 AArch64).
elf_machine() {
    od -An -tu2 --endian=little -j 18 -N 2 "$1" | tr -d ' '
}

# elf_closure ARCH SYSROOT FILE...: prints the files (with SYSROOT in front) of every shared library that the files of
# that architecture need, and what those need in turn. Files that are not such ELF files are skipped. SYSROOT may be empty.
elf_closure() {
    local arch=$1 sysroot=$2 machine=62 file name found triplet
    shift 2
    [[ $arch == arm64 ]] && machine=183
    triplet=$(gnu_triplet "$arch")
    local folders=("$sysroot/lib/$triplet" "$sysroot/usr/lib/$triplet" "$sysroot/usr/local/lib" "$sysroot/lib" "$sysroot/usr/lib")
    if [[ -n $sysroot ]]; then
        folders+=("$sysroot/usr/$triplet/lib")
    fi
    local -A seen=()
    local queue=() next=()
    for file in "$@"; do
        if is_elf "$file" && [[ $(elf_machine "$file") == "$machine" ]]; then queue+=("$file"); fi
    done
    while ((${#queue[@]})); do
        next=()
        while read -r name; do
            [[ -z ${seen[$name]:-} ]] || continue
            seen[$name]=1
            found=$(elf_find "$name" "${folders[@]}") ||
                die "the $arch library $name, needed by one of: ${queue[*]}, is in none of: ${folders[*]}" \
                    "install it, or name the folder tree that holds it with --sysroot"
            echo "$found"
            next+=("$found")
        done < <(readelf -dW "${queue[@]}" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort -u)
        queue=("${next[@]}")
    done
}

elf_find() { # NAME FOLDER...
    local name=$1 folder
    shift
    for folder in "$@"; do
        if [[ -e $folder/$name ]]; then
            echo "$folder/$name"
            return
        fi
    done
    return 1
}
