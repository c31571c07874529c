// What KVM is like on this machine, in words and figures.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/result.hpp>

#include <string>

namespace kvm {

// As `probe` of backend.h. [main]
spore::Result<void> probe(const std::string& device_path, bool measure, spore_probe& out);

} // namespace kvm
