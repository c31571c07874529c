// The device's YAML options.
#pragma once

#include <sporehost/plugin.hpp>

namespace virtio_mem {

constexpr std::string_view kOptionsSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "node-id": {
      "type": "integer", "minimum": 0, "maximum": 65535,
      "description": "ACPI proximity domain of the memory. Offers VIRTIO_MEM_F_ACPI_PXM; without it the guest decides."
    },
    "unplugged-inaccessible": {
      "type": "boolean", "default": true,
      "description": "Refuse drivers that may read unplugged memory (VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE; Linux has it since 5.17). With false such a driver may read the usable region, which can cost the host memory."
    },
    "persistent-suspend": {
      "type": "boolean", "default": false,
      "description": "Offer VIRTIO_MEM_F_PERSISTENT_SUSPEND: plugged memory keeps its content while the guest is suspended. Only true where the machine keeps guest memory over suspend."
    },
    "memory-block": {
      "type": ["string", "integer"], "format": "size", "default": "128MiB",
      "description": "Granularity in which the guest adds memory; the usable region ends on a multiple of it. 128MiB for Linux on x86-64 and on arm64 with 4 KiB pages, 512MiB on arm64 with 64 KiB pages."
    }
  }
})";

struct Options {
  std::optional<uint16_t> node_id;
  bool unplugged_inaccessible = true;
  bool persistent_suspend = false;
  uint64_t memory_block = uint64_t{128} << 20;
};

spore::Result<Options> read_options(std::string_view json);

} // namespace virtio_mem
