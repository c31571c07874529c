"""scripts/check-rooms on this tree, and on wrong trees, in which it has to find what is wrong: the file, the line, the reason;
and docs/overview.md, the page that shows the rooms to someone new."""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# A tree with nothing to complain of.
GOOD = {
    "core/sdk/include/sporehost/result.hpp": "#pragma once\n",
    "core/base/text.hpp": "#include <sporehost/result.hpp>\n",
    "core/bus/bus.hpp": '#include "core/base/text.hpp"\n',
    "core/machine/machine.hpp": '#include "core/bus/bus.hpp"\n',
    "core/app/main.cpp": '// above all\n#include "core/machine/machine.hpp"\n#include <vector>\n',
    "plugins/one/plugin.cpp": '#include <sporehost/result.hpp>\n#include "part.hpp"\n#include "../shared/line.hpp"\n',
    "plugins/one/part.hpp": '#include "plugins/one/deep.hpp"\n',
    "plugins/one/deep.hpp": "#pragma once\n",
    "plugins/shared/line.hpp": "#pragma once\n",
}


def check(root):
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts/check-rooms"), root], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr.splitlines()


def check_with(changes):
    """The complaints about GOOD with these files added or replaced."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in (GOOD | changes).items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return check(root)


class Rooms(unittest.TestCase):
    def assert_one(self, changes, start, *words):
        status, lines = check_with(changes)
        self.assertEqual(status, 1, lines)
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(start), lines)
        for word in words:
            self.assertIn(word, lines[0])

    def test_this_tree_is_as_the_table_says(self):
        self.assertEqual(check(ROOT), (0, []))

    def test_a_good_tree_passes(self):
        self.assertEqual(check_with({}), (0, []))

    def test_an_include_against_the_direction(self):
        text = '#pragma once\n\n#include "core/bus/bus.hpp"\n'
        self.assert_one({"core/loader/elf.hpp": text}, "core/loader/elf.hpp:3: ", "core/loader", "core/bus/bus.hpp")

    def test_a_circle_is_told_with_its_places(self):
        status, lines = check_with({"core/base/text.hpp": '\n#include "core/bus/bus.hpp"\n'})
        self.assertEqual(status, 1)
        self.assertEqual(len(lines), 2, lines)
        self.assertTrue(lines[0].startswith("core/base/text.hpp:2: core/base may not include core/bus/bus.hpp"), lines)
        self.assertIn("a circle of folders", lines[1])
        self.assertIn("core/bus in core/base/text.hpp:2", lines[1])
        self.assertIn("core/base in core/bus/bus.hpp:1", lines[1])

    def test_a_folder_that_nobody_placed(self):
        self.assert_one({"core/attic/chest.hpp": "\n"}, "core/attic/chest.hpp:1: ", "no row")
        self.assert_one({"core/bus/wide.hpp": '#include "core/attic/chest.hpp"\n'}, "core/bus/wide.hpp:1: ", "chest.hpp")

    def test_the_program_takes_nothing_of_the_tests(self):
        self.assert_one({"core/bus/fake.cpp": '#include "tests/support/fake.hpp"\n'}, "core/bus/fake.cpp:1: ", "tests/support")

    def test_a_thirteenth_source_of_the_machine(self):
        twelve = {f"core/machine/part{number}.cpp": "\n" for number in range(11)}
        self.assertEqual(check_with(twelve), (0, []))
        self.assert_one(twelve | {"core/machine/part11.hpp": "\n"}, "core/machine: 13 sources, 12 at most")

    def test_a_plugin_that_reaches_into_the_core(self):
        for name in ('"core/base/text.hpp"', "<core/base/text.hpp>", '"../../core/base/text.hpp"', '"guest/agent/boot.hpp"'):
            self.assert_one({"plugins/one/part.hpp": f"\n  #  include {name}\n"}, "plugins/one/part.hpp:2: ", "plugins may not")

    def test_a_tree_without_sources_is_no_success(self):
        with tempfile.TemporaryDirectory() as root:
            status, lines = check(root)
        self.assertEqual(status, 1)
        self.assertIn("no sources", lines[0])


def table():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("check_rooms", os.path.join(ROOT, "scripts/check-rooms"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_rooms", loader))
    loader.exec_module(module)
    return module.ROOMS


class Overview(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "docs/overview.md"), encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        rows = [line.split("|")[1] for line in self.lines if line.startswith("| `core/")]
        self.rooms = [re.findall(r"`(core/[^`]+)`", row) for row in rows]

    def test_it_can_be_held_in_the_head(self):
        self.assertLessEqual(len(self.lines), 150)
        self.assertLessEqual(max(map(len, self.lines)), 180, "a long line is no way around that")

    def test_every_room_of_the_core_has_a_row(self):
        shown = [room for row in self.rooms for room in row]
        self.assertEqual(sorted(shown), sorted(room for room in table() if room.startswith("core/")))
        folders = [name for name in os.listdir(os.path.join(ROOT, "core")) if os.path.isdir(os.path.join(ROOT, "core", name))]
        self.assertLessEqual({f"core/{name}" for name in folders}, set(shown))

    def test_who_includes_stands_above(self):
        height = {room: at for at, row in enumerate(self.rooms) for room in row}
        for room, others in table().items():
            for other in set(others.split()) & height.keys() if room in height else ():
                self.assertLess(height[room], height[other], f"{room} includes {other}")

    def test_what_it_names_is_there(self):
        for path in re.findall(r"`((?:core|guest|plugins|tools|scripts)/[\w./-]+)", "\n".join(self.lines)):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)


if __name__ == "__main__":
    unittest.main()
