#include "plugins/kvm/probe.hpp"

#include <linux/kvm.h>
#include <unistd.h>
#include <sporehost/plugin.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/device.hpp"
#include "plugins/kvm/speed.hpp"

namespace kvm {
namespace {

// A stock kernel takes some 1000 million instructions to its init: below this rate that is a minute and more.
constexpr uint64_t kLinuxInstructionsPerSecond = 20'000'000;
constexpr double kMillion = 1e6;

std::string millions(uint64_t count) {
  char text[32];
  const double value = static_cast<double>(count) / kMillion;
  std::snprintf(text, sizeof text, value < 10 ? "%.1f million" : "%.0f million", value);
  return text;
}

std::string speed_words(const Speed& speed) {
  char text[128];
  std::snprintf(text, sizeof text, "%s instructions a second, an exit takes %.1f us",
                millions(speed.instructions_per_second).c_str(), static_cast<double>(speed.exit_ns) / 1000);
  return text;
}

std::string summarize(const Device& device, const std::optional<Speed>& speed, const arch::Hardware& hardware,
                      bool fit) {
  std::string text = "KVM API " + std::to_string(kApiVersion) + " at " + device.path();
  if (fit) {
    text += ": " + std::string(hardware.words);
    if (speed) text += "; " + speed_words(*speed);
    return text;
  }
  if (speed) {
    text += ", but it emulates every instruction (" + speed_words(*speed) +
            "; a Linux boot needs about 1000 million instructions): ";
  } else {
    text += ", but it most likely emulates every instruction (not measured): ";
  }
  text += "usable for small guests only, as " + std::string(hardware.words) +
          "; run on a machine with hardware virtualization, or in the nested harness (scripts/nested)";
  return text;
}

uint64_t capabilities_of(const Device& device) {
  uint64_t found = SPORE_CAN_GROW | SPORE_CAN_IRQCHIP | SPORE_CAN_LEVEL; // without these no VM is made at all
  if (device.extension(KVM_CAP_READONLY_MEM) > 0) found |= SPORE_CAN_READ_ONLY;
  if (device.extension(KVM_CAP_IOEVENTFD) > 0) found |= SPORE_CAN_DOORBELL;
  return found;
}

} // namespace

void probe(const Hypervisor& hypervisor, bool measure, spore_probe& out) {
  const Device& device = hypervisor.device;
  std::optional<Speed> speed;
  if (measure) {
    auto measured = measure_speed(device);
    if (!measured) return spore::put(out.summary, device.path() + " runs no guest: " + measured.error().text);
    speed = *measured;
  }
  const arch::Hardware hardware = arch::hardware();
  const bool fit = speed ? speed->instructions_per_second >= kLinuxInstructionsPerSecond : hardware.virtualizes;
  out.usable = 1;
  out.fit_for_linux = fit ? 1 : 0;
  out.vcpus_max = std::min(device.vcpus_max(), arch::kVcpusMax);
  out.instructions_per_second = speed ? speed->instructions_per_second : 0;
  out.capabilities = capabilities_of(device);
  out.page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  out.memory_slots_max = device.memory_slots_max();
  out.guest_address_bits = arch::guest_address_bits(*hypervisor.offer);
  spore::put(out.summary, summarize(device, speed, hardware, fit));
}

} // namespace kvm
