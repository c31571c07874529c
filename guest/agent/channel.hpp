// Finding the guest channel, and saying why there is none. Without it the host hears nothing from PID 1, so the reason
// goes to every console that there may be.
#pragma once

#include <string>
#include <string_view>

#include "core/base/unique_fd.hpp"

namespace sporehost::agent {

// What the kernel has found of the channel's parts.
struct ChannelParts {
  unsigned devices = 0;    // virtio devices of any kind
  bool console = false;    // one of them is a virtio-console
  bool driver = false;     // and has its driver
  std::string other_ports; // names of the ports that are there, separated by spaces
};

// Looks below `sys`, the mount of sysfs. [any]
[[nodiscard]] ChannelParts look_for_parts(const std::string& sys = "/sys");

// Which part is missing, as one sentence without its full stop. [any]
[[nodiscard]] std::string why_no_channel(const ChannelParts& parts);

// The opened port of the guest channel. What is missing is said as soon as it is clear: at once where no device can be
// the channel (drivers find their devices before PID 1 runs, or while it loads their modules), after two seconds where
// the device is there and its port is not. Then it still waits for what might come, for 3 or 28 s, and says that it
// gives up. An invalid descriptor then.
[[nodiscard]] UniqueFd find_channel(int uevents);

// Writes one line to every console: by the kernel's log to those that the kernel uses, and to the usual others.
void tell_everywhere(std::string_view text);

} // namespace sporehost::agent
