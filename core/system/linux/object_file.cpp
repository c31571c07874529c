#include "core/system/object_file.hpp"

namespace sporehost {

std::optional<ObjectFault> check_object_file(int fd, uint64_t bytes) {
  return check_elf_object(fd, bytes);
}

} // namespace sporehost
