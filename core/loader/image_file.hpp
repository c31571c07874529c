// A kernel, initrd or other image.
//
// One of the project's own files is mapped: private and read-only, so that machines that boot the same file share its
// pages in the page cache, and nothing is copied before it is needed. The descriptor stays open so that guest memory
// may map parts of the file itself. Such files are only ever replaced by renaming.
//
// A file that somebody else may write to is read: pages that follow the file would change a kernel that has been looked
// at, and fault where the file was shortened.
//
// Owns the descriptor and the mapping; movable, and spans into it stay valid across a move. [any]
#pragma once

#include <sys/stat.h>
#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/base/mapping.hpp"
#include "core/base/unique_fd.hpp"
#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// Who may write to a file while it is in use.
enum class FileOwner {
  project, // nobody: it is mapped
  anybody  // its content is taken once, when it is opened
};

class ImageFile {
 public:
  ImageFile() = default;

  // Maps or reads the regular file at `path`. `role` is the noun for messages: "kernel", "initrd".
  // Errors: SPORE_E_NOT_FOUND missing, SPORE_E_PERMISSION unreadable, SPORE_E_INVALID a directory, device, or empty
  // file, SPORE_E_IO anything else, a file that changes while it is read among it; each text begins with the role and
  // the path.
  [[nodiscard]] static spore::Result<ImageFile> open(const std::string& path, const std::string& role,
                                                     FileOwner owner = FileOwner::project);

  [[nodiscard]] Bytes bytes() const { return {mapping_.data(), mapping_.size()}; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // SPORE_E_IO when the file has been written to since it was opened; for who reads it by its descriptor.
  [[nodiscard]] spore::Result<void> check_unchanged() const;

  // "kernel '/x/vmlinuz'", to put before a reader's message.
  [[nodiscard]] const std::string& name() const { return name_; }

  // Where `part` begins in the mapped file; nothing when it does not lie there, or the file was read.
  [[nodiscard]] std::optional<uint64_t> offset_of(Bytes part) const;

 private:
  [[nodiscard]] spore::Result<void> map_whole();
  [[nodiscard]] spore::Result<void> read_whole();

  std::string path_;
  std::string name_;
  UniqueFd fd_;
  struct stat opened_ {};
  bool mapped_ = false; // else `mapping_` holds a copy
  Mapping mapping_;
};

} // namespace sporehost::loader
