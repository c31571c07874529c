// Digests of files, computed once for as long as the file does not change.
//
// Hashing Debian's 60 MB vmlinux costs a start about 0.3 s. A stamp remembers the digest together with device, inode,
// size, mtime and ctime. Whoever changes a file's content changes its ctime, and nobody can set ctime back short of
// changing the system's clock, so an unchanged stamp means unchanged bytes. As the clock of ctime is coarse, a file
// that was changed within the last two seconds gets no stamp. Stamps guard against damage and confusion, as the digests
// beside the kernel do; somebody who may write both could forge both.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <string>

namespace sporehost::kernel {

// The file's digest, from a stamp in the folder `stamps` or computed; leaves a stamp where that folder can be written.
// Errors: those of sha256_file. [main]
[[nodiscard]] spore::Result<std::string> stamped_sha256(const std::filesystem::path& file,
                                                        const std::filesystem::path& stamps);

} // namespace sporehost::kernel
