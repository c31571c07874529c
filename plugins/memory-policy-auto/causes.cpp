#include "causes.hpp"

#include "slots.hpp"

#include <vector>

namespace memory_policy {
namespace {

// Where something custom was named, as the user knows it; `noun` is "kernel" or "initrd".
std::string custom(const std::string& noun, uint32_t origin) {
  std::string text = "the " + noun + " is custom";
  switch (origin) {
    case SPORE_ORIGIN_CUSTOM_CONFIG:
      return text + " (`" + noun + "` in the machine description)";
    case SPORE_ORIGIN_CUSTOM_OPTION:
      return text + " (--" + noun + ")";
    case SPORE_ORIGIN_CUSTOM_ENVIRONMENT:
      return text + (noun == "kernel" ? " (SPOREVM_KERNEL_IMAGE)" : " (from the environment)");
    default:
      return text;
  }
}

// The run is not a fresh managed one: what it starts from may never have heard of hotplug.
std::vector<std::string> not_managed(const spore_memory_facts& facts) {
  std::vector<std::string> causes;
  if (facts.kernel_origin == SPORE_ORIGIN_NONE) {
    causes.emplace_back("there is no managed kernel");
  } else if (facts.kernel_origin != SPORE_ORIGIN_MANAGED) {
    causes.push_back(custom("kernel", facts.kernel_origin));
  }
  if (facts.initrd_origin == SPORE_ORIGIN_NONE) {
    causes.emplace_back("there is no managed initrd");
  } else if (facts.initrd_origin != SPORE_ORIGIN_MANAGED) {
    causes.push_back(custom("initrd", facts.initrd_origin));
  }
  if (facts.capture != 0) causes.emplace_back("the machine is captured");
  if (facts.resume != 0) causes.emplace_back("the machine resumes from a capture");
  return causes;
}

// The run is managed and yet would stay at its boot memory.
std::vector<std::string> cannot_grow(const spore_memory_facts& facts) {
  std::vector<std::string> causes;
  if (facts.kernel_can_grow == 0) {
    causes.emplace_back("the kernel's configuration is not verified for virtio-mem and automatic onlining");
  }
  if (facts.backend_can_grow == 0) causes.emplace_back("the backend cannot map memory at run time");
  if (!can_slot(facts)) causes.emplace_back("the backend has no memory slot left for a region");
  if (facts.device_present == 0) causes.emplace_back("the machine has no virtio-mem device");
  return causes;
}

std::string join(const std::vector<std::string>& causes) {
  std::string text;
  for (size_t i = 0; i < causes.size(); ++i) {
    if (i != 0) text += i + 1 == causes.size() ? " and " : ", ";
    text += causes[i];
  }
  return text;
}

} // namespace

std::string why_fixed(const spore_memory_facts& facts) {
  if (const auto causes = not_managed(facts); !causes.empty()) {
    return join(causes) + ", so nothing may depend on hotplug";
  }
  if (const auto causes = cannot_grow(facts); !causes.empty()) return join(causes) + ", so the guest could not grow";
  return {};
}

} // namespace memory_policy
