// A plugin without the wrapper's thunks whose functions throw: what SDK-7 forbids.
#include <sporehost/memory_policy.h>

#include <stdexcept>

namespace {

spore_status create(const spore_host*, spore_string, spore_object*, spore_error*) {
  throw std::runtime_error("out of the plugin");
}

constexpr spore_factory factory{.size = sizeof(spore_factory),
                                .kind = SPORE_KIND_MEMORY_POLICY,
                                .id = SPORE_STRING(FIXTURE_ID),
                                .summary = SPORE_STRING("throws in create"),
                                .options_schema = SPORE_STRING(R"({"type":"object"})"),
                                .uses = nullptr,
                                .uses_count = 0,
                                .reserved = 0,
                                .create = &create};
constexpr const spore_factory* factories[] = {&factory};
constexpr spore_plugin plugin{.magic = SPORE_PLUGIN_MAGIC,
                              .size = sizeof(spore_plugin),
                              .abi_major = SPORE_ABI_MAJOR,
                              .abi_minor = SPORE_ABI_MINOR,
                              .arch = SPORE_ARCH_NATIVE,
                              .factory_count = 1,
                              .id = SPORE_STRING(FIXTURE_ID),
                              .version = SPORE_STRING("1.0.0"),
                              .factories = factories};

} // namespace

extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) {
#ifdef FAULT_ENTRY_THROWS
  throw 42;
#endif
  return &plugin;
}
