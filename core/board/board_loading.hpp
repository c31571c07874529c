// What every board does alike when it puts kernel and initrd into guest memory.
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/arch/guest_writer.hpp"
#include "core/board/board.hpp"
#include "core/loader/kernel_image.hpp"
#include "core/memory/guest_memory.hpp"

namespace sporehost {

class MemoryWriter final : public arch::GuestWriter {
 public:
  explicit MemoryWriter(GuestMemory& memory) : memory_(memory) {}
  spore::Result<void> write(uint64_t gpa, std::span<const uint8_t> bytes) override;

 private:
  GuestMemory& memory_;
};

// Puts the kernel's segments where they belong. [main], before the guest runs. Whole pages of an uncompressed kernel
// come straight from the page cache, shared by all machines that run it, where the file is the project's own; what is
// left of the last page is copied, since the file has something else behind it. Of a user's file all is copied.
[[nodiscard]] spore::Result<void> load_segments(GuestMemory& memory, const loader::KernelImage& kernel);

// Puts the initrd as high as it may be below `top`; gives its place, empty where there is no initrd. [main] It is
// mapped where it is the project's own file, else read: a guest hands the pages of its initrd to anybody once it has
// booted, and pages that follow a file would change under whoever got them.
[[nodiscard]] spore::Result<GpaRange> load_initrd(GuestMemory& memory, const loader::KernelImage& kernel,
                                                  const BootRequest& request, uint64_t top);

} // namespace sporehost
