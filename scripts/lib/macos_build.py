#!/usr/bin/env python3
"""Looks at what scripts/check-macos built: what was compiled, what was left out and why, and what the linked files lack.

Usage: macos_build.py ROOT BUILD

ROOT is the source tree, BUILD the build tree. Prints a summary. The exit status is 1 where a source is left out without a reason
below, or a function of the project's own is missing in a linked file.
"""

import collections
import json
import os
import re
import struct
import sys

TREES = ("core", "plugins", "guest", "tools")
LEFT_OUT = {  # the beginning of a path -> why
    "core/system/linux/": "what only Linux has; darwin and portable have it for a Mac",
    "core/board/board_x86_64.cpp": "the board of the other architecture: KVM and its like run no other",
    "core/sdk/templates/": "compiled by themselves, with the headers",
    "guest/agent/": "the guest's first process, and every guest is Linux",
    "plugins/kvm/": "KVM is Linux's",
}
OWN = re.compile(r"__Z(GV|T[VTISWH])?N?K?(9sporehost|5spore)|_sporehost_")

HEADER = struct.Struct("<8I")  # mach_header_64
SYMTAB, SYMTAB_COMMAND = 2, struct.Struct("<6I")
SYMBOL = struct.Struct("<IBBHQ")  # nlist_64
TYPE, EXTERNAL = 0x0E, 0x01  # masks of n_type; type 0 is "undefined"


def undefined(path):
    """The names that a Mach-O file leaves to others."""
    with open(path, "rb") as file:
        data = file.read()
    magic, _, _, _, commands = HEADER.unpack_from(data)[:5]
    if magic != 0xFEEDFACF:
        raise ValueError(f"{path} is no 64-bit Mach-O file")
    at = HEADER.size
    for _ in range(commands):
        command, size = struct.unpack_from("<2I", data, at)
        if command == SYMTAB:
            _, _, symbols, count, strings, _ = SYMTAB_COMMAND.unpack_from(data, at)
            for index in range(count):
                name, kind, _, _, _ = SYMBOL.unpack_from(data, symbols + index * SYMBOL.size)
                if kind & EXTERNAL and kind & TYPE == 0:
                    end = data.index(b"\0", strings + name)
                    yield data[strings + name:end].decode()
        at += size


def sources(root):
    for tree in TREES:
        for folder, _, names in os.walk(os.path.join(root, tree)):
            yield from (os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith((".c", ".cpp")))


def linked(build):
    for folder in ("bin", "plugins", "lib/sporehost"):
        for name in sorted(os.listdir(os.path.join(build, folder)) if os.path.isdir(os.path.join(build, folder)) else []):
            path = os.path.join(build, folder, name)
            if os.path.isfile(path) and not name.endswith((".cmake", ".ninja")):
                yield path


def main(root, build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        compiled = {os.path.relpath(entry["file"], root) for entry in json.load(file)}
    faults = []
    left_out = collections.Counter()
    for source in sorted(sources(root)):
        if source in compiled:
            continue
        reason = next((start for start in LEFT_OUT if source.startswith(start)), None)
        if reason is None:
            faults.append(f"{source}: is not compiled for macOS, and scripts/lib/macos_build.py knows no reason for that")
        else:
            left_out[reason] += 1
    folders = collections.Counter("/".join(source.split("/")[:2]) for source in compiled if not source.startswith(".."))
    print("compiled: " + ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items())))
    for start, count in sorted(left_out.items()):
        print(f"left out: {start} ({count}): {LEFT_OUT[start]}")
    count = 0
    for path in linked(build):
        count += 1
        faults += [f"{os.path.relpath(path, build)}: lacks {name}" for name in undefined(path) if OWN.match(name)]
        print(f"linked: {os.path.relpath(path, build)}")
    if not compiled or not count:
        faults.append(f"{build}: nothing was built there")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__.strip())
        sys.exit(2)
    sys.exit(main(*map(os.path.realpath, sys.argv[1:])))
