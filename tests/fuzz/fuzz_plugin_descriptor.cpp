// links: spore_plugin_loader
//
// A descriptor made of the input: its numbers as they come, its pointers into the input, to nowhere, or NULL. Reading
// it must end in a descriptor that keeps the rules or in a reason, and never in a fault.
#include "core/config/words.hpp"
#include "core/plugin/descriptor.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

// The input, from which numbers and texts are taken.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : text_(reinterpret_cast<const char*>(data), size) {}

  template <typename T>
  T number(T usual) {
    if (at_ >= text_.size() || text_[at_++] != 'n') return usual;
    T value{};
    const size_t bytes = std::min(sizeof value, text_.size() - at_);
    std::memcpy(&value, text_.data() + at_, bytes);
    at_ += bytes;
    return value;
  }
  const char* pointer(const char* usual) {
    if (at_ >= text_.size()) return usual;
    switch (text_[at_++]) {
      case 'z':
        return nullptr;
      case 'w':
        // Wild on purpose.
        return reinterpret_cast<const char*>(number<uintptr_t>(16)); // NOLINT(performance-no-int-to-ptr)
      case 't':
        return text_.c_str() + at_;
      default:
        return usual;
    }
  }

  // A text that is as long as it says, or says anything.
  spore_string text(const char* usual) {
    const char* data = pointer(usual);
    return {data, number<uint64_t>(data == usual ? std::strlen(usual) : text_.size() - at_)};
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

spore_status make(const spore_host*, spore_string, spore_object*, spore_error*) {
  return SPORE_E_UNSUPPORTED;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  std::vector<spore_factory> factories(4);
  std::vector<spore_string> uses;
  uses.reserve(factories.size());
  std::vector<const spore_factory*> pointers;
  for (spore_factory& factory : factories) {
    factory.size = in.number<uint32_t>(sizeof(spore_factory));
    factory.kind = in.number<uint32_t>(SPORE_KIND_IO_DEVICE);
    factory.id = in.text("beeper");
    factory.summary = in.text("beeps");
    factory.options_schema = in.text(R"({"type":"object"})");
    factory.uses_count = in.number<uint32_t>(0);
    uses.push_back(in.text("sporehost.streams/1"));
    factory.uses = reinterpret_cast<const spore_string*>(in.pointer(reinterpret_cast<const char*>(&uses.back())));
    factory.reserved = in.number<uint32_t>(0);
    factory.create = &make;
    pointers.push_back(reinterpret_cast<const spore_factory*>(in.pointer(reinterpret_cast<const char*>(&factory))));
  }
  spore_plugin plugin{};
  plugin.magic = in.number<uint64_t>(SPORE_PLUGIN_MAGIC);
  plugin.size = in.number<uint32_t>(sizeof(spore_plugin));
  plugin.abi_major = in.number<uint16_t>(SPORE_ABI_MAJOR);
  plugin.abi_minor = in.number<uint16_t>(SPORE_ABI_MINOR);
  plugin.arch = in.number<uint32_t>(SPORE_ARCH_NATIVE);
  plugin.factory_count = in.number<uint32_t>(1);
  plugin.id = in.text("beeper");
  plugin.version = in.text("1.0");
  plugin.factories =
      reinterpret_cast<const spore_factory* const*>(in.pointer(reinterpret_cast<const char*>(pointers.data())));
  const auto outcome = sporehost::plugin::read_descriptor(&plugin);
  if (const auto* failure = std::get_if<sporehost::plugin::LoadFailure>(&outcome)) {
    if (failure->reason.empty() || failure->rule == 0) std::abort();
    return 0;
  }
  for (const auto& factory : std::get<sporehost::plugin::Descriptor>(outcome).factories) {
    if (!sporehost::is_plugin_id(factory.id) || factory.make == nullptr) std::abort();
  }
  return 0;
}
