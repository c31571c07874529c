#include "core/system/notifier.hpp"

#include <sys/eventfd.h>

namespace sporehost {

std::optional<Notifier> make_notifier() {
  UniqueFd both(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!both) return std::nullopt;
  return Notifier(std::move(both));
}

} // namespace sporehost
