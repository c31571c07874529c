#include "core/host/device.hpp"

#include <spdlog/spdlog.h>

namespace sporehost {

using spore::fail;
using spore::Result;

std::string one_owner(const std::string& device, const std::string& owner) {
  return "device '" + device + "' wants the region to plug, which device '" + owner +
         "' has; a machine has one region, so remove one of the two";
}

Result<plugin::PluginObject> Device::create(const plugin::Found& found, const std::string& options) const {
  auto object = around_.registry.create(found, *host_->table(), options);
  if (object || !refused_elastic_) return object;
  return fail(SPORE_E_EXISTS, one_owner(name_, around_.elastic->owner()) + " (" + object.error().text + ")");
}

void Device::make_host(std::string options, DeviceLock& lock, const char* own_name, const void* own) {
  streams_ = around_.streams.client(lock);
  auto interfaces = [this, own_name, own, elastic = around_.elastic,
                     streams = streams_->table()](std::string_view name) -> const void* {
    if (name == own_name) return own;
    if (name == SPORE_STREAMS_1) return streams;
    if (name == SPORE_ELASTIC_MEMORY_1 && elastic != nullptr) return claim(*elastic);
    return nullptr;
  };
  host_ = std::make_unique<ObjectHost>(name_, std::move(options), &lock, std::move(interfaces));
  host_->connect(around_.machine);
  host_->set_memory(around_.machine.memory);
}

const spore_elastic_memory* Device::claim(ElasticService& elastic) {
  const auto* table = elastic.claim(name_);
  refused_elastic_ = table == nullptr;
  if (refused_elastic_) spdlog::warn("{}", one_owner(name_, elastic.owner()));
  return table;
}

} // namespace sporehost
