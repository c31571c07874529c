// Which kernel modules an initrd carries.
#pragma once

#include <sporehost/result.hpp>

#include <set>
#include <string>

#include "core/loader/bytes.hpp"

namespace sporehost::kernel {

// The names of the files *.ko, *.ko.xz, *.ko.gz and *.ko.zst under lib/modules in a "newc" cpio archive, as the kernel
// spells modules: without suffix, '-' written '_'. Only the headers are looked at, so a mapped file is read in few
// places. Errors: SPORE_E_INVALID for what is not an uncompressed newc archive, or is cut off. [any]
[[nodiscard]] spore::Result<std::set<std::string>> list_initrd_modules(loader::Bytes archive);

// The same for a file. Errors: those of ImageFile::open, and the above with the path.
[[nodiscard]] spore::Result<std::set<std::string>> load_initrd_modules(const std::string& path);

} // namespace sporehost::kernel
