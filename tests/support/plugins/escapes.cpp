// Backends and I/O devices without the wrapper, which let exceptions out or end the process. What is wrong with one
// says the name of its file, as in bad.c; that is its id, too. Names that begin with io- are I/O devices.
#include <dlfcn.h>
#include <sporehost/backend.h>
#include <sporehost/device.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace {

const std::string& name() {
  static const std::string found = [] {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&name), &info) == 0) return std::string();
    const std::string path = info.dli_fname;
    const size_t begin = path.rfind('/') + 1;
    return path.substr(begin, path.rfind(".so") - begin);
  }();
  return found;
}

int self;

void destroy(void*) {
  if (name() == "io-destroy") throw std::runtime_error("no end");
}
const void* query_interface(void*, spore_string) {
  return nullptr;
}

spore_status describe(void*, spore_io_traits*, spore_error*) {
  if (name() == "io-describe") throw std::runtime_error("no words");
  return SPORE_OK;
}

spore_status probe(void*, uint32_t, spore_probe* out, spore_error*) {
  if (name() == "be-throws") throw 7;
  if (name() == "be-exit") ::_exit(0);
  out->usable = 1;
  out->fit_for_linux = 0;
  spore_put(&out->summary, "a stub", 6);
  return SPORE_OK;
}

const spore_io_device_ops io_ops = {.size = sizeof(spore_io_device_ops),
                                    .reserved = 0,
                                    .destroy = destroy,
                                    .query_interface = query_interface,
                                    .describe = describe,
                                    .placed = [](void*, const spore_io_placement*) {},
                                    .read = [](void*, uint32_t, uint64_t, void*, uint32_t) {},
                                    .write = [](void*, uint32_t, uint64_t, const void*, uint32_t) {}};

const spore_backend_ops backend_ops = {
    .size = sizeof(spore_backend_ops),
    .reserved = 0,
    .destroy = destroy,
    .query_interface = query_interface,
    .probe = probe,
    .open = [](void*, const spore_vm_config*, const spore_vm_callbacks*, spore_error*) -> spore_status { return 0; },
    .map_memory = [](void*, uint64_t, void*, uint64_t, uint32_t, spore_error*) -> spore_status { return 0; },
    .unmap_memory = [](void*, uint64_t, uint64_t, spore_error*) -> spore_status { return 0; },
    .create_vcpu = [](void*, uint32_t, spore_error*) -> spore_status { return 0; },
    .destroy_vcpu = [](void*, uint32_t) {},
    .run = [](void*, uint32_t, spore_exit*, spore_error*) -> spore_status { return 0; },
    .kick = [](void*, uint32_t) {},
    .set_irq_line = [](void*, uint32_t, uint32_t) -> spore_status { return 0; },
    .pulse_irq = [](void*, uint32_t) -> spore_status { return 0; },
    .add_doorbell = [](void*, const spore_doorbell*, spore_error*) -> spore_status { return 0; },
    .remove_doorbell = [](void*, const spore_doorbell*) -> spore_status { return 0; }};

bool is_device() {
  return name().starts_with("io-");
}

spore_status create(const spore_host*, spore_string, spore_object* out, spore_error*) {
  out->ops = is_device() ? static_cast<const void*>(&io_ops) : static_cast<const void*>(&backend_ops);
  out->self = &self;
  return SPORE_OK;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) {
  static const spore_string id{name().data(), name().size()};
  static const spore_factory factory = {
      .size = sizeof factory,
      .kind = is_device() ? uint32_t{SPORE_KIND_IO_DEVICE} : uint32_t{SPORE_KIND_BACKEND},
      .id = id,
      .summary = SPORE_STRING("a test plugin"),
      .options_schema = SPORE_STRING(R"({"type":"object","additionalProperties":false})"),
      .uses = nullptr,
      .uses_count = 0,
      .reserved = 0,
      .create = create};
  static const spore_factory* const factories[] = {&factory};
  static const spore_plugin plugin = {.magic = SPORE_PLUGIN_MAGIC,
                                      .size = sizeof plugin,
                                      .abi_major = SPORE_ABI_MAJOR,
                                      .abi_minor = SPORE_ABI_MINOR,
                                      .arch = SPORE_ARCH_NATIVE,
                                      .factory_count = 1,
                                      .id = id,
                                      .version = SPORE_STRING("1.0.0"),
                                      .factories = factories};
  return &plugin;
}
