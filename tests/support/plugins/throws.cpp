// A plugin without the wrapper's thunks whose functions throw: what SDK-7 forbids.
#include <sporehost/memory_policy.h>

#include <stdexcept>

namespace {

spore_status create(const spore_host*, spore_string, spore_object*, spore_error*) {
  throw std::runtime_error("out of the plugin");
}

constexpr spore_factory factory{sizeof(spore_factory), SPORE_KIND_MEMORY_POLICY, FIXTURE_ID,
                                "throws in create",    R"({"type":"object"})",   &create};
constexpr const spore_factory* factories[] = {&factory};
constexpr spore_plugin plugin{SPORE_PLUGIN_MAGIC, sizeof(spore_plugin),
                              SPORE_ABI_MAJOR,    SPORE_ABI_MINOR,
                              SPORE_ARCH_NATIVE,  1,
                              FIXTURE_ID,         "1.0.0",
                              factories};

} // namespace

extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) {
#ifdef FAULT_ENTRY_THROWS
  throw 42;
#endif
  return &plugin;
}
