#include "core/kernel/supplier.hpp"

#include <spdlog/spdlog.h>

#include "core/system/program.hpp"

namespace sporehost::kernel {

using spore::fail;
using spore::Result;

namespace {

constexpr std::chrono::seconds kStopGrace{8}; // more than the scripts have that it waits for

std::string how_it_ended(int status) {
  return status > 128 ? "ended by signal " + std::to_string(status - 128)
                      : "ended with status " + std::to_string(status);
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
  return fail(SPORE_E_INTERNAL, "'" + program.string() + "' " + how_it_ended(end.status) +
                                    (end.output.empty() ? " without an answer" : " with an answer of another kind") +
                                    "; it may be of another version: install sporehost anew");
}

} // namespace sporehost::kernel
