#include "guest/agent/boot.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "guest/agent/clock.hpp"
#include "guest/agent/uevents.hpp"

namespace sporehost::agent {
namespace {

struct Mount {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* options;
  mode_t mode;
};

void mount_one(const Mount& entry) {
  mkdir(entry.target, entry.mode);
  if (mount(entry.type, entry.target, entry.type, entry.flags, entry.options) == 0 || errno == EBUSY) return;
  console(std::string("cannot mount ") + entry.type + " on " + entry.target + ": " + std::strerror(errno));
}

// The device node of the port called `name`, or empty.
std::string find_port(std::string_view name) {
  static constexpr char kClass[] = "/sys/class/virtio-ports";
  DIR* folder = opendir(kClass);
  if (folder == nullptr) return {};
  std::string found;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    std::string text = read_text(std::string(kClass) + "/" + entry->d_name + "/name", 256);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    if (text == name) found = std::string("/dev/") + entry->d_name;
  }
  closedir(folder);
  return found;
}

} // namespace

void console(std::string_view text) {
  const UniqueFd fd{open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  if (!fd) return;
  const std::string line = "sporehost-agent: " + std::string(text) + "\n";
  // A console that takes nothing is no reason to wait.
  if (write(fd.get(), line.data(), line.size()) < 0) return;
}

void set_up_standard_streams() {
  int fd = open("/dev/console", O_RDWR | O_NOCTTY);
  if (fd < 0) fd = open("/dev/null", O_RDWR);
  if (fd < 0) return;
  for (int target = 0; target <= 2; ++target) {
    if (fd != target) dup2(fd, target);
  }
  if (fd > 2) close(fd);
}

void mount_first() {
  mount_one({"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", 0755});
  mount_one({"sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr, 0555});
}

void mount_rest() {
  mount_one({"proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr, 0555});
  mount_one({"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666", 0755});
  mount_one({"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", 01777});
  mount_one({"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", 01777});
  mount_one({"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", 0755});
  // Names that programs expect in /dev; devtmpfs does not make them.
  (void)!symlink("/proc/self/fd", "/dev/fd");
  (void)!symlink("/proc/self/fd/0", "/dev/stdin");
  (void)!symlink("/proc/self/fd/1", "/dev/stdout");
  (void)!symlink("/proc/self/fd/2", "/dev/stderr");
}

UniqueFd open_port(std::string_view name, int uevents, int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  for (;;) {
    if (const std::string node = find_port(name); !node.empty()) {
      UniqueFd fd{open(node.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
      if (fd) return fd;
    }
    const std::int64_t left = deadline - now_ms();
    if (left <= 0) return {};
    // The node may follow its event by a moment, hence never a wait without end.
    pollfd event{uevents, POLLIN, 0};
    const std::int64_t step = uevents >= 0 ? 250 : 5;
    if (poll(&event, uevents >= 0 ? 1 : 0, static_cast<int>(left < step ? left : step)) > 0) {
      (void)drain_uevents(uevents);
    }
  }
}

bool enable_auto_online() {
  static constexpr char kPath[] = "/sys/devices/system/memory/auto_online_blocks";
  if (!read_text(kPath, 64).starts_with("offline")) return false;
  const UniqueFd fd{open(kPath, O_WRONLY | O_CLOEXEC)};
  return fd && write(fd.get(), "online", 6) == 6;
}

std::string read_text(const std::string& path, std::size_t limit) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  if (!fd) return text;
  char piece[1024];
  while (text.size() < limit) {
    const ssize_t count = read(fd.get(), piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(piece, static_cast<std::size_t>(count));
  }
  if (text.size() > limit) text.resize(limit);
  return text;
}

guest::PowerOff choose_power_off(guest::PowerOff asked) {
  if (asked != guest::PowerOff::kAuto) return asked;
#if defined(__x86_64__) || defined(__i386__)
  if (access("/sys/firmware/acpi/tables", F_OK) != 0) return guest::PowerOff::kReset;
#endif
  return guest::PowerOff::kOff;
}

void end_machine(guest::PowerOff how) {
  if (how == guest::PowerOff::kOff) reboot(RB_POWER_OFF);
  if (how != guest::PowerOff::kHalt) reboot(RB_AUTOBOOT);
  reboot(RB_HALT_SYSTEM);
  for (;;) pause();
}

} // namespace sporehost::agent
