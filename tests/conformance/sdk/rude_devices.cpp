// Virtio devices that break one rule of docs/sdk.md each, named after it; "good" breaks none.
#include <pthread.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "manners.hpp"

namespace {

using namespace manners;
using Ops = spore_virtio_device_ops;

// ---- how each differs from the good one ----------------------------------------------------------------------------

const spore_host* last_host; // SDK-19: the whole plugin has one

spore_status fill(spore_virtio_traits* out, void (*change)(spore_virtio_traits&)) {
  spore_virtio_traits own{};
  own.size = sizeof own;
  describe(nullptr, &own, nullptr);
  change(own);
  SPORE_FILL(spore_virtio_traits, out, &own);
  return SPORE_OK;
}
template <void (*change)(spore_virtio_traits&)>
spore_status describe_with(void* /*self*/, spore_virtio_traits* out, spore_error* /*error*/) {
  return fill(out, change);
}

void* linger(void* /*argument*/) {
  ::usleep(1'500'000); // longer than the fakes wait for a thread that has been joined
  return nullptr;
}

// Some descriptors to leave lying about.
void open_pipe(Device& d) {
  int ends[2];
  if (::pipe(ends) != 0) return;
  d.fd = ends[0];
  d.other_fd = ends[1];
}

void close_pipe(Device& d) {
  ::close(std::exchange(d.fd, -1));
  ::close(std::exchange(d.other_fd, -1));
}

spore_status fail_with(spore_error* error, std::string_view text) {
  spore_put(&error->text, text.data(), text.size());
  return SPORE_E_IO;
}

using Change = void (*)(Ops&);
struct Manners {
  const char* id;
  Change change;
  void (*made)(Device&); // at the end of create
};

template <spore_status (*activate)(spore_error*)>
void activates(Ops& ops) {
  ops.activate = [](void*, const spore_virtio_activation*, spore_error* error) { return activate(error); };
}
template <void (*change)(spore_virtio_traits&)>
void describes(Ops& ops) {
  ops.describe = &describe_with<change>;
}
void none(Ops& /*ops*/) {}

// A watched descriptor that is closed first and unwatched after.
void close_watched(Device& d) {
  open_pipe(d);
  d.host->watch_fd(
      d.host->context, d.fd, SPORE_FD_READABLE, [](void*, uint32_t) {}, nullptr);
}

const Manners kAll[] = {
    {"good", none, nullptr},
    {"sdk-7-notify-throws", [](Ops& ops) { ops.notify = [](void*, uint32_t) { throw 1; }; }, nullptr},
    {"sdk-7-timer-throws", none,
     [](Device& d) {
       d.host->start_timer(
           d.host->context, 1, [](void*) { throw 1; }, nullptr, nullptr);
     }},
    {"sdk-8-no-reason", activates<[](spore_error*) -> spore_status { return SPORE_E_IO; }>, nullptr},
    {"sdk-8-two-lines", activates<[](spore_error* e) { return fail_with(e, "one\ntwo"); }>, nullptr},
    {"sdk-8-no-utf8", activates<[](spore_error* e) { return fail_with(e, "caf\xe9"); }>, nullptr},
    {"sdk-10-descriptor", none, [](Device& d) { open_pipe(d); }},
    {"sdk-10-descriptor-of-activate",
     [](Ops& ops) {
       ops.activate = [](void* self, const spore_virtio_activation*, spore_error*) -> spore_status {
         return open_pipe(device(self)), SPORE_OK;
       };
     },
     nullptr},
    {"sdk-10-watch", [](Ops& ops) { ops.destroy = [](void* self) { close_pipe(device(self)), delete &device(self); }; },
     close_watched},
    {"sdk-10-thread", none,
     [](Device&) {
       pthread_t thread{};
       ::pthread_create(&thread, nullptr, &linger, nullptr);
       ::pthread_detach(thread);
     }},
    {"sdk-11-create", none, [](Device& d) { d.virtio->config_changed(d.virtio->context); }},
    {"sdk-11-unlock", none,
     [](Device& d) {
       const auto* lock =
           static_cast<const spore_device_lock*>(d.host->query_interface(d.host->context, string(SPORE_DEVICE_LOCK_1)));
       lock->unlock(lock->context);
     }},
    {"sdk-16-any-name",
     [](Ops& ops) { ops.query_interface = [](void*, spore_string) -> const void* { return kQueueSizes; }; }, nullptr},
    {"sdk-16-by-prefix",
     [](Ops& ops) {
       ops.query_interface = [](void*, spore_string name) -> const void* {
         return name.length >= 21 && std::memcmp(name.data, SPORE_SAVED_STATE_1, 21) == 0 ? kQueueSizes : nullptr;
       };
     },
     nullptr},
    {"sdk-19-one-host",
     [](Ops& ops) {
       ops.notify = [](void*, uint32_t) { last_host->log(last_host->context, SPORE_LOG_INFO, string("rung")); };
     },
     [](Device& d) { last_host = d.host; }},
    {"sdk-21-id",
     [](Ops& ops) {
       ops.describe = [](void* self, spore_virtio_traits* out, spore_error*) -> spore_status {
         fill(out, [](spore_virtio_traits&) {});
         out->device_id += device(self).times_described++;
         return SPORE_OK;
       };
     },
     nullptr},
    {"sdk-21-later",
     [](Ops& ops) {
       ops.describe = [](void* self, spore_virtio_traits* out, spore_error*) -> spore_status {
         fill(out, [](spore_virtio_traits&) {});
         out->config_bytes = device(self).times_described++ < 2 ? 8 : 16;
         return SPORE_OK;
       };
     },
     nullptr},
    {"sdk-22-pushes-in-reset",
     [](Ops& ops) {
       ops.reset = [](void* self) {
         Device& d = device(self);
         if (d.held.size != 0) d.virtio->push(d.virtio->context, &d.held, 0);
       };
     },
     nullptr},
    {"sdk-22-pops-in-reset", [](Ops& ops) { ops.reset = [](void* self) { notify(self, 0); }; }, nullptr},
    {"sdk-25-no-id", describes<[](spore_virtio_traits& t) { t.device_id = 0; }>, nullptr},
    {"sdk-25-no-queues", describes<[](spore_virtio_traits& t) { t.queue_count = 0; }>, nullptr},
    {"sdk-25-queues-nowhere", describes<[](spore_virtio_traits& t) { t.queue_size_max = nullptr; }>, nullptr},
    {"sdk-25-size-63", describes<[](spore_virtio_traits& t) {
       static constexpr uint16_t kOdd[] = {64, 63};
       t.queue_size_max = kOdd;
     }>,
     nullptr},
    {"sdk-25-transport-bits", describes<[](spore_virtio_traits& t) { t.features[0] = 1ull << 32; }>, nullptr},
    {"sdk-25-long-config", describes<[](spore_virtio_traits& t) { t.config_bytes = 3841; }>, nullptr},
    {"sdk-25-unknown-flag", describes<[](spore_virtio_traits& t) { t.flags = 2; }>, nullptr},
    {"sdk-26-reserved", describes<[](spore_virtio_traits& t) { t.reserved = 1; }>, nullptr},
    {"sdk-26-own-size",
     [](Ops& ops) {
       ops.describe = [](void*, spore_virtio_traits* out, spore_error*) -> spore_status {
         return fill(out, [](spore_virtio_traits&) {}), out->size = sizeof *out + 8, SPORE_OK;
       };
     },
     nullptr},
    {"sdk-26-beyond-the-end",
     [](Ops& ops) {
       ops.describe = [](void*, spore_virtio_traits* out, spore_error*) -> spore_status {
         fill(out, [](spore_virtio_traits&) {});
         std::memset(reinterpret_cast<char*>(out) + SPORE_10_BYTES(spore_virtio_traits), 0, 8);
         return SPORE_OK;
       };
     },
     nullptr},
    {"sdk-26-long-text",
     activates<[](spore_error* e) -> spore_status { return e->text.length = e->text.capacity + 1, SPORE_E_IO; }>,
     nullptr},
    {"sdk-26-own-text", activates<[](spore_error* e) -> spore_status {
       static char text[] = "mine";
       e->text = {text, sizeof text, 4};
       return SPORE_E_IO;
     }>,
     nullptr},
    {"sdk-26-text-beyond", activates<[](spore_error* e) -> spore_status {
       e->text.data[e->text.capacity] = '\0'; // as if a NUL were wanted
       return fail_with(e, "no");
     }>,
     nullptr},
    {"sdk-15-chain",
     [](Ops& ops) {
       ops.notify = [](void* self, uint32_t queue) {
         spore_chain chain{};
         device(self).virtio->pop(device(self).virtio->context, queue, &chain);
       };
     },
     nullptr},
    {"sdk-15-events", none,
     [](Device& d) {
       const auto* streams =
           static_cast<const spore_streams*>(d.host->query_interface(d.host->context, string(SPORE_STREAMS_1)));
       static const spore_stream_events kEvents{};
       uint32_t stream = 0;
       streams->open(streams->context, string("console"), &kEvents, nullptr, &stream);
     }},
    {"sdk-28-closes-watched", [](Ops& ops) { ops.notify = [](void* self, uint32_t) { close_pipe(device(self)); }; },
     close_watched},
    {"sdk-29-pushes-twice",
     [](Ops& ops) {
       ops.notify = [](void* self, uint32_t queue) {
         Device& d = device(self);
         d.held.size = sizeof d.held;
         if (d.virtio->pop(d.virtio->context, queue, &d.held) != SPORE_OK) return;
         d.virtio->push(d.virtio->context, &d.held, 0);
         d.virtio->push(d.virtio->context, &d.held, 0);
       };
     },
     nullptr},
    {"sdk-29-pushes-too-much",
     [](Ops& ops) {
       ops.notify = [](void* self, uint32_t queue) {
         Device& d = device(self);
         d.held.size = sizeof d.held;
         if (d.virtio->pop(d.virtio->context, queue, &d.held) != SPORE_OK) return;
         d.virtio->push(d.virtio->context, &d.held, static_cast<uint32_t>(d.held.writable_bytes + 1));
       };
     },
     nullptr},
};
constexpr size_t kCount = std::size(kAll);

// ---- the factories -------------------------------------------------------------------------------------------------

template <size_t which>
spore_status create(const spore_host* host, spore_string /*options*/, spore_object* out, spore_error* /*error*/) {
  static const Ops ops = [] {
    Ops changed = good_ops();
    kAll[which].change(changed);
    return changed;
  }();
  Device* made = make_device(host);
  if (kAll[which].made != nullptr) kAll[which].made(*made);
  *out = {&ops, made};
  return SPORE_OK;
}

template <size_t... which>
std::array<Listed, kCount> listed(std::index_sequence<which...>) {
  return {Listed{SPORE_KIND_VIRTIO_DEVICE, kAll[which].id, &create<which>}...};
}

} // namespace

extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) {
  static const spore_plugin* plugin = describe_plugin("rude-devices", listed(std::make_index_sequence<kCount>()));
  return plugin;
}
