// The C tables of the device's optional interfaces; `self` is the object that the factory gave.
#pragma once

#include <sporehost/device.h>

namespace virtio_mem {

extern const spore_resizable_memory kResizableMemory;
extern const spore_saved_state kSavedState;

} // namespace virtio_mem
