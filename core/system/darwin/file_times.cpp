#include "core/system/file_times.hpp"

namespace sporehost {

timespec modified_at(const struct stat& file) {
  return file.st_mtimespec;
}

timespec status_changed_at(const struct stat& file) {
  return file.st_ctimespec;
}

} // namespace sporehost
