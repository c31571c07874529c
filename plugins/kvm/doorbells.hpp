// Doorbells: guest writes that KVM turns into an eventfd signal by itself.
// Linux: Documentation/virt/kvm/api.rst, section 4.59 (KVM_IOEVENTFD).
#pragma once

#include <sporehost/backend.h>
#include <sporehost/result.hpp>

namespace kvm {

// As add_doorbell and remove_doorbell of backend.h. [any] `vm_fd` is borrowed.
spore::Result<void> add_doorbell(int vm_fd, const spore_doorbell& doorbell);
spore::Result<void> remove_doorbell(int vm_fd, const spore_doorbell& doorbell);

} // namespace kvm
