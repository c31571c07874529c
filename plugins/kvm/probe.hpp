// What KVM is like on this machine, in words and figures.
#pragma once

#include <sporehost/backend.h>

#include "plugins/kvm/hypervisor.hpp"

namespace kvm {

// As `probe` of backend.h, for a KVM that can be opened. [main]
void probe(const Hypervisor& hypervisor, bool measure, spore_probe& out);

} // namespace kvm
