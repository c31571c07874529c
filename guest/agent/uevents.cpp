#include "guest/agent/uevents.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace sporehost::agent {

UniqueFd open_uevents() {
  UniqueFd fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
  if (!fd) return fd;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1; // the kernel's own events
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

UeventSummary classify_uevent(std::string_view event) {
  UeventSummary summary;
  while (!event.empty()) {
    const auto end = event.find('\0');
    const std::string_view field = event.substr(0, end);
    event = end == std::string_view::npos ? std::string_view{} : event.substr(end + 1);
    if (field == "SUBSYSTEM=memory") summary.memory = true;
    if (field == "SUBSYSTEM=virtio-ports") summary.ports = true;
  }
  return summary;
}

UeventSummary drain_uevents(int fd) {
  UeventSummary all;
  char event[4096];
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t count = recvfrom(fd, event, sizeof event, 0, reinterpret_cast<sockaddr*>(&sender), &length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == ENOBUFS) {
      all = {true, true};
      continue;
    }
    if (count <= 0) return all;
    if (sender.nl_pid != 0) continue; // only the kernel is believed
    const UeventSummary one = classify_uevent({event, static_cast<std::size_t>(count)});
    all.ports |= one.ports;
    all.memory |= one.memory;
  }
}

} // namespace sporehost::agent
