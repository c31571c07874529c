#include "console.hpp"

SPOREHOST_PLUGIN("virtio-console", "1.0.0", console::Console)
