"""Every case of the nested tests: a real Linux guest each, booted by sporehost on nested KVM.

A case's machine description is `version: 1` and what its `yaml` says. Its workload is `shell`, run by the guest's
/bin/sh, or `argv`. What must come out is in the declarative fields; what they cannot say is in a function `check`.
The cases of one group share the boot of one outer machine.

`during` is shell code that runs beside sporehost in the outer machine (see run-cases): $pid is sporehost, the current
folder has its stdout, stderr and console.
"""

import dataclasses
import hashlib
import re
from typing import Callable, Optional

GIB_KB = 1 << 20  # in kB, the unit of MemTotal
ARCHITECTURES = ("x86_64", "arm64")
MANAGED_GROWTH_KB = 15872 * 1024


@dataclasses.dataclass
class Case:
    name: str
    group: str
    yaml: str = ""
    arguments: list = dataclasses.field(default_factory=list)
    environment: dict = dataclasses.field(default_factory=dict)
    shell: Optional[str] = None
    argv: list = dataclasses.field(default_factory=list)
    during: Optional[str] = None
    reader: Optional[str] = None  # shell code that reads standard output, instead of a file
    log: str = "debug"
    limit: int = 60  # seconds in the outer machine
    arch: tuple = ARCHITECTURES
    kernel: Optional[str] = None  # a flavour of scripts/build-kernel instead of Debian's kernel

    status: int = 0
    report: dict = dataclasses.field(default_factory=dict)  # fields of the JSON report that must be just so
    stdout: Optional[str] = None  # all of it
    stderr_has: list = dataclasses.field(default_factory=list)
    check: Optional[Callable] = None  # gets a Result (nested_tests.py)


# ---- memory ---------------------------------------------------------------------------------------------------------

def fixed(mib, **more):
    return {"ram_mib": mib, "virtio_mem_mib": 0, **more}


def has_fixed_memory(result):
    """MemTotal is the RAM less what the kernel keeps for itself: its image, its tables, 16 bytes a KiB of struct page."""
    ram_kb = result.report["ram_mib"] * 1024
    before = result.report.get("memtotal_before_kb", 0)
    result.expect(ram_kb - ram_kb // 32 - 65536 <= before < ram_kb, f"MemTotal {before} kB fits {ram_kb} kB of RAM")
    result.same("memtotal_after_kb", before)
    result.expect(result.report.get("response_ms", 0) > 0, "response_ms is there")


def grows_by_the_whole_region(result):
    before, after = result.report["memtotal_before_kb"], result.report["memtotal_after_kb"]
    result.expect(after - before == MANAGED_GROWTH_KB, f"MemTotal grew by {after - before} kB, not {MANAGED_GROWTH_KB}")
    result.expect(400_000 < before < 512 * 1024, f"MemTotal before the plug is {before} kB")
    result.expect(result.report.get("response_ms", 0) > 0, "response_ms is there")
    result.expect(result.report.get("plug_ms", 0) > 0, "plug_ms is there")
    result.expect(result.report["devices"]["virtio-mem"]["errors"] == 0, "no request got ERROR")


# What KVM and the process say of large pages while the guest runs; arm64's KVM tells nothing.
WATCH_LARGE_PAGES = """mount -t debugfs debugfs /sys/kernel/debug
while [ -e /proc/$pid/exe ]; do
    cat /sys/kernel/debug/kvm/pages_2m >>pages-2m
    awk '$1 == "AnonHugePages:" { kb += $2 } END { print kb }' /proc/$pid/smaps >>huge-kb
    sleep 0.3
done"""


def grows_by_large_pages(result):
    """Linux at once writes 2 MiB of struct pages for each of the 124 blocks of 128 MiB."""
    grows_by_the_whole_region(result)
    huge_kb = max(map(int, result.text("huge-kb").split()))
    result.expect(huge_kb > 100 * 2048, f"the process has {huge_kb} kB in huge pages")
    pages = [int(pages) for pages in result.text("pages-2m").split()]
    result.expect(pages or result.folder.parent.parent.name == "arm64", "x86-64's KVM tells of its large pages")
    result.expect(not pages or max(pages) > 100, f"KVM has mapped at most {max(pages, default=0)} large pages")


MEMORY = [
    Case("auto", "memory",
         yaml="memory: auto\nworkload: {argv: [/bin/true], wait-for-memory: true}",
         report={"ram_mib": 512, "virtio_mem_mib": 15872, "plugged_mib": 15872, "end": "workload"},
         during=WATCH_LARGE_PAGES, check=grows_by_large_pages),
    Case("explicit-512mib", "memory", yaml="memory: 512MiB", argv=["/bin/true"], report=fixed(512),
         check=has_fixed_memory),
    Case("explicit-2gib", "memory", arguments=["--memory", "2GiB"], argv=["/bin/true"], report=fixed(2048),
         check=has_fixed_memory),
    Case("fixed-policy", "memory",
         yaml="memory: {policy: {plugin: memory-policy-fixed, options: {size: 1GiB}}}", argv=["/bin/true"],
         report=fixed(1024), check=has_fixed_memory),
    # A kernel or initrd of the user's own: all 16 GiB are plain RAM, on an outer machine that has 3.
    Case("kernel-option", "memory", yaml="boot: {cmdline: quiet}", arguments=["--kernel", "/job/custom/kernel"],
         argv=["/bin/true"], report=fixed(16384), stderr_has=["the kernel is custom (--kernel)"],
         check=has_fixed_memory),
    Case("kernel-environment", "memory", yaml="boot: {cmdline: quiet}",
         environment={"SPOREVM_KERNEL_IMAGE": "/job/custom/kernel"}, argv=["/bin/true"], report=fixed(16384),
         stderr_has=["the kernel is custom (SPOREVM_KERNEL_IMAGE)"], check=has_fixed_memory),
    Case("kernel-yaml", "memory", yaml="boot: {kernel: /job/custom/kernel, cmdline: quiet}", argv=["/bin/true"],
         report=fixed(16384), stderr_has=["the kernel is custom (`kernel` in the machine description)"],
         check=has_fixed_memory),
    # What Fedora ships: the host unpacks it.
    Case("custom-kernel-zboot", "memory", arch=("arm64",), yaml="memory: 512MiB\nboot: {cmdline: quiet}",
         arguments=["--kernel", "/job/managed/zboot"], argv=["/bin/true"], report=fixed(512),
         stderr_has=["it finds its devices in the device tree"], check=has_fixed_memory),
    Case("initrd-option", "memory", arguments=["--initrd", "/job/custom/initrd.cpio"], shell="echo an answer",
         report=fixed(16384), stdout="an answer\n", stderr_has=["the initrd is custom (--initrd)"],
         check=has_fixed_memory),
]

# ---- life -----------------------------------------------------------------------------------------------------------


def is_whole(result):
    """The guest tells the digest of what it sends on the other stream."""
    told = result.text("stderr").split()[0]
    result.expect(len(result.bytes("stdout")) == 1 << 20, f"{len(result.bytes('stdout'))} bytes came, not 1 MiB")
    result.expect(hashlib.sha256(result.bytes("stdout")).hexdigest() == told, "the bytes are those that were sent")


def streams_are_apart(result):
    expected = "".join(f"err {n}\n" for n in range(1, 201))
    result.expect(result.text("stderr") == expected, "standard error is just what the workload wrote there")


def shows_no_trace(result):
    shown = result.text("stderr").partition("the last lines of the guest's console:")[2]
    result.expect("Kernel panic - not syncing" in shown, "the panic is among the lines that are shown")
    result.expect("Call Trace" not in shown and "+0x" not in shown, "and no call trace")


def says_why_there_is_no_channel(result):
    console = result.text("console")
    result.expect(console.count("sporehost-agent: no guest channel") == 2, "the agent speaks twice on the console")
    result.expect("the virtio-console has no driver" in console, "it says what is missing")
    result.expect("cannot run" in console and "Powering off." in console, "it says what it does")
    said = [float(when) for when in re.findall(r"\[ *([0-9.]+)\] sporehost-agent: no guest channel", console)]
    result.expect(len(said) == 2 and said[1] - said[0] < 10, f"it ended at once, not half a minute later: {said}")


def ended_at_once(result):
    spent = float(result.text("forced.seconds"))
    result.expect(spent < 3, f"the second signal took {spent} s to end it")


def tells_what_was_lost(result):
    lost = result.report.get("lost_bytes", {}).get("standard output", 0)
    result.expect(256 << 10 <= lost < 4 << 20, f"{lost} bytes were lost: what we keep, and no more")


LIFE = [
    Case("two-vcpus", "life", yaml="memory: 512MiB", arguments=["--cpus", "2"],
         shell="nproc; grep -c ^processor /proc/cpuinfo", stdout="2\n2\n"),
    Case("status", "life", yaml="memory: 512MiB", shell="exit 7", status=7, report={"end": "workload"}),
    Case("streams", "life", yaml="memory: 512MiB", log="off",
         shell="for n in $(seq 200); do echo out $n; echo err $n >&2; done",
         stdout="".join(f"out {n}\n" for n in range(1, 201)), check=streams_are_apart),
    Case("binary-output", "life", yaml="memory: 512MiB", log="off",
         shell="head -c 1048576 /dev/urandom >/tmp/bytes; sha256sum </tmp/bytes >&2; cat /tmp/bytes", check=is_whole),
    # The SDK's templates as plugins of this machine: 42 is the asterisk.
    Case("templates", "life",
         yaml="memory: {policy: {plugin: share, options: {percent: 20}}}\n"
              "devices: [virtio-console, {plugin: constant-rng, options: {value: 42}}, serial]",
         shell="until [ -e /dev/hwrng ]; do sleep 0.1; done; head -c 4 /dev/hwrng", stdout="****",
         stderr_has=["20 % of the host's"]),
    Case("not-found", "life", yaml="memory: 512MiB", argv=["/no/such/program"], status=127,
         report={"end": "workload"}, stderr_has=["the workload could not start: cannot run /no/such/program: No such file"]),
    # The guest is asked: its workload gets SIGTERM and has its last word.
    Case("sigterm", "ends", yaml="memory: 512MiB",
         shell="trap 'echo asked; exit 3' TERM; echo armed; sleep 1000 & wait",
         during="await stdout armed; kill -TERM $pid",
         status=143, report={"end": "signal", "message": "stopped by SIGTERM"}, stdout="armed\nasked\n"),
    # It does not listen: a second signal ends it, long before the grace of 30 s has passed.
    Case("second-signal", "ends", yaml="memory: 512MiB\nlifecycle: {stop-grace: 30s}",
         shell="trap '' TERM; echo armed; sleep 1000",
         during="await stdout armed; kill -TERM $pid; await stderr 'asking the guest to stop'; sleep 1; begin=$(now)\n"
                "kill -TERM $pid; while [ -e /proc/$pid/exe ]; do sleep 0.1; done\n"
                "awk -v t=$(($(now) - begin)) 'BEGIN { print t / 100 }' >forced.seconds",
         status=143, stdout="armed\n", stderr_has=["stopped by SIGTERM: the guest did not end by itself"],
         report={"end": "signal"}, check=ended_at_once),
    # Nobody reads what it prints: that is said, it can be stopped all the same, and what was lost is told.
    Case("reader-stands-still", "ends", yaml="memory: 512MiB\nlifecycle: {stop-grace: 2s}", log="info",
         shell="seq 400000", reader="sleep 1000", limit=90,
         during="await stderr 'standard output: nobody has read any of it for 10 s'; kill -TERM $pid",
         status=143, report={"end": "signal"},
         stderr_has=["sporehost: standard output: ", " bytes were lost: its reader took no more of it"],
         check=tells_what_was_lost),
    # It does not listen, and is not asked twice: the agent ends it when the grace has passed.
    Case("stop-grace", "ends", yaml="memory: 512MiB\nlifecycle: {stop-grace: 2s}",
         shell="trap '' TERM; echo armed; sleep 1000", during="await stdout armed; kill -TERM $pid",
         status=143, report={"end": "signal", "message": "stopped by SIGTERM"}, stdout="armed\n"),
    # Nothing of the workload has run; whoever powers the guest off, that is no success.
    Case("never-ran", "ends", yaml="memory: 512MiB\nboot: {cmdline: rdinit=/bin/busybox -- poweroff -f}", shell="exit 7",
         status=123, report={"end": "power-off"},
         stderr_has=["the guest powered off and its workload did not run: PID 1 never answered"]),
    # The guest gets no interrupts, so that the agent has no channel.
    Case("never-answered", "ends", arch=("x86_64",), yaml="memory: 512MiB\nboot: {cmdline: noapic}", shell="nproc",
         status=123, report={"end": "power-off"}, stderr_has=["its workload did not run: PID 1 never answered",
                                                             "the last lines of the guest's console:"]),
    # The workload's own status stays, and the guest is not kept until its memory is there.
    Case("term-while-waiting", "ends", yaml="memory: auto\nworkload: {argv: [/bin/sh, -c, exit 3], wait-for-memory: true}",
         during="await stderr 'waiting for the guest.s memory'; kill -TERM $pid", status=3, report={"end": "workload"},
         stderr_has=["SIGTERM: the workload has ended; not waiting for memory any longer"]),
    Case("hang-up", "ends", yaml="memory: 512MiB", shell="trap 'echo asked; exit 3' TERM; echo armed; sleep 1000 & wait",
         during="await stdout armed; kill -HUP $pid",
         status=129, report={"end": "signal", "message": "stopped by SIGHUP"}, stdout="armed\nasked\n"),
    Case("panic", "panic", yaml="memory: 512MiB", shell="echo c >/proc/sysrq-trigger; sleep 1000", status=123,
         report={"end": "panic"},
         stderr_has=["the guest's kernel panicked: Kernel panic - not syncing: sysrq triggered crash",
                     "the last lines of the guest's console:"]),
    Case("panic-no-init", "panic", yaml="memory: 512MiB\nboot: {cmdline: rdinit=/nonexistent}", argv=["/bin/true"],
         status=123, report={"end": "panic"}, stderr_has=["the guest's kernel panicked: Kernel panic - not syncing:"]),
    # A file that is no archive. The reason is told by the kernel long before it panics, and must be seen.
    Case("initrd-is-no-archive", "panic", yaml="memory: 512MiB", arguments=["--initrd", "/job/managed/config"],
         argv=["/bin/true"], status=123, report={"end": "panic"}, stderr_has=["Initramfs unpacking failed: "],
         check=shows_no_trace),
    Case("panic-restart", "panic",
         yaml="memory: 512MiB\nlifecycle: {on-guest-reset: restart, run-timeout: 30s}\n"
              "boot: {cmdline: rdinit=/nonexistent}",
         argv=["/bin/true"], status=124, report={"end": "run-timeout"},
         stderr_has=["starting it again in 100ms (lifecycle.on-guest-reset)", "the run took longer than 30s (lifecycle.run-timeout)"]),
    # The kernel goes by a PC's BIOS, through real mode; what this board has in its place resets too.
    Case("reset-by-bios", "panic", arch=("x86_64",), yaml="memory: 512MiB\nboot: {cmdline: reboot=b}",
         shell="reboot -f; sleep 1000", status=123,
         report={"end": "guest-reset"}, stderr_has=["the guest restarted itself before its workload had ended"]),
    # The agent finds nothing to talk on: it says so, and why, and does not keep the machine for half a minute.
    Case("no-channel", "ends", yaml="memory: 512MiB\nboot: {cmdline: module_blacklist=virtio_console}", argv=["/bin/true"],
         status=123, report={"end": "power-off"}, stderr_has=["so the workload cannot run"], check=says_why_there_is_no_channel),
    # PID 1 is a program that knows nothing of the host: sleep, whose argument follows the two dashes.
    Case("never-ready", "ends", yaml="memory: 512MiB\nlifecycle: {ready-timeout: 8s}\n"
         "boot: {cmdline: rdinit=/bin/sleep -- 1000}",
         argv=["/bin/true"], status=124, report={"end": "not-ready"},
         stderr_has=["the guest did not become ready: PID 1 gave no answer within 8s (lifecycle.ready-timeout)"]),
]

# ---- plug -----------------------------------------------------------------------------------------------------------

# In the guest: MemTotal in kB, and waiting for it to have some value.
GUEST_TOTAL = """
total() { awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo; }
until_total() { until [ $(total) -eq $1 ]; do sleep 0.1; done; }
"""

MOVABLE = "boot: {cmdline: memhp_default_state=online_movable}\n"  # what the kernel can always give back


def device_is_well(result):
    """From the driver's first word on. (Before it the emulated outer processor gives Linux reasons to complain.)"""
    kernel_log = result.text("stderr").partition("virtio_mem virtio")[2]
    result.expect(kernel_log, "the guest's kernel log has the driver's messages")
    for bad in ("unknown error, marking device as broken", r"virtio_mem.*broken", r"BUG:|Oops|WARNING:"):
        found = re.search(bad, kernel_log)
        result.expect(not found, f"the guest's kernel log has no {bad!r}: {found and found.group(0)}")
    result.expect(result.report["devices"]["virtio-mem"]["errors"] == 0, "no request got ERROR")


def shrank_to_the_target(result):
    """Linux looks whether the configuration has changed before each PLUG, so a NACK is rare; that it stood in the middle
    of plugging is what it logs when it reads the lowered size."""
    device_is_well(result)
    seen = re.search(r"plugged size: (0x\w+)\n[^\n]*requested size: 0x40000000", result.text("stderr"))
    plugged = int(seen.group(1), 16) if seen else 0
    result.expect(2 << 30 < plugged < 3 << 30, f"the driver read the lowered size with {plugged >> 20} MiB plugged")
    result.expect(result.report["devices"]["virtio-mem"]["unplug_requests"] >= 1, "the driver unplugged")
    result.same("plugged_mib", 1024)
    before, last = result.report["memtotal_before_kb"], int(result.text("stdout").split()[-1])
    result.expect(last == before + GIB_KB, f"MemTotal {last} kB is {before} kB and 1 GiB")


def memory_came_and_went(result):
    """The guest sees its own pattern in free memory before the unplug, so the scan can see such a thing at all; after
    the replug it sees none, and next to all pages are zero (some belong to the kernel and its buffers by then)."""
    device_is_well(result)
    scans = [dict((k, int(v)) for k, v in re.findall(r"(\w+)=(\d+)", line))
             for line in result.text("stdout").splitlines() if line.startswith("scan")]
    result.expect(len(scans) == 2, f"two scans: {scans}")
    used, fresh = scans
    pages = 384 * 256
    result.expect(sum(used.values()) == pages and sum(fresh.values()) == pages, f"{pages} pages were read: {scans}")
    result.expect(used["pattern"] > pages // 2, f"before the unplug the pattern is in more than half: {used}")
    result.expect(fresh["pattern"] == 0, f"after the replug the pattern is nowhere: {fresh}")
    result.expect(fresh["zero"] >= pages * 95 // 100, f"after the replug the pages are zero: {fresh}")
    used_kb, unplugged_kb = (int(result.text(name + ".kb")) for name in ("used", "unplugged"))
    result.expect(used_kb - unplugged_kb >= 240 * 1024,
                  f"the host has the memory back: {used_kb} kB before the unplug, {unplugged_kb} kB after")


def buffers_were_in_plugged_memory(result):
    told = result.text("stderr").split()[0]
    result.expect(hashlib.sha256(result.bytes("stdout")).hexdigest() == told, "the bytes are those that were sent")
    result.expect(len(result.bytes("stdout")) == 8 << 20, "8 MiB came")
    device_is_well(result)


PLUG = [
    # VMEM-24: the requested size is lowered while the guest plugs. No PLUG gets an ERROR, which would end it all.
    Case("lowered-while-plugging", "plug",
         yaml=MOVABLE + "memory: {policy: {plugin: memory-policy-lowering, "
                        "options: {region: 3GiB, lower-above: 2GiB, lower-to: 1GiB}}}",
         shell=GUEST_TOTAL + "until [ $(total) -gt 2200000 ]; do sleep 0.1; done\n"
                             "until [ $(total) -le 1572864 ]; do sleep 0.2; done\n"
                             "sleep 1; dmesg >&2; total",
         report={"virtio_mem_mib": 3072}, check=shrank_to_the_target),
    # VMEM-36: what was in memory before an unplug is nowhere after the replug; and VMEM-39: the host has it back.
    Case("plug-unplug-plug", "plug",
         yaml=MOVABLE + "memory: {policy: {plugin: memory-policy-from-file, options: {region: 384MiB, "
                        "file: /out/plug-unplug-plug/requested-mib}}}",
         shell=GUEST_TOTAL + """
start=$(total); whole=$((start + 384 * 1024))
echo booted; until_total $whole
memory_check fill 320; memory_check scan
echo used; until_total $start
echo unplugged; until_total $whole
memory_check scan; memory_check fill 320
dmesg >&2; echo done""",
         during="await stdout booted; echo 384 >requested-mib\n"
                "await stdout used; note_memory used; echo 0 >requested-mib\n"
                "await stdout unplugged; sleep 0.5; note_memory unplugged; echo 384 >requested-mib",
         report={"virtio_mem_mib": 384, "plugged_mib": 384}, limit=120, check=memory_came_and_went),
    # VMEM-35. Boot RAM is zone DMA32, plugged memory is zone Normal, which the kernel prefers: the rng driver is bound
    # anew, so its rings lie there, and so do the buffers in which the console driver sends.
    Case("buffers-in-plugged-memory", "plug",
         yaml="memory: {policy: {plugin: memory-policy-auto, options: {maximum: 1536MiB}}}",
         shell=GUEST_TOTAL + """
until [ $(total) -gt 1400000 ]; do sleep 0.1; done
cd /sys/bus/virtio/drivers/virtio_rng && device=$(basename virtio*) && echo $device >unbind && echo $device >bind || exit 1
head -c 4096 /dev/hwrng | wc -c | grep -qx 4096 || exit 2
head -c 8388608 /dev/urandom >/tmp/bytes; sha256sum </tmp/bytes >&2
cat /tmp/bytes
dmesg >&2""",
         log="off", report={"virtio_mem_mib": 1024}, check=buffers_were_in_plugged_memory),
]

# ---- kernels --------------------------------------------------------------------------------------------------------


def grows_without_modules(result):
    grows_by_the_whole_region(result)
    result.expect(result.text("stdout") == "no modules\n", "the guest's kernel has everything built in")


def kernel_case(flavour, discovery):
    """The managed kernel of our own build: devices found as its configuration says, not one module loaded."""
    return Case(f"kernel-{flavour}", "kernels", kernel=flavour, arch=("x86_64",),
                yaml="memory: auto\nworkload: {argv: [/bin/true], wait-for-memory: true}",
                shell=f"grep -q {discovery} /proc/cmdline && ! [ -s /proc/modules ] && echo no modules",
                report={"ram_mib": 512, "virtio_mem_mib": 15872, "plugged_mib": 15872, "end": "workload"},
                check=grows_without_modules)


# A kernel of which nothing is told: no configuration inside or beside it, no ACPI, PCI or serial port. It is the user's
# own, so its image alone says how it finds its devices, and which console it has.
UNKNOWN_KERNEL = Case(
    "custom-kernel-noacpi", "kernels", kernel="bare", arch=("x86_64",), yaml="memory: 512MiB\nboot: {cmdline: quiet}",
    arguments=["--kernel", "/job/managed-bare/without-config"],
    shell="echo an answer; grep -c virtio_mmio.device= /proc/cmdline; grep -c console=hvc0 /proc/cmdline",
    stdout="an answer\n1\n1\n", report={"ram_mib": 512, "end": "workload"},
    stderr_has=["it has no ACPI, so it gets virtio_mmio.device= and the MP table (the texts in its image (Linux 6."])

# Without kvm-clock Linux ticks by the PC's timer, interrupt 0, until it knows better.
NO_KVMCLOCK = Case(
    "no-kvmclock", "kernels", kernel="bare", arch=("x86_64",), yaml="memory: 512MiB\nboot: {cmdline: no-kvmclock}",
    shell="grep -v kvm-clock /sys/devices/system/clocksource/clocksource0/current_clocksource\n"
          "awk '$1 == \"0:\" && $NF == \"timer\" && $2 > 100 { print \"it ticks\" }' /proc/interrupts",
    check=lambda result: result.expect(result.text("stdout").endswith("\nit ticks\n"), "interrupt 0 came 100 times"))

KERNELS = [kernel_case("bare", "virtio_mmio.device="), kernel_case("acpi", "reboot=a"), UNKNOWN_KERNEL, NO_KVMCLOCK]

CASES = MEMORY + LIFE + PLUG + KERNELS

# ---- start-up times, for scripts/bench-nested ------------------------------------------------------------------------

BENCH_ROUNDS = 3
BENCH_KINDS = {"auto": "auto", "fixed-512mib": "512MiB", "fixed-16gib": "16GiB"}
BENCH = [Case(f"{kind}-{n}", "bench", yaml=f"memory: {memory}", argv=["/bin/true"], log="info")
         for n in range(BENCH_ROUNDS) for kind, memory in BENCH_KINDS.items()]
