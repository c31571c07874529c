#!/usr/bin/env python3
"""How fast a guest's memory grows: sporehost against QEMU's virtio-mem-pci, in one outer machine (scripts/nested).

Both boot the same kernel with 512 MiB and plug 15872 MiB, one after the other, in turn. The count is the guest's own: from
MemTotal at 1.5 GiB to MemTotal at 16 GiB (each less what a kernel keeps for itself), by one small program with a
monotonic clock, so nothing depends on when somebody asked for the memory.
"""

import argparse
import json
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
HERE = pathlib.Path(__file__).resolve().parent
MIB_KB = 1024
KERNEL_KEEPS_KB = 120 * MIB_KB  # at most; less than a Linux memory block, so that the same blocks count for both
FROM_KB = 1536 * MIB_KB - KERNEL_KEEPS_KB
TO_KB = 16384 * MIB_KB - KERNEL_KEEPS_KB
COUNTED_GIB = (16384 - 1536) / 1024
TIME_TARGET = 0.9  # of QEMU's
PAGES_2M_TARGET = 100  # more than that, x86-64
HUGE_MIB_TARGET = 100  # more than that, arm64
GUEST_LIMIT_S = 90
COMPILERS = {"x86_64": "gcc", "arm64": "aarch64-linux-gnu-gcc"}
QEMU = {"x86_64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}
FIRMWARE = {"x86_64": ["/usr/share/seabios/bios-256k.bin"] +
            [f"/usr/share/qemu/{name}" for name in ("kvmvapic.bin", "linuxboot_dma.bin", "pvh.bin")], "arm64": []}


class Failure(Exception):
    """A sentence for the person who ran this."""


def call(*words, **more):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, text=True, **more)
    if done.returncode != 0:
        raise Failure(f"{shlex.join(str(word) for word in words)} failed with status {done.returncode}")
    return done


def output_of(*words):
    return call(*words, stdout=subprocess.PIPE).stdout.strip()


def host_arch():
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


# ---- what goes in ---------------------------------------------------------------------------------------------------

def modules_of(kernel_dir, *wanted):
    """The .ko files that QEMU's guest loads, in order; none of what is built in."""
    needs = {}
    for line in (kernel_dir / "modules" / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[pathlib.Path(path).name.split(".ko")[0].replace("-", "_")] = [*reversed(rest.split()), path]
    order = []
    for name in wanted:
        order += [path for path in needs.get(name, []) if path not in order]
    if any(not path.endswith(".ko") for path in order):
        raise Failure(f"{kernel_dir}: compressed modules; teach {HERE / 'plug.py'} to unpack them")
    return order


def qemu_init(modules):
    """PID 1 of QEMU's guest. The driver that plugs comes last, when the clock's owner looks already."""
    loads = [f"busybox insmod /plug/{pathlib.Path(path).name}" for path in modules]
    return "\n".join(["#!/bin/busybox sh", *loads[:-1], f"(sleep 0.3; {loads[-1]}) &",
                      f"exec /bin/plug_watch {FROM_KB} {TO_KB} poweroff", ""])


def build_programs(arch, folder):
    for name in ("plug_watch", "plug_run"):
        call(COMPILERS[arch], "-O2", "-Wall", "-static", "-s", "-o", folder / name, HERE / f"{name}.c")


def make_managed(options, kernel_dir, folder):
    """The managed folder of the guests: one kernel and one initrd for both, with what QEMU's guest needs beside."""
    modules = modules_of(kernel_dir, "virtio_pci", "virtio_mem")
    (folder / "plug_init").write_text(qemu_init(modules))
    (folder / "plug_init").chmod(0o755)
    extras = [f"{folder / 'plug_watch'}=/bin/plug_watch", f"{folder / 'plug_init'}=/bin/plug_init"]
    extras += [f"{kernel_dir / 'modules' / path}=/plug/{pathlib.Path(path).name}" for path in modules]
    call(ROOT / "scripts" / "prepare-managed", "--arch", options.arch, "--kernel-dir", kernel_dir, "--output",
         folder / "managed", *(word for extra in extras for word in ("--extra", extra)), options.build,
         stdout=subprocess.DEVNULL)
    return next(name for name in ("vmlinux", "Image", "bzImage", "vmlinuz") if (folder / "managed" / name).exists())


def find_qemu(arch):
    """QEMU for the outer machine with its firmware, as --file arguments, and the sysroot of its libraries."""
    if arch == host_arch():
        program = shutil.which(QEMU[arch])
        sysroot = ""
    else:
        sysroot = output_of(HERE / "foreign-qemu", arch)
        program = f"{sysroot}/usr/bin/{QEMU[arch]}"
    if not program or not pathlib.Path(program).exists():
        raise Failure(f"{QEMU[arch]} is not installed; run scripts/install-packages nested")
    files = [f"{program}=/job/qemu/qemu"]
    files += [f"{path}=/job/qemu/firmware/{pathlib.Path(path).name}" for path in FIRMWARE[arch]]
    return files, sysroot


# ---- what runs in there ---------------------------------------------------------------------------------------------

def sporehost_command(name):
    return ["sporehost", "--config", "/job/bench/machine.yaml", "--log", "info", "--json", "--report-file",
            f"/out/{name}.report.json", "--", "/bin/plug_watch", str(FROM_KB), str(TO_KB)]


def qemu_command(arch, kernel):
    machine = {"x86_64": ["-M", "q35"], "arm64": ["-M", "virt,gic-version=3"]}[arch]
    console = {"x86_64": "ttyS0", "arm64": "ttyAMA0"}[arch]
    return ["/job/qemu/qemu", *machine, "-L", "/job/qemu/firmware", "-accel", "kvm", "-cpu", "host", "-smp", "1",
            "-m", "512M,maxmem=20G", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor",
            "none", "-serial", "stdio", "-name", "plug,debug-threads=on",
            "-kernel", f"/job/managed/{kernel}", "-initrd", "/job/managed/initrd.cpio",
            "-append", f"console={console} quiet panic=-1 memhp_default_state=online rdinit=/bin/plug_init",
            "-object", "memory-backend-ram,id=region,size=15872M,reserve=off",
            "-device", "virtio-mem-pci,memdev=region,requested-size=15872M"]


def job(options, kernel, qemu):
    lines = ["#!/bin/sh", "mount -t debugfs none /sys/kernel/debug"]
    for n in range(options.rounds):
        commands = {f"sporehost-{n}": sporehost_command(f"sporehost-{n}")}
        if qemu:
            commands[f"qemu-{n}"] = qemu_command(options.arch, kernel)
        # Who comes first changes from round to round.
        for name, command in sorted(commands.items(), reverse=n % 2 == 0):
            lines.append(f"timeout -s KILL {GUEST_LIMIT_S} /job/bench/plug_run /out/{name}.json {shlex.join(command)} "
                         f"</dev/null >/out/{name}.log 2>&1; echo {name}: $(cat /out/{name}.json)")
    return "\n".join(lines + ["dmesg >/out/outer-dmesg", "exit 0", ""])


def run(options, folder, kernel, qemu_files, sysroot):
    (folder / "machine.yaml").write_text("version: 1\nmemory: auto\n")
    (folder / "job").write_text(job(options, kernel, bool(qemu_files)))
    files = [f"{folder / 'managed'}=/job/managed", *qemu_files]
    files += [f"{folder / name}=/job/bench/{name}" for name in ("plug_run", "machine.yaml", "job")]
    sysroot = sysroot or options.sysroot
    limit = 120 + GUEST_LIMIT_S * options.rounds * 2
    call(ROOT / "scripts" / "nested", "--arch", options.arch, "--smp", options.smp, "--memory", "4G", "--timeout", limit,
         "--tree", options.build, *(["--sysroot", sysroot] if sysroot else []),
         *(word for entry in files for word in ("--file", entry)), "--env", "SPOREHOST_MANAGED_DIR=/job/managed",
         "--out", options.out, "--", "/bin/sh", "/job/bench/job", stdout=sys.stderr)


# ---- what comes out -------------------------------------------------------------------------------------------------

def results_of(out, who, rounds):
    results = []
    for n in range(rounds):
        try:
            result = json.loads((out / f"{who}-{n}.json").read_text())
        except (OSError, ValueError):
            raise Failure(f"{who}, round {n + 1}, gave no result; see {out}/{who}-{n}.log") from None
        if result["plug_us"] <= 0 or result["status"] != 0:
            raise Failure(f"{who}, round {n + 1}, ended with status {result['status']} and a count of "
                          f"{result['plug_us']} us; see {out}/{who}-{n}.log")
        results.append(result)
    return results


def why_qemu_cannot(out):
    """QEMU's own words where it refused to start, for example a version that has no virtio-mem for this architecture; what
    it merely warned of is no refusal."""
    try:
        if json.loads((out / "qemu-0.json").read_text())["status"] == 0:
            return None
        lines = (out / "qemu-0.log").read_text(errors="replace").splitlines()
    except (OSError, ValueError):
        return None
    words = (line.partition(": ")[2] for line in lines if line.startswith("/job/qemu/qemu: "))
    return next((said for said in words if not said.startswith("warning: ")), None)


def median(results, key):
    return statistics.median(result[key] for result in results)


ROWS = [("time, by the guest's clock", "plug_us", 1000, "ms"), ("processor time of the process", "cpu_ms", 1, "ms"),
        ("... of which in the kernel", "kernel_ms", 1, "ms"), ("... of threads that are no vCPU", "others_us", 1000, "ms"),
        ("pages_2m (KVM)", "pages_2m", 1, "  "), ("huge pages of the region", "huge_kb", 1024, "MB")]


def show(options, ours, theirs):
    print(f"{'medians of ' + str(options.rounds):<34} {'sporehost':>12}" + (f" {'QEMU':>12} {'ratio':>7}" if theirs else ""))
    for title, key, divisor, unit in ROWS:
        mine = median(ours, key) / divisor
        row = f"{title:<34} {mine:>9.0f} {unit}"
        if theirs:
            other = median(theirs, key) / divisor
            row += f" {other:>9.0f} {unit} {mine / other if other > 0 else float('nan'):>7.2f}"
        print(row)
    for who, results in (("sporehost", ours), ("QEMU", theirs)):
        if results:
            speeds = sorted(COUNTED_GIB / (result["plug_us"] / 1e6) for result in results)
            print(f"{who}: {statistics.median(speeds):.2f} GiB/s ({speeds[0]:.2f} to {speeds[-1]:.2f})")


def show_parts(out, rounds):
    """Whose the time is: in a request, and from the driver's notification to its answer, the guest waits for us."""
    reports = [json.loads((out / f"sporehost-{n}.report.json").read_text()) for n in range(rounds)]
    plug_ms = statistics.median(report["plug_ms"] for report in reports)
    memory = [report["devices"].get("memory", {}) for report in reports]
    requests = statistics.median(report["devices"]["virtio-mem"]["plug_requests"] for report in reports)
    if all("plug-us" in counters for counters in memory):
        ours_ms = statistics.median(counters["plug-us"] for counters in memory) / 1000
        print(f"of {plug_ms:.0f} ms from request to the last block, {ours_ms:.1f} ms ({100 * ours_ms / plug_ms:.1f} %) are "
              f"ours, in {requests:.0f} requests; the rest is the guest's: struct pages, onlining")


def verdict(options, ours, theirs):
    good = True

    def target(met, text):
        nonlocal good
        good = good and met
        print(f"{'met   ' if met else 'MISSED'} {text}")

    if not theirs and options.arch == "x86_64":
        target(False, f"time at most {TIME_TARGET} of QEMU's: QEMU was not measured")
    elif theirs:
        ratio = median(ours, "plug_us") / median(theirs, "plug_us")
        target(ratio <= TIME_TARGET, f"time at most {TIME_TARGET} of QEMU's: {ratio:.3f}")
    if options.arch == "x86_64":
        target(median(ours, "pages_2m") > PAGES_2M_TARGET, f"pages_2m above {PAGES_2M_TARGET}")
    else:
        target(median(ours, "huge_kb") > HUGE_MIB_TARGET * 1024, f"huge pages of the region above {HUGE_MIB_TARGET} MB")
    return good


def main():
    parser = argparse.ArgumentParser(prog="bench plug", description=__doc__.split("\n\n")[0])
    parser.add_argument("--arch", choices=sorted(COMPILERS), default=host_arch())
    parser.add_argument("--build", help="a release build tree; default build/release, build/arm64 for arm64")
    parser.add_argument("--rounds", type=int, default=5, help="guests of each; default 5")
    parser.add_argument("--smp", type=int, default=1, help="processors of the outer machine; default 1")
    parser.add_argument("--out", help="where the guests' logs and figures stay; default BUILD/bench-plug")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a target is missed")
    options = parser.parse_args()
    foreign = options.arch != host_arch()
    options.build = pathlib.Path(options.build or ROOT / "build" / ("arm64" if foreign else "release")).resolve()
    if not (options.build / "bin" / "sporehost").exists():
        raise Failure(f"there is no sporehost in {options.build}; build it: cmake --preset {options.build.name} && "
                      f"cmake --build build/{options.build.name}")
    options.out = pathlib.Path(options.out or options.build / "bench-plug").resolve()
    shutil.rmtree(options.out, ignore_errors=True)
    options.sysroot = output_of(ROOT / "scripts" / "arm64-sysroot") if foreign and options.arch == "arm64" else ""
    kernel_dir = pathlib.Path(output_of(ROOT / "scripts" / "fetch-debian-kernel", "--arch", options.arch))
    qemu_files, sysroot = find_qemu(options.arch)
    with tempfile.TemporaryDirectory(prefix="bench-plug.") as temporary:
        folder = pathlib.Path(temporary)
        build_programs(options.arch, folder)
        kernel = make_managed(options, kernel_dir, folder)
        run(options, folder, kernel, qemu_files, sysroot)
    ours = results_of(options.out, "sporehost", options.rounds)
    refusal = why_qemu_cannot(options.out)
    theirs = None if refusal else results_of(options.out, "qemu", options.rounds)
    print(f"512 MiB to 16 GiB, {COUNTED_GIB} GiB of it counted; {options.arch}, Linux {kernel_dir.name}, one vCPU, "
          f"{options.build.name} build; outer machine of {options.smp} processor(s)")
    if refusal:
        print(f"QEMU cannot do this, so ours stands alone: {refusal}")
    show(options, ours, theirs)
    show_parts(options.out, options.rounds)
    good = verdict(options, ours, theirs)
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"bench: error: {failure}", file=sys.stderr)
        sys.exit(1)
