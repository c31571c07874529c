// Backends and I/O devices without the wrapper, which let exceptions out or end the process. What is wrong with one
// says the name of its file, as in bad.c; that is its id, too. Names that begin with io- are I/O devices.
#include <dlfcn.h>
#include <sporehost/backend.h>
#include <sporehost/device.h>
#include <unistd.h>

#include <cstring>
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
const void* query_interface(void*, const char*) {
  return nullptr;
}

void describe(void*, spore_io_traits*) {
  if (name() == "io-describe") throw std::runtime_error("no words");
}

spore_status probe(void*, int32_t, spore_probe* out, spore_error*) {
  if (name() == "be-throws") throw 7;
  if (name() == "be-exit") ::_exit(0);
  out->usable = 1;
  out->fit_for_linux = 0;
  std::strcpy(out->summary, "a stub");
  return SPORE_OK;
}

const spore_io_device_ops io_ops = {sizeof(spore_io_device_ops),
                                    destroy,
                                    query_interface,
                                    describe,
                                    [](void*, uint32_t, uint64_t, void*, uint32_t) {},
                                    [](void*, uint32_t, uint64_t, const void*, uint32_t) {},
                                    [](void*) {}};

const spore_backend_ops backend_ops = {
    .size = sizeof(spore_backend_ops),
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
    .set_irq_line = [](void*, uint32_t, int32_t) -> spore_status { return 0; },
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
  static const spore_factory factory = {sizeof factory,
                                        is_device() ? uint32_t{SPORE_KIND_IO_DEVICE} : uint32_t{SPORE_KIND_BACKEND},
                                        name().c_str(),
                                        "a test plugin",
                                        R"({"type":"object","additionalProperties":false})",
                                        create};
  static const spore_factory* const factories[] = {&factory};
  static const spore_plugin plugin = {SPORE_PLUGIN_MAGIC, sizeof plugin,     SPORE_ABI_MAJOR,
                                      SPORE_ABI_MINOR,    SPORE_ARCH_NATIVE, 1,
                                      name().c_str(),     "1.0.0",           factories};
  return &plugin;
}
