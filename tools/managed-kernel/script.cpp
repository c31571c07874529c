#include "tools/managed-kernel/script.hpp"

namespace sporehost::kernel::supply {

spore::Result<ProgramEnd> run_script(const std::filesystem::path& script, const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& environment) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(script, ignored))
    return spore::fail(SPORE_E_NOT_FOUND,
                       "the script '" + script.string() + "' is not here; it comes with the source tree");
  return run_program({.program = script, .arguments = arguments, .environment = environment});
}

} // namespace sporehost::kernel::supply
