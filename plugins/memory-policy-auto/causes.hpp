// Why a machine must not depend on hotplug, in words.
#pragma once

#include <sporehost/memory_policy.h>

#include <string>

namespace memory_policy {

// Empty when the run is fresh and managed and everything in it can grow. Else the causes and what follows from them:
// "the kernel is custom (--kernel), so nothing may depend on hotplug".
std::string why_fixed(const spore_memory_facts& facts);

} // namespace memory_policy
