// The kernel's device events: how the agent learns of its port and of hot-plugged memory without polling.
#pragma once

#include <string_view>

#include "core/base/unique_fd.hpp"

namespace sporehost::agent {

// A non-blocking netlink socket on the kernel's event group; an invalid one, with errno, if there is no such thing.
[[nodiscard]] UniqueFd open_uevents();

struct UeventSummary {
  bool ports = false;  // a virtio-console port came, went or got its name
  bool memory = false; // a memory block came, went or changed its state
};

// Whether a NUL-separated event is about ports or memory.
[[nodiscard]] UeventSummary classify_uevent(std::string_view event);

// Reads all events that wait. Where some were lost, both are assumed.
[[nodiscard]] UeventSummary drain_uevents(int fd);

} // namespace sporehost::agent
