#include "core/kernel/supplier.hpp"

#include <spdlog/spdlog.h>

#include "core/system/program.hpp"

namespace sporehost::kernel {

using spore::fail;
using spore::Result;

namespace {

constexpr std::chrono::seconds kStopGrace{8}; // more than the scripts have that it waits for

spore::Error no_answer(const std::string& program, const ProgramEnd& end) {
  if (end.signal != 0) // by a signal that was not ours to pass on: a defect, or a host without memory
    return fail(SPORE_E_INTERNAL, "'" + program + "' was ended by " + end.how() +
                                      " before it had a kernel; what it has fetched is kept, so try again");
  return fail(SPORE_E_INTERNAL, "'" + program + "' ended with " + end.how() +
                                    (end.output.empty() ? " without an answer" : " with an answer of another kind") +
                                    "; it may be of another version: install sporehost anew");
}

} // namespace

Result<SupplyAnswer> ask_supplier(const SupplyCall& call) {
  const std::filesystem::path& program = call.settings.supplier;
  if (program.empty())
    return fail(SPORE_E_NOT_FOUND,
                "no managed kernel is ready in the cache, and sporehost-kernel, which gets one, is neither beside the "
                "program nor in libexec/sporehost; install sporehost anew");
  spdlog::debug("managed kernel: none is ready in the cache; asking {}", program.string());
  SPORE_TRY(const ProgramEnd end, run_program({.program = program,
                                               .arguments = call_to_words(call),
                                               .environment = {},
                                               .bond = Bond::part,
                                               .stop_grace = kStopGrace,
                                               .most_output = kMostAnswer}));
  if (auto answer = answer_from_json(end.output, call.settings)) return std::move(*answer);
  return no_answer(program.string(), end);
}

} // namespace sporehost::kernel
