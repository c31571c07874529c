// The service sporehost.streams/1 for tests: named byte streams with a host side that can be made slow.
//
//   FakeStreams streams(host, {"console"});
//   streams.send("console", "ls\n");          // the device is told by `readable` and calls `take`
//   streams.set_room("console", 3);           // the host accepts 3 more bytes, then no more
//   streams.received("console");              // what the guest has sent
#pragma once

#include <sporehost/testing/fake_host.hpp>

namespace spore::testing {

class FakeStreams {
 public:
  FakeStreams(FakeHost& host, const std::vector<std::string>& names) : host_(host) {
    for (const std::string& name : names) streams_.emplace_back().name = name;
    host_.provide(SPORE_STREAMS_1, &table_);
  }
  FakeStreams(const FakeStreams&) = delete;
  FakeStreams& operator=(const FakeStreams&) = delete;

  // Host to guest: queues the bytes and tells the device, if it has opened the stream and the guest has too.
  void send(std::string_view name, std::string_view bytes) {
    Stream& stream = find(name);
    stream.to_guest += bytes;
    if (Holder* reader = reader_of(stream); reader != nullptr && reader->guest_open)
      tell(*reader, reader->events->readable);
  }
  // How many more bytes the host accepts; unlimited at first. Growing it from where the device was refused tells it.
  void set_room(std::string_view name, size_t bytes) {
    Stream& stream = find(name);
    stream.room = bytes;
    for (Holder& holder : holders_) {
      if (holder.stream == &stream && bytes > 0 && std::exchange(holder.refused, false))
        tell(holder, holder.events->writable);
    }
  }

  [[nodiscard]] const std::string& received(std::string_view name) { return find(name).from_guest; }
  [[nodiscard]] size_t unsent(std::string_view name) { return find(name).to_guest.size(); }
  [[nodiscard]] bool opened(std::string_view name) { return reader_of(find(name)) != nullptr; }
  [[nodiscard]] bool guest_open(std::string_view name) {
    const Holder* reader = reader_of(find(name));
    return reader != nullptr && reader->guest_open;
  }

 private:
  struct Stream {
    std::string name;
    std::string to_guest;
    std::string from_guest;
    size_t room = SIZE_MAX;
  };
  // One `open`. Text from several may share the console, of which the first reads; other streams have one holder.
  struct Holder {
    Stream* stream;
    const spore_stream_events* events;
    void* argument;
    bool reads;
    bool guest_open = false;
    bool refused = false;
  };

  static FakeStreams& of(void* context) { return *static_cast<FakeStreams*>(context); }

  Stream& find(std::string_view name) {
    for (Stream& stream : streams_) {
      if (stream.name == name) return stream;
    }
    std::fprintf(stderr, "the test made no stream named %.*s\n", static_cast<int>(name.size()), name.data());
    std::abort();
  }
  Holder* reader_of(const Stream& stream) {
    for (Holder& holder : holders_) {
      if (holder.stream == &stream && holder.reads) return &holder;
    }
    return nullptr;
  }

  void tell(Holder& holder, void (*event)(void*, uint32_t)) {
    const FakeHost::Visit visit(host_);
    const std::scoped_lock guard(host_.device_lock());
    event(holder.argument, static_cast<uint32_t>(&holder - holders_.data()));
  }

  Holder* holder(uint32_t number) { return number < holders_.size() ? &holders_[number] : nullptr; }

  spore_status open(spore_string name, const spore_stream_events* events, void* argument, uint32_t* number) {
    host_.on_main("streams.open");
    const bool sized = events->size >= SPORE_10_BYTES(spore_stream_events);
    host_.checks().require(sized, 15, "streams.open: the size of the events is not set");
    host_.checks().require(events->reserved == 0, 26, "streams.open: a reserved field of the events is not 0");
    if (!sized || events->reserved != 0) return SPORE_E_INVALID;
    for (Stream& stream : streams_) {
      if (spore_is(name, stream.name.c_str()) == 0) continue;
      const bool first = reader_of(stream) == nullptr;
      if (!first && stream.name != "console") return SPORE_E_EXISTS;
      *number = static_cast<uint32_t>(holders_.size());
      holders_.push_back({&stream, events, argument, first});
      return SPORE_OK;
    }
    return SPORE_E_NOT_FOUND;
  }

  uint64_t give(uint32_t number, const void* data, uint64_t bytes) {
    const auto lock = host_.on_device("streams.give");
    Holder* from = holder(number);
    if (from == nullptr) return 0;
    Stream& stream = *from->stream;
    const uint64_t accepted = std::min<uint64_t>(bytes, stream.room);
    stream.from_guest.append(static_cast<const char*>(data), accepted);
    if (stream.room != SIZE_MAX) stream.room -= accepted;
    if (accepted < bytes) from->refused = true;
    return accepted;
  }

  uint64_t take(uint32_t number, void* data, uint64_t bytes) {
    const auto lock = host_.on_device("streams.take");
    const Holder* to = holder(number);
    if (to == nullptr || !to->reads || !to->guest_open) return 0;
    std::string& waiting = to->stream->to_guest;
    const uint64_t given = std::min<uint64_t>(bytes, waiting.size());
    std::memcpy(data, waiting.data(), given);
    waiting.erase(0, given);
    return given;
  }

  // Opening tells the device of what has been waiting.
  void set_guest_open(uint32_t number, bool open) {
    const auto lock = host_.on_device("streams.guest_open");
    Holder* who = holder(number);
    if (who == nullptr || !who->reads) return;
    const bool was_open = std::exchange(who->guest_open, open);
    std::string& waiting = who->stream->to_guest;
    if (was_open && !open) waiting.clear(); // what its reader has left is not for the next one
    if (open && !waiting.empty()) tell(*who, who->events->readable);
  }

  spore_streams make_table() {
    spore_streams t{};
    t.size = sizeof t;
    t.context = this;
    t.open = [](void* context, spore_string name, const spore_stream_events* events, void* argument, uint32_t* number) {
      return of(context).open(name, events, argument, number);
    };
    t.give = [](void* context, uint32_t number, const void* data, uint64_t bytes) {
      return of(context).give(number, data, bytes);
    };
    t.take = [](void* context, uint32_t number, void* data, uint64_t bytes) {
      return of(context).take(number, data, bytes);
    };
    t.guest_open = [](void* context, uint32_t number, uint32_t open) { of(context).set_guest_open(number, open != 0); };
    return t;
  }

  FakeHost& host_;
  std::vector<Stream> streams_;
  std::vector<Holder> holders_;
  const spore_streams table_ = make_table();
};

} // namespace spore::testing
