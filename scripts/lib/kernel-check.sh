# shellcheck shell=bash disable=SC2034 # the variables here are read by the scripts that source it
# Whether a kernel folder is managed: digests, kind of image, configuration. The programs (core/kernel) give
# the same verdicts in the same words; a test compares the two. Needs common.sh, and WORK, a temporary folder.

KERNEL_SYMBOLS=$SPORE_ROOT/config/managed-kernel-symbols
KERNEL_REMEDY="take another managed kernel (kernel.sources, --source), or name this one as boot.kernel: it then runs with fixed memory"
KERNEL_AGAIN="remove its folder and resolve again"

# kernel_image FOLDER: prints the path of the folder's kernel; fails where there is none.
kernel_image() {
    local name
    for name in vmlinux vmlinuz bzImage Image; do
        if [[ -f $1/$name ]]; then
            echo "$1/$name"
            return
        fi
    done
    return 1
}

# hex FILE OFFSET COUNT: those bytes.
hex() {
    od -An -v -tx1 -j "$2" -N "$3" "$1" 2>/dev/null | tr -d ' \n' || true
}

le32() { # FILE OFFSET
    od -An -tu4 --endian=little -j "$2" -N 4 "$1" | tr -d ' '
}

is_kernel_image() { # FILE ARCH
    local file=$1 elf=''
    [[ $(hex "$file" 0 4) == 7f454c46 ]] && elf=$(hex "$file" 18 2)
    case $2 in
        x86_64) [[ $(hex "$file" 514 4) == 48647253 || $elf == 3e00 ]] ;;
        arm64) [[ $(hex "$file" 56 4) == 41524d64 || $elf == b700 ]] ;;
    esac
}

# listed_digest FOLDER NAME: the digest that the file sha256 gives for it; empty where it gives none.
listed_digest() {
    awk -v name="$2" '{ sub(/^\*/, "", $2) } $2 == name { digest = $1 } END { print digest }' "$1/sha256"
}

# unpacked_kernel IMAGE: writes the kernel inside a bzImage to standard output, other images as they are.
unpacked_kernel() {
    local image=$1 setup start length unpack
    if [[ $(hex "$image" 514 4) != 48647253 ]]; then
        cat "$image"
        return
    fi
    setup=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image" | tr -d ' ')
    ((setup)) || setup=4 # the boot protocol's meaning of 0
    start=$(((setup + 1) * 512 + $(le32 "$image" $((0x248)))))
    length=$(le32 "$image" $((0x24c)))
    case $(hex "$image" "$start" 4) in # all but gzip have their unpacked size in four bytes at the end
        02214c18) unpack=lz4 length=$((length - 4)) ;;
        fd377a58) unpack=xz length=$((length - 4)) ;;
        28b52ffd) unpack=zstd length=$((length - 4)) ;;
        1f8b*) unpack=gzip ;;
        *) return 0 ;;
    esac
    need "$unpack" "$unpack"
    { tail -c +$((start + 1)) "$image" || true; } | head -c "$length" | "$unpack" -dcq 2>/dev/null || true
}

# embedded_config IMAGE OUTPUT: the configuration inside the kernel (CONFIG_IKCONFIG); fails where there is none.
embedded_config() {
    local image=$1 output=$2 plain at
    plain=$(mktemp "$output.XXXXXX")
    unpacked_kernel "$image" >"$plain"
    at=$(LC_ALL=C grep -abo -m 1 -P 'IKCFG_ST\x1f\x8b' "$plain" | head -n 1 | cut -d: -f1 || true)
    if [[ -n $at ]]; then
        { tail -c +$((at + 9)) "$plain" || true; } | gzip -dcq >"$output" 2>/dev/null || true # what follows is no gzip
    fi
    rm -f "$plain"
    [[ -n $at && -s $output ]]
}

# config_values CONFIG: "SYMBOL VALUE" lines; the last line of a symbol counts.
config_values() {
    LC_ALL=C awk '
        { sub(/\r$/, "") }
        match($0, /^CONFIG_[A-Za-z0-9_]+=/) { value[substr($0, 1, RLENGTH - 1)] = substr($0, RLENGTH + 1) }
        END { for (symbol in value) print symbol, value[symbol] }' "$1"
}

# initrd_modules INITRD: the names of the modules it carries.
initrd_modules() {
    need cpio cpio
    LC_ALL=C cpio -t --quiet <"$1" 2>/dev/null | LC_ALL=C awk -F/ '
        { sub(/^\.\//, "") }
        /^(usr\/)?lib\/modules\// && $NF ~ /\.ko(\.xz|\.gz|\.zst)?$/ { sub(/\.ko(\.xz|\.gz|\.zst)?$/, "", $NF); gsub(/-/, "_", $NF); print $NF }'
}

# check_symbols CONFIG ARCH CMDLINE_MAY_STAND_IN MODULES: reads the list of required symbols. Prints lines that begin with
# "problem ", "stand-in " or "cmdline ".
check_symbols() {
    config_values "$1" | LC_ALL=C awk -v arch="$2" -v lenient="$3" -v modules=" $4 " '
        NR == FNR { symbol = $1; sub(/^[^ ]+ /, ""); value[symbol] = $0; next }
        /^[ \t]*(#|$)/ || ($2 != "all" && $2 != arch) { next }
        {
            count = split($1, names, "|"); any_y = any_m = 0; name = said = ""
            why = $0
            sub(/^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]+[^ \t]+[ \t]+/, "", why)
            for (i = 1; i <= count; i++) {
                set = (names[i] in value) ? value[names[i]] : "n"
                if (set == "y") any_y = 1
                if (set == "m") any_m = 1
                name = name (i > 1 ? " or " : "") names[i]
                said = said (i > 1 ? " and " : "") names[i] (set == "n" ? " is not set" : " is " set)
            }
            if (any_y) next
            if ($3 ~ /^module=/ && any_m) {
                module = substr($3, 8)
                if (index(modules, " " module " "))
                    print "stand-in the module " module " in the initrd stands in for " name "=y"
                else
                    print "problem " name " is m and no managed initrd carries the module " module " (" why ")"
                next
            }
            if ($3 ~ /^cmdline=/ && lenient) {
                print "stand-in " substr($3, 9) " on the command line stands in for " name "=y"
                print "cmdline " substr($3, 9)
                next
            }
            print "problem " said " (" why ")"
        }' /dev/stdin "$KERNEL_SYMBOLS"
}

# check_kernel FOLDER ARCH SOURCE CMDLINE_MAY_STAND_IN INITRD [IMAGE_NAME]: dies where the folder is not managed. Sets
# CHECKED_IMAGE, CHECKED_SHA256, CHECKED_PACKED (the bzImage that a vmlinux was unpacked from, where the folder has it),
# CHECKED_PACKED_SHA256, CHECKED_STAND_INS and CHECKED_CMDLINE. SOURCE empty: what the folder says. INITRD empty:
# initrd.cpio of the folder. IMAGE_NAME, for messages, also says that the kernel is new: then it is looked into.
check_kernel() {
    local folder=$1 arch=$2 source=$3 lenient=$4 initrd=$5 new=${6:-} image name modules='' line problems='' config
    image=$(kernel_image "$folder") ||
        die "there is no kernel in '$folder' (vmlinux, vmlinuz, bzImage or Image); fill it, or name another folder"
    if [[ -z $source && -f $folder/source ]]; then source=$(head -n 1 "$folder/source"); fi
    [[ -n $source ]] || source="folder $folder"
    if [[ -z $initrd && -f $folder/initrd.cpio ]]; then initrd=$folder/initrd.cpio; fi
    WRONG="managed kernel '${new:-$image}' ($source)"

    CHECKED_SHA256='' CHECKED_PACKED='' CHECKED_PACKED_SHA256=''
    if [[ -f $folder/sha256 ]]; then
        check_digest "$folder" "${image##*/}"
        CHECKED_SHA256=$CHECKED_DIGEST
        if [[ -f $folder/config ]]; then check_digest "$folder" config; fi
        if [[ ${image##*/} == vmlinux && -f $folder/bzImage && -n $(listed_digest "$folder" bzImage) ]]; then
            check_digest "$folder" bzImage
            CHECKED_PACKED=$folder/bzImage CHECKED_PACKED_SHA256=$CHECKED_DIGEST
        fi
    fi
    is_kernel_image "$image" "$arch" || die "$WRONG is not a kernel image for $arch; $KERNEL_REMEDY"

    local inside=$WORK/inside
    config=$folder/config
    if [[ ! -f $config ]]; then
        embedded_config "$image" "$inside" ||
            die "$WRONG has no configuration: there is no file config and none is embedded (CONFIG_IKCONFIG); $KERNEL_REMEDY"
        config=$inside
    elif [[ -n $new ]] && embedded_config "$image" "$inside"; then
        compare_configs "$inside" "$config"
    fi
    [[ -n $(config_values "$config") ]] || die "$WRONG has a file config that is no configuration; $KERNEL_REMEDY"

    if [[ -n $initrd ]]; then modules=$(initrd_modules "$initrd" | xargs); fi
    CHECKED_STAND_INS=() CHECKED_CMDLINE=''
    ((lenient)) || lenient=''
    while IFS= read -r line; do
        case $line in
            'problem '*) problems+=${problems:+, }${line#problem } ;;
            'stand-in '*) CHECKED_STAND_INS+=("${line#stand-in }") ;;
            'cmdline '*) CHECKED_CMDLINE+=${CHECKED_CMDLINE:+ }${line#cmdline } ;;
        esac
    done < <(check_symbols "$config" "$arch" "$lenient" "$modules")
    [[ -z $problems ]] || die "$WRONG cannot be accepted: $problems; $KERNEL_REMEDY"
    CHECKED_IMAGE=$image
}

# check_digest FOLDER NAME: of check_kernel. Sets CHECKED_DIGEST.
check_digest() {
    local listed found
    listed=$(listed_digest "$1" "$2")
    [[ -n $listed ]] || die "$WRONG has no digest for '$2' in its file sha256; $KERNEL_AGAIN"
    [[ $listed =~ ^[0-9a-f]{64}$ ]] || die "'$1/sha256' is not a list of SHA-256 digests"
    found=$(sha256sum <"$1/$2")
    found=${found%% *}
    [[ $found == "$listed" ]] || die "$WRONG has been changed: '$2' has the SHA-256 $found, not $listed; $KERNEL_AGAIN"
    CHECKED_DIGEST=$listed
}

# compare_configs INSIDE BESIDE: of check_kernel. The file may not claim what the kernel itself denies.
compare_configs() {
    local symbol inside beside symbols
    symbols=$(awk '!/^[ \t]*(#|$)/ { gsub(/\|/, " ", $1); print $1 }' "$KERNEL_SYMBOLS" | xargs)
    for symbol in $symbols; do
        inside=$(config_values "$1" | awk -v s="$symbol" '$1 == s { print $2 }')
        beside=$(config_values "$2" | awk -v s="$symbol" '$1 == s { print $2 }')
        [[ ${inside:-n} == "${beside:-n}" ]] ||
            die "$WRONG does not fit its file config: $symbol is ${inside:-n} inside the kernel, ${beside:-n} in the file; $KERNEL_REMEDY"
    done
}
