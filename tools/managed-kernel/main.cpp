// sporehost-kernel: gets managed kernels for sporehost, which starts it where none is ready (core/kernel/supplier.hpp).
//
// Its command line is a call and its standard output one answer (core/kernel/supply_wire.hpp); what people may want to
// see goes to standard error. It ends when sporehost does.
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "core/kernel/supply_wire.hpp"
#include "core/system/non_blocking_writer.hpp"
#include "core/system/program.hpp"
#include "tools/managed-kernel/supply.hpp"

using namespace sporehost;

namespace {

constexpr int kSupplied = 0, kRefused = 1, kNoCall = 2;

spore::Result<kernel::SupplyAnswer> answer(const kernel::SupplyCall& call) {
  kernel::supply::HttpOptions http;
  http.ca_file = call.settings.ca_file;
  TerminalProgress progress(STDERR_FILENO);
  SPORE_TRY(kernel::supply::Supplied supplied,
            kernel::supply::supply_kernel(call.settings, http, call.digests, progress));
  return kernel::SupplyAnswer{supplied.source, supplied.key, supplied.kernel.notes};
}

} // namespace

int main(int argc, char** argv) {
  const auto call = kernel::call_from_words({argv + 1, argv + argc});
  if (!call) {
    std::fprintf(stderr,
                 "sporehost-kernel: this is a part of sporehost, which starts it with words of its own; `sporehost "
                 "kernel resolve` gets a kernel. Where sporehost started it, the two are of different versions: "
                 "install sporehost anew\n");
    return kNoCall;
  }
  ::signal(SIGPIPE, SIG_IGN); // nobody need see the progress
  end_with_parent();
  const auto answered = answer(*call);
  const std::string text = kernel::answer_to_json(answered) + "\n";
  if (!write_within(STDOUT_FILENO, text, Patience(std::chrono::seconds(60)))) return kRefused;
  return answered ? kSupplied : kRefused;
}
