// A file without a name: memory that can be handed to another process, or mapped more than once.
#pragma once

#include "core/base/unique_fd.hpp"

namespace sporehost {

// Empty, and not inherited by programs that are started. `name` is for people who look at the process. No descriptor:
// errno says why. [any]
[[nodiscard]] UniqueFd make_anonymous_file(const char* name);

namespace portable {
[[nodiscard]] UniqueFd make_anonymous_file(const char* name); // in the folder for temporary files
} // namespace portable

} // namespace sporehost
