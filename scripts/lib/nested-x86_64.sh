# shellcheck shell=bash disable=SC2034 # read by scripts/nested
# The x86-64 outer machine: QEMU's TCG emulates AMD SVM with nested paging, and Linux' own kvm_amd drives it.

NESTED_MODULES=(kvm-amd virtio_pci virtio_console)
NESTED_INTERPRETER=/lib64/ld-linux-x86-64.so.2

# nested_busybox: prints the path of a static busybox for the outer machine.
nested_busybox() {
    if [[ $(host_arch) == x86_64 && -x /bin/busybox ]]; then
        echo /bin/busybox
    else
        foreign_busybox x86_64
    fi
}

# nested_machine KERNEL_FOLDER: sets QEMU to the command up to and including the kernel.
nested_machine() {
    need qemu-system-x86_64 qemu-system-x86
    # la57: five-level paging slows nested page walks. thread=single hangs with several vCPUs.
    # vmlinux has a PVH entry: nothing to decompress in emulation.
    QEMU=(qemu-system-x86_64 -accel "tcg,thread=multi" -M q35 -cpu "max,la57=off" -kernel "$1/vmlinux")
    NESTED_CONSOLE=ttyS0
    NESTED_KERNEL_ARGUMENTS="mitigations=off no_timer_check tsc=reliable"
}
