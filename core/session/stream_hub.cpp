#include "core/session/stream_hub.hpp"

#include <sporehost/plugin.hpp>

#include <optional>
#include <utility>

namespace sporehost {
namespace {

std::optional<StreamId> stream_named(std::string_view name) {
  if (name == "console") return StreamId::console;
  if (name == "sporehost.agent") return StreamId::agent;
  return std::nullopt;
}

} // namespace

void StreamHub::set_consumer(StreamId id, Consumer consumer) {
  const std::lock_guard lock(mutex_);
  stream(id).consumer = std::move(consumer);
}

spore_status StreamHub::open(DeviceLock& lock, std::string_view name, const spore_stream_events* events, void* argument,
                             uint32_t* handle) {
  const auto id = stream_named(name);
  if (!id) return SPORE_E_NOT_FOUND;
  const std::lock_guard guard(mutex_);
  bool first = true;
  for (const Holder& holder : holders_) first = first && (holder.gone || holder.stream != *id);
  // Text from two devices may share the console; the channel's frames may not be mixed.
  if (!first && *id == StreamId::agent) return SPORE_E_EXISTS;
  *handle = static_cast<uint32_t>(holders_.size());
  holders_.push_back(Holder{&lock, events, argument, *id, first, false, false});
  return SPORE_OK;
}

size_t StreamHub::give(uint32_t handle, std::span<const uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  if (handle >= holders_.size()) return 0;
  Holder& holder = holders_[handle];
  Stream& s = stream(holder.stream);
  const size_t taken = s.inbound.push(bytes);
  if (taken < bytes.size()) holder.waits = true;
  if (taken > 0 && !s.consuming) {
    s.consuming = true;
    loop_.post([this, id = holder.stream] { consume(id); });
  }
  return taken;
}

size_t StreamHub::take(uint32_t handle, std::span<uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  if (handle >= holders_.size() || !holders_[handle].reads || !holders_[handle].guest_open) return 0;
  const StreamId id = holders_[handle].stream;
  Stream& s = stream(id);
  const auto available = s.outbound.view().first(std::min(bytes.size(), s.outbound.size()));
  std::copy(available.begin(), available.end(), bytes.begin());
  const size_t taken = available.size();
  s.outbound.pop(taken);
  tell_room(s, id);
  return taken;
}

void StreamHub::guest_open(uint32_t handle, bool open) {
  const std::lock_guard lock(mutex_);
  if (handle >= holders_.size() || !holders_[handle].reads) return;
  Holder& holder = holders_[handle];
  const StreamId id = holder.stream;
  const bool was_open = std::exchange(holder.guest_open, open);
  if (open) return loop_.post([this, id] { tell_readable(id); });
  if (!was_open) return;
  Stream& s = stream(id);
  s.outbound.pop(s.outbound.size());
  tell_room(s, id);
}

void StreamHub::tell_room(Stream& s, StreamId id) {
  if (!s.wants_room || s.outbound.size() > kOutboundRoom) return;
  s.wants_room = false;
  loop_.post([this, id] {
    std::function<void()> room;
    {
      const std::lock_guard lock(mutex_);
      room = stream(id).room;
    }
    if (room) room();
  });
}

void StreamHub::on_room(StreamId id, std::function<void()> room) {
  const std::lock_guard lock(mutex_);
  stream(id).room = std::move(room);
}

void StreamHub::resume(StreamId id) {
  consume(id);
}

void StreamHub::consume(StreamId id) {
  std::vector<uint8_t> bytes;
  Consumer consumer;
  {
    const std::lock_guard lock(mutex_);
    Stream& s = stream(id);
    s.consuming = false;
    bytes.assign(s.inbound.view().begin(), s.inbound.view().end());
    consumer = s.consumer;
  }
  if (bytes.empty()) return;
  const size_t taken = consumer ? consumer(bytes) : bytes.size();
  if (taken == 0) return;
  {
    const std::lock_guard lock(mutex_);
    stream(id).inbound.pop(taken);
  }
  tell_writable(id);
}

size_t StreamHub::send(StreamId id, std::span<const uint8_t> bytes) {
  size_t taken = 0;
  {
    const std::lock_guard lock(mutex_);
    Stream& s = stream(id);
    taken = s.outbound.push(bytes);
    if (taken < bytes.size()) s.wants_room = true;
  }
  if (taken > 0) tell_readable(id);
  return taken;
}

bool StreamHub::send_whole(StreamId id, std::span<const uint8_t> bytes) {
  {
    const std::lock_guard lock(mutex_);
    Stream& s = stream(id);
    if (bytes.size() > kOutboundLimit - s.outbound.size()) return false;
    s.outbound.push(bytes);
  }
  tell_readable(id);
  return true;
}

void StreamHub::tell_readable(StreamId id) {
  for (uint32_t handle = 0;; ++handle) {
    Holder holder;
    {
      const std::lock_guard lock(mutex_);
      if (handle >= holders_.size()) return;
      holder = holders_[handle];
      if (holder.gone || holder.stream != id || !holder.reads || !holder.guest_open) continue;
      if (stream(id).outbound.empty()) return;
    }
    const std::lock_guard device(*holder.lock);
    holder.events->readable(holder.argument, handle);
  }
}

void StreamHub::tell_writable(StreamId id) {
  for (uint32_t handle = 0;; ++handle) {
    Holder holder;
    {
      const std::lock_guard lock(mutex_);
      if (handle >= holders_.size()) return;
      holder = holders_[handle];
      if (holder.gone || holder.stream != id || !holder.waits) continue;
      holders_[handle].waits = false;
    }
    const std::lock_guard device(*holder.lock);
    holder.events->writable(holder.argument, handle);
  }
}

std::unique_ptr<StreamHub::Client> StreamHub::client(DeviceLock& lock) {
  return std::make_unique<Client>(*this, lock);
}

StreamHub::Client::Client(StreamHub& hub, DeviceLock& lock) : hub_(hub), lock_(lock) {
  table_ = {};
  table_.size = sizeof table_;
  table_.context = this;
  table_.open = [](void* c, spore_string name, const spore_stream_events* events, void* argument,
                   uint32_t* handle) -> spore_status {
    if (events->size < SPORE_10_BYTES(spore_stream_events) || events->reserved != 0) return SPORE_E_INVALID;
    auto& self = *static_cast<Client*>(c);
    return self.hub_.open(self.lock_, spore::from_abi(name), events, argument, handle);
  };
  table_.give = [](void* c, uint32_t handle, const void* data, uint64_t bytes) -> uint64_t {
    return static_cast<Client*>(c)->hub_.give(handle, {static_cast<const uint8_t*>(data), bytes});
  };
  table_.take = [](void* c, uint32_t handle, void* data, uint64_t bytes) -> uint64_t {
    return static_cast<Client*>(c)->hub_.take(handle, {static_cast<uint8_t*>(data), bytes});
  };
  table_.guest_open = [](void* c, uint32_t handle, uint32_t open) {
    static_cast<Client*>(c)->hub_.guest_open(handle, open != 0);
  };
}

StreamHub::Client::~Client() {
  const std::lock_guard lock(hub_.mutex_);
  for (Holder& holder : hub_.holders_)
    if (holder.lock == &lock_) holder.gone = true;
}

} // namespace sporehost
