// Runs one of the project's scripts.
#pragma once

#include "core/system/program.hpp"

namespace sporehost::kernel::supply {

// Errors: SPORE_E_NOT_FOUND no such script; those of run_program. [main]
[[nodiscard]] spore::Result<ProgramEnd> run_script(const std::filesystem::path& script,
                                                   const std::vector<std::string>& arguments,
                                                   const std::vector<std::string>& environment = {});

} // namespace sporehost::kernel::supply
