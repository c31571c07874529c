#include "guest/agent/channel.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "guest/agent/boot.hpp"

namespace sporehost::agent {
namespace {

constexpr int kPortUsuallyMs = 2'000; // from device to port: a few exits, much longer on an emulated processor
constexpr int kNoDeviceMs = 3'000;
constexpr int kNoPortMs = 28'000;
constexpr std::string_view kConsoleId = "0x0003"; // Virtio 1.2, section 5: device ID

// Calls `visit` with each name in a folder; nothing where there is no such folder.
template <typename Visit>
void for_each_name(const std::string& folder, Visit&& visit) {
  DIR* open = opendir(folder.c_str());
  if (open == nullptr) return;
  while (const dirent* entry = readdir(open))
    if (entry->d_name[0] != '.') visit(std::string(entry->d_name));
  closedir(open);
}

std::string first_word(const std::string& path) {
  std::string text = read_text(path, 256);
  return text.substr(0, text.find_first_of(" \n"));
}

bool write_to(const std::string& path, const std::string& line) {
  const UniqueFd fd{open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  return fd && write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

} // namespace

ChannelParts look_for_parts(const std::string& sys) {
  ChannelParts parts;
  const std::string devices = sys + "/bus/virtio/devices/";
  for_each_name(devices, [&](const std::string& name) {
    ++parts.devices;
    if (first_word(devices + name + "/device") != kConsoleId) return;
    parts.console = true;
    if (access((devices + name + "/driver").c_str(), F_OK) == 0) parts.driver = true;
  });
  const std::string ports = sys + "/class/virtio-ports/";
  for_each_name(ports, [&](const std::string& name) {
    const std::string port = first_word(ports + name + "/name");
    if (!port.empty()) parts.other_ports += (parts.other_ports.empty() ? "" : " ") + port;
  });
  return parts;
}

std::string why_no_channel(const ChannelParts& parts) {
  if (parts.devices == 0)
    return "the kernel has found no virtio device at all: it lacks the drivers (virtio_mmio), or was not told of the "
           "devices in a way that it knows (ACPI, virtio_mmio.device= on its command line, device tree)";
  if (!parts.console)
    return "none of the " + std::to_string(parts.devices) +
           " virtio devices is a virtio-console; the machine needs one (`devices`)";
  if (!parts.driver) return "the virtio-console has no driver; the kernel or the initrd must have it";
  if (!parts.other_ports.empty())
    return std::string("the virtio-console has other ports only (") + parts.other_ports + ")";
  return "the virtio-console does not show its ports; does the guest get its interrupts (noapic, nolapic, nosmp)?";
}

void tell_everywhere(std::string_view text) {
  const std::string line = "sporehost-agent: " + std::string(text) + "\n";
  // Level 2 gets through where `quiet` is on the command line.
  if (!write_to("/dev/kmsg", "<2>" + line)) write_to("/dev/console", line);
  const std::string active = " " + read_text("/sys/class/tty/console/active", 256) + " ";
  for (const std::string name : {"hvc0", "ttyS0", "ttyAMA0"}) {
    const size_t at = active.find(name);
    const bool seen =
        at != std::string::npos && std::string_view(" \n").find(active[at + name.size()]) != std::string_view::npos;
    if (!seen) write_to("/dev/" + name, line);
  }
}

UniqueFd find_channel(int uevents) {
  UniqueFd port = open_port(guest::kPortName, uevents, 0);
  if (port) return port;
  ChannelParts parts = look_for_parts();
  if (parts.driver) {
    port = open_port(guest::kPortName, uevents, kPortUsuallyMs);
    if (port) return port;
    parts = look_for_parts();
  }
  const int patience = parts.driver ? kNoPortMs : kNoDeviceMs;
  tell_everywhere("no guest channel: " + why_no_channel(parts) + ". Waiting " + std::to_string(patience / 1000) +
                  " s for it.");
  port = open_port(guest::kPortName, uevents, patience);
  if (!port)
    tell_everywhere("no guest channel, so the workload cannot run: " + why_no_channel(look_for_parts()) +
                    ". Powering off.");
  return port;
}

} // namespace sporehost::agent
