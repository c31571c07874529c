#!/usr/bin/env python3
"""Runs the nested tests: cases.py says which, run-cases runs them in the outer machine.

  nested_tests.py list                       what ctest is told: one line "GROUP CASE" each
  nested_tests.py --build DIR prepare        the managed kernel and initrd for the guests
  nested_tests.py --build DIR run GROUP      boots the outer machine once and runs the group's cases in it
  nested_tests.py --build DIR check CASE     checks what the case left in DIR/tests/nested/ARCH/GROUP/CASE

Exit status: 0 good, 1 not, 77 it could not be tried here (the reason is printed).
"""

import argparse
import gzip
import json
import pathlib
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import cases

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SKIPPED = 77
TIME_WAS_UP = 124  # of scripts/nested
# QEMU 7.2's emulation of SVM now and then leaves the outer machine halted for good, with no time passing in it and nothing
# of ours at work (seen after guests that panic). Its time is up then, and the whole group is tried anew.
ATTEMPTS = 4
QEMU = {"x86_64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}


class Place:
    """Where everything is for one build tree and architecture."""

    def __init__(self, build, arch, sysroot):
        self.build, self.arch, self.sysroot = pathlib.Path(build).resolve(), arch, sysroot
        self.folder = self.build / "tests" / "nested" / arch
        self.managed = self.folder / "managed"
        self.plugins = self.build / "tests" / "nested-plugins"

    def group(self, name):
        return self.folder / name

    def managed_of(self, case):
        """The managed folder of a case's kernel, and its name in the outer machine."""
        suffix = f"-{case.kernel}" if case.kernel else ""
        return self.folder / f"managed{suffix}", f"/job/managed{suffix}"


def host_arch():
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


def why_impossible(place):
    if not shutil.which(QEMU[place.arch]):
        return f"{QEMU[place.arch]} is not installed (scripts/install-packages nested)"
    return None


def scripts(name, *arguments):
    return subprocess.run([ROOT / "scripts" / name, *arguments], stdin=subprocess.DEVNULL)


# ---- prepare --------------------------------------------------------------------------------------------------------

def prepare(place):
    if reason := why_impossible(place):
        skip(reason)
    place.folder.mkdir(parents=True, exist_ok=True)
    kernel = subprocess.run([ROOT / "scripts" / "fetch-debian-kernel", "--arch", place.arch], stdout=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, text=True)
    if kernel.returncode != 0:
        skip("no guest kernel is cached and none could be fetched (the reason is above)")
    kernel_dir = kernel.stdout.strip()
    # The usual managed folder; its initrd has one program more.
    memory_check = place.build / "guest" / "memory_check"
    made = scripts("prepare-managed", "--arch", place.arch, "--kernel-dir", kernel_dir, "--output", place.managed,
                   "--extra", f"{memory_check}=/bin/memory_check", place.build)
    if made.returncode != 0:
        return 1
    if place.arch == "arm64":
        image = next(path for name in ("Image", "vmlinuz") if (path := place.managed / name).exists())
        wrap_as_zboot(image, place.managed / "zboot")
    return prepare_own_kernels(place)


def wrap_as_zboot(image, zboot):
    """As CONFIG_EFI_ZBOOT makes it, but for the program that would run on firmware."""
    packed, payload_at, pe_at = gzip.compress(image.read_bytes(), 1), 0x100, 0x80
    header = bytearray(payload_at)
    struct.pack_into("<4s4sII8x8s", header, 0, b"MZ", b"zimg", payload_at, len(packed), b"gzip")
    struct.pack_into("<II", header, 0x38, 0x818223CD, pe_at)
    struct.pack_into("<4sH", header, pe_at, b"PE", 0xAA64)
    zboot.write_bytes(header + packed)


def prepare_own_kernels(place):
    """A managed folder for each flavour of scripts/build-kernel that is in the cache; building takes minutes."""
    for flavour in {case.kernel for case in cases.CASES if case.kernel and place.arch in case.arch}:
        folder = place.folder / f"managed-{flavour}"
        shutil.rmtree(folder, ignore_errors=True)
        built = subprocess.run([ROOT / "scripts" / "build-kernel", "--flavour", flavour, "--print-dir"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        if built.returncode != 0:
            continue
        if scripts("prepare-managed", "--kernel-dir", built.stdout.strip(), "--output", folder, place.build).returncode:
            return 1
        hide_configuration(folder / "vmlinux", folder / "without-config")
    return 0


def hide_configuration(kernel, copy):
    """The same kernel as built without CONFIG_IKCONFIG, as far as a host can see: nobody finds the mark."""
    image = kernel.read_bytes()
    assert image.count(b"IKCFG_ST") >= 1, f"{kernel} has no configuration inside"
    copy.write_bytes(image.replace(b"IKCFG_ST", b"IKCFG_NO"))


# ---- run ------------------------------------------------------------------------------------------------------------

def command_of(case):
    """sporehost's command line, for the outer machine's shell."""
    words = ["sporehost", "--config", f"/job/cases/{case.name}/machine.yaml", "--plugin-path", "/job/plugins",
             "--log", case.log, "--console", "console", "--json", "--report-file", "report.json", *case.arguments]
    workload = ["/bin/sh", "-c", case.shell] if case.shell is not None else case.argv
    if workload:
        words += ["--", *workload]
    environment = dict(case.environment)
    if case.kernel:
        environment["SPOREHOST_MANAGED_DIR"] = f"/job/managed-{case.kernel}"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    if case.reader:
        pipe = f"/job/cases/{case.name}/pipe"
        lines += [f"mkfifo {pipe}", f"({case.reader}) <{pipe} >stdout 2>/dev/null &", f"exec >{pipe}"]
    return "\n".join(lines + ["exec " + shlex.join(words)]) + "\n"


def write_jobs(group, folder):
    for case in group:
        job = folder / case.name
        job.mkdir(parents=True)
        (job / "machine.yaml").write_text(f"version: 1\nname: {case.name}\n{case.yaml}\n")
        (job / "command").write_text(command_of(case))
        (job / "limit").write_text(f"{case.limit}\n")
        if case.during:
            (job / "during").write_text(case.during + "\n")


def members(group, arch):
    return [case for case in cases.CASES + cases.BENCH if case.group == group and arch in case.arch]


def run(place, group, only=None):
    out = place.group(group)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if reason := why_impossible(place):
        (out / "skipped").write_text(reason)
        skip(reason)
    if not (place.managed / "initrd.cpio").exists():
        reason = "there is no guest kernel (see the test named prepare)"
        (out / "skipped").write_text(reason)
        skip(reason)
    chosen = [case for case in members(group, place.arch) if not only or case.name in only]
    for case in chosen:
        if not place.managed_of(case)[0].exists():
            (out / case.name).mkdir()
            (out / case.name / "skipped").write_text(f"scripts/build-kernel --flavour {case.kernel} has not been run")
    chosen = [case for case in chosen if place.managed_of(case)[0].exists()]
    if not chosen:
        skip("none of its kernels has been built")
    managed = {place.managed_of(case) for case in chosen} | {(place.managed, "/job/managed")}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nested-cases.") as temporary:
        jobs = pathlib.Path(temporary)
        write_jobs(chosen, jobs)
        for attempt in range(1, ATTEMPTS + 1):
            status = boot(place, chosen, managed, jobs, out)
            if status != TIME_WAS_UP:
                break
            print(f"attempt {attempt} of {ATTEMPTS}: the outer machine stood still")
    print(f"group {group}: {len(chosen)} guests in {time.monotonic() - begin:.1f} s")
    return status


def boot(place, chosen, managed, jobs, out):
    """One outer machine. A case's own limit is watched inside; this one, far from what is usual, is for the machine."""
    limit = 120 + sum(case.limit for case in chosen) // 4
    return scripts(
        "nested", "--arch", place.arch, "--tree", place.build, *(["--sysroot", place.sysroot] if place.sysroot else []),
        *(word for here, there in sorted(managed) for word in ("--file", f"{here}={there}")),
        "--file", f"{place.plugins}=/job/plugins",
        "--file", f"{jobs}=/job/cases", "--file", f"{HERE / 'run-cases'}=/job/run-cases",
        "--env", "SPOREHOST_MANAGED_DIR=/job/managed", "--env", f"SPOREHOST_TEST_ARCH={place.arch}",
        "--out", out, "--console", out / "outer-console", "--timeout", str(limit),
        "--", "/bin/sh", "/job/run-cases", *(case.name for case in chosen)).returncode


# ---- check ----------------------------------------------------------------------------------------------------------

class Result:
    """What one case left behind, and what was wrong with it."""

    def __init__(self, folder):
        self.folder, self.wrong, self.report = folder, [], {}

    def bytes(self, name):
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def text(self, name):
        return self.bytes(name).decode(errors="replace")

    def expect(self, good, what):
        if not good:
            self.wrong.append(what)

    def same(self, field, value):
        self.expect(self.report.get(field) == value, f"{field} is {self.report.get(field)!r} and should be {value!r}")

    def show(self):
        for name in ("stderr", "stdout", "console", "report.json", "during.err"):
            lines = self.text(name).splitlines()[-40:]
            if lines:
                print(f"---- the last lines of {self.folder / name}")
                print("\n".join(line[:400] for line in lines))


def judge(case, result):
    result.expect(not result.bytes("overdue"), f"it did not end within {case.limit} s")
    result.expect(result.text("status").strip() == str(case.status),
                  f"the exit status is {result.text('status').strip()} and should be {case.status}")
    try:
        result.report = json.loads(result.text("report.json"))
    except ValueError as error:
        result.expect(False, f"there is no JSON report: {error}")
        return
    result.same("exit_status", case.status)
    for field, value in case.report.items():
        result.same(field, value)
    if case.stdout is not None:
        result.expect(result.text("stdout") == case.stdout, "standard output is just what was expected")
    for text in case.stderr_has:
        result.expect(text in result.text("stderr"), f"standard error says: {text}")
    if case.check:
        try:
            case.check(result)
        except (KeyError, ValueError, IndexError) as error:
            result.expect(False, f"what should be there is not: {error!r}")


def check(place, name):
    case = next(case for case in cases.CASES if case.name == name)
    group = place.group(case.group)
    if (group / "skipped").exists():
        skip((group / "skipped").read_text())
    result = Result(group / name)
    if (result.folder / "skipped").exists():
        skip(result.text("skipped"))
    if not (result.folder / "status").exists():
        print(f"FAIL {name}: the outer machine left nothing of it; its console is {group / 'outer-console'}")
        return 1
    judge(case, result)
    brief = {key: result.report[key] for key in ("ram_mib", "virtio_mem_mib", "response_ms", "plug_ms", "plugged_mib",
             "memtotal_before_kb", "memtotal_after_kb", "end", "exit_status") if key in result.report}
    print(f"{'FAIL' if result.wrong else 'ok'} {name} ({result.text('seconds').strip()} s) {brief}")
    for what in result.wrong:
        print(f"  not so: {what}")
    if result.wrong:
        result.show()
    return 1 if result.wrong else 0


def main():
    parser = argparse.ArgumentParser(prog="nested_tests.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", help="the build tree")
    parser.add_argument("--arch", choices=cases.ARCHITECTURES, default=host_arch())
    parser.add_argument("--sysroot", default="", help="of a tree built for another architecture")
    parser.add_argument("--only", action="append", help="of a group to run, just this case")
    parser.add_argument("action", choices=("list", "prepare", "run", "check"))
    parser.add_argument("name", nargs="?", help="a group to run, or a case to check")
    options = parser.parse_args()
    if options.action == "list":
        print("\n".join(f"{case.group} {case.name}" for case in cases.CASES if options.arch in case.arch))
        return 0
    place = Place(options.build, options.arch, options.sysroot)
    if options.action == "prepare":
        return prepare(place)
    return run(place, options.name, options.only) if options.action == "run" else check(place, options.name)


if __name__ == "__main__":
    sys.exit(main())
