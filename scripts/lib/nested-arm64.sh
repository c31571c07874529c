# shellcheck shell=bash disable=SC2034 # read by scripts/nested
# The arm64 outer machine: QEMU's TCG emulates EL2, and Linux' own KVM (built into the kernel) drives it.

NESTED_MODULES=(virtio_pci virtio_console)
NESTED_INTERPRETER=/lib/ld-linux-aarch64.so.1

nested_busybox() {
    if [[ $(host_arch) == arm64 && -x /bin/busybox ]]; then
        echo /bin/busybox
    else
        foreign_busybox arm64
    fi
}

nested_machine() { # KERNEL_FOLDER
    need qemu-system-aarch64 qemu-system-arm
    # neoverse-n1: VHE, 48-bit IPA; NESTED_ARM64_CPU=cortex-a72 gives nVHE and 44 bits. GICv3 only: so does the inner guest.
    QEMU=(qemu-system-aarch64 -accel "tcg,thread=multi" -M "virt,virtualization=on,gic-version=3"
        -cpu "${NESTED_ARM64_CPU:-neoverse-n1}" -kernel "$1/vmlinuz")
    NESTED_CONSOLE=ttyAMA0
    NESTED_KERNEL_ARGUMENTS="nokaslr" # x86-64 has no KASLR when it starts from vmlinux
}
