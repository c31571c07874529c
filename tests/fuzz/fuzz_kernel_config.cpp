// links: spore_kernel
// A configuration, the list of required symbols and the names in an initrd, from any bytes: the first byte says which.
#include <cstdlib>
#include <string>

#include "core/kernel/initrd_modules.hpp"
#include "core/kernel/required_symbols.hpp"

using namespace sporehost::kernel;

namespace {

void check_config(std::string_view text) {
  const KernelConfig config = KernelConfig::parse(text);
  for (const char* arch : {"x86_64", "arm64"}) {
    const Verdict strict = check_symbols(config, required_symbols(), {arch, {}, false});
    const Verdict lenient = check_symbols(config, required_symbols(), {arch, {"virtio_mem"}, true});
    // What surrounds a kernel can only help it, and nothing is accepted that was not said.
    if (lenient.problems.size() > strict.problems.size() || !strict.stand_ins.empty()) std::abort();
    if (config.empty() && strict.problems.empty()) std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] == 'l') {
    const auto list = parse_required_symbols(text);
    if (list.ok() && list->empty()) std::abort();
  } else if (data[0] == 'i') {
    const auto modules = list_initrd_modules({data + 1, size - 1});
    if (modules.ok() && modules->contains("")) return 0; // "lib/modules/.ko": odd, and harmless
  } else {
    check_config(text);
  }
  return 0;
}
