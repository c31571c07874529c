// A kernel, initrd or other image, mapped from its file instead of read.
//
// The mapping is private and read-only: machines that boot the same file share its pages in the page cache, and nothing
// is copied before it is needed. The descriptor stays open so that guest memory may map parts of the file itself.
// Whoever shortens the file while it is mapped makes a later access fault; images are replaced by renaming.
//
// Owns the descriptor and the mapping; movable, and spans into it stay valid across a move. [any]
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/base/mapping.hpp"
#include "core/base/unique_fd.hpp"
#include "core/loader/bytes.hpp"

namespace sporehost::loader {

class ImageFile {
 public:
  ImageFile() = default;

  // Maps the regular file at `path`. `role` is the noun for messages: "kernel", "initrd".
  // Errors: SPORE_E_NOT_FOUND missing, SPORE_E_PERMISSION unreadable, SPORE_E_INVALID a directory, device, or empty
  // file, SPORE_E_IO anything else; each text begins with the role and the path.
  [[nodiscard]] static spore::Result<ImageFile> open(const std::string& path, const std::string& role);

  [[nodiscard]] Bytes bytes() const { return {mapping_.data(), mapping_.size()}; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // "kernel '/x/vmlinuz'", to put before a reader's message.
  [[nodiscard]] const std::string& name() const { return name_; }

  // Where `part` begins in the file, or nothing when it does not lie in this mapping.
  [[nodiscard]] std::optional<uint64_t> offset_of(Bytes part) const;

 private:
  std::string path_;
  std::string name_;
  UniqueFd fd_;
  Mapping mapping_;
};

} // namespace sporehost::loader
