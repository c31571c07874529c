// virtio-mem as a plugin: what docs/sdk.md shows as the example of a device.
#include "device.hpp"

SPOREHOST_PLUGIN("virtio-mem", "1.0.0", virtio_mem::VirtioMem)
