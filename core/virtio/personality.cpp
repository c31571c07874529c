#include "core/virtio/personality.hpp"

#include "core/base/foreign_text.hpp"
#include "core/virtio/virtio_spec.hpp"

#include <bit>
#include <string>
#include <utility>

namespace sporehost {

Personality::Personality(Personality&& other) noexcept
    : object_(std::exchange(other.object_, {})), who_(other.who_), traits_(std::move(other.traits_)) {}

Personality& Personality::operator=(Personality&& other) noexcept {
  if (this != &other) {
    reset_object();
    object_ = std::exchange(other.object_, {});
    who_ = other.who_;
    traits_ = std::move(other.traits_);
  }
  return *this;
}

spore::Result<Personality> Personality::adopt(spore_object object, const char* who) {
  if (object.ops == nullptr) return spore::fail(SPORE_E_INVALID, "the factory gave an object without a table");
  Personality personality;
  personality.object_ = object;
  personality.who_ = who;
  SPORE_CHECK(personality.check_table());
  SPORE_TRY(personality.traits_, personality.described());
  SPORE_CHECK(personality.check_traits());
  SPORE_TRY(const VirtioTraits again, personality.described());
  if (personality.traits_ != again)
    return spore::fail(SPORE_E_INVALID, "describe does not say the same twice (SDK-21)");
  if (personality.query_interface("sporehost.no-such-interface/1") != nullptr)
    return spore::fail(SPORE_E_INVALID, "query_interface offers an interface that does not exist (SDK-16)");
  return personality;
}

spore::Result<VirtioTraits> Personality::described() const {
  spore_virtio_traits raw{};
  raw.size = sizeof raw;
  spore::ErrorText error;
  spore_status status = SPORE_E_INTERNAL;
  if (!call("describe", [&] { status = ops().describe(object_.self, &raw, error.out()); }))
    return spore::fail(SPORE_E_INTERNAL, "its describe let an exception out (SDK-7)");
  SPORE_CHECK(outcome_of("describe", status, error));
  if (raw.size != sizeof raw || raw.reserved != 0) return broken_fill("describe");
  if (raw.queue_count == 0 || raw.queue_count > SPORE_VIRTIO_QUEUES_MAX)
    return spore::fail(SPORE_E_INVALID, "its traits: queue_count " + std::to_string(raw.queue_count) +
                                            " is not in 1 to " + std::to_string(SPORE_VIRTIO_QUEUES_MAX) + " (SDK-25)");
  if (raw.queue_size_max == nullptr) return spore::fail(SPORE_E_INVALID, "its traits: queue_size_max is NULL (SDK-25)");
  return VirtioTraits{raw.device_id,
                      {raw.features[0], raw.features[1]},
                      raw.config_bytes,
                      raw.flags,
                      {raw.queue_size_max, raw.queue_size_max + raw.queue_count}};
}

spore::Result<void> Personality::check_table() const {
  const spore_virtio_device_ops& table = ops();
  if (table.size < SPORE_10_BYTES(spore_virtio_device_ops)) {
    return spore::fail(SPORE_E_INVALID, "its table spore_virtio_device_ops has " + std::to_string(table.size) +
                                            " bytes, ABI 1.0 needs " +
                                            std::to_string(SPORE_10_BYTES(spore_virtio_device_ops)));
  }
  // query_interface alone may be missing: NULL means what a function that always answers NULL means.
  const bool complete = table.destroy != nullptr && table.describe != nullptr && table.read_config != nullptr &&
                        table.write_config != nullptr && table.accept_features != nullptr &&
                        table.activate != nullptr && table.notify != nullptr && table.reset != nullptr;
  if (!complete) return spore::fail(SPORE_E_INVALID, "a function of its table spore_virtio_device_ops is NULL");
  return {};
}

spore::Result<void> Personality::check_traits() const {
  const auto refuse = [](const std::string& text) {
    return spore::fail(SPORE_E_INVALID, "its traits: " + text + " (SDK-25)");
  };
  if (traits_.device_id == 0) return refuse("device_id 0 means no device (VIRTIO 1.2 section 5)");
  if ((traits_.features[0] & virtio::kTransportFeatures) != 0) {
    return refuse("feature bits 24 to 49 are the transport's; offer only 0 to 23 and 50 to 127");
  }
  if ((traits_.flags & ~uint32_t{SPORE_VIRTIO_NOTIFY_INLINE}) != 0)
    return refuse("flags " + std::to_string(traits_.flags) + " has one that this host does not know");
  for (size_t i = 0; i < traits_.queue_size_max.size(); ++i) {
    const uint16_t size = traits_.queue_size_max[i];
    if (!std::has_single_bit(size) || size > virtio::kQueueSizeMax) {
      return refuse("queue_size_max[" + std::to_string(i) + "] = " + std::to_string(size) +
                    " is no power of two up to 32768");
    }
  }
  if (traits_.config_bytes > SPORE_VIRTIO_CONFIG_BYTES_MAX) {
    return refuse("config_bytes " + std::to_string(traits_.config_bytes) + " is more than " +
                  std::to_string(SPORE_VIRTIO_CONFIG_BYTES_MAX));
  }
  return {};
}

spore::Result<void> Personality::activate(const virtio::Features& features,
                                          std::span<const uint16_t> queue_sizes) const {
  spore_virtio_activation activation{};
  activation.size = sizeof activation;
  activation.queue_count = static_cast<uint32_t>(queue_sizes.size());
  activation.features[0] = features[0];
  activation.features[1] = features[1];
  activation.queue_size = queue_sizes.data();
  spore::ErrorText error;
  spore_status status = SPORE_E_INTERNAL;
  if (!call("activate", [&] { status = ops().activate(object_.self, &activation, error.out()); }))
    return spore::fail(SPORE_E_INTERNAL, "its activate let an exception out (SDK-7)");
  return outcome_of("activate", status, error);
}

void Personality::reset_object() {
  if (object_.ops == nullptr) return;
  const spore_object object = std::exchange(object_, {});
  const auto* table = static_cast<const spore_virtio_device_ops*>(object.ops);
  if (SPORE_HAS(table, destroy) && table->destroy != nullptr) call("destroy", [&] { table->destroy(object.self); });
}

} // namespace sporehost
