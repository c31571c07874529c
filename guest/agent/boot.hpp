// What PID 1 does to the machine before and after the conversation: mounts, console, modules, the port, the end.
#pragma once

#include <string>
#include <string_view>

#include "core/base/unique_fd.hpp"
#include "guest/protocol/messages.hpp"

namespace sporehost::agent {

// Writes one line to /dev/console, and drops it where there is none. For trouble only: on a serial port each byte is an
// exit to the host.
void console(std::string_view text);

// Gives descriptors 0 to 2 something to point to: /dev/console, else /dev/null.
void set_up_standard_streams();

// /dev and /sys, without which the port is not found. A failure is written to the console.
void mount_first();
// /proc, /dev/pts, /dev/shm, /tmp and /run, which can wait until HELLO is sent.
void mount_rest();

// Opens the virtio-console port of this name without blocking; waits for it to appear, by device events where
// `uevents` is valid, for at most `timeout_ms`. An invalid descriptor when it does not come.
[[nodiscard]] UniqueFd open_port(std::string_view name, int uevents, int timeout_ms);

// Makes hot-added memory blocks come online by themselves, where the kernel's default is not to. Returns true if it had
// to change the setting.
bool enable_auto_online();

// A file's content, at most `limit` bytes; empty if it cannot be read.
[[nodiscard]] std::string read_text(const std::string& path, std::size_t limit = 64 * 1024);

// Turns kAuto into what this machine can do. An x86 kernel without ACPI cannot power off: RB_POWER_OFF would stop its
// vCPUs for good, which no hypervisor reports, so a reset is chosen.
[[nodiscard]] guest::PowerOff choose_power_off(guest::PowerOff asked);

// Ends the machine. What the host sees:
//   kOff    ACPI: a write of SLP_EN to the PM1 control or sleep control register; arm64: PSCI SYSTEM_OFF
//   kReset  x86: ACPI's reset register, or 0xfe to port 0x64 (`reboot=k`), or a triple fault (`reboot=t`, the quickest
//           where there is no keyboard controller); arm64: PSCI SYSTEM_RESET
//   kHalt   nothing: the vCPUs wait with interrupts off
[[noreturn]] void end_machine(guest::PowerOff how);

} // namespace sporehost::agent
