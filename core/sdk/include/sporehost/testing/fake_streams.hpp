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
    if (stream.events != nullptr && stream.guest_open) tell(stream, stream.events->readable);
  }
  // How many more bytes the host accepts; unlimited at first. Growing it from where the device was refused tells it.
  void set_room(std::string_view name, size_t bytes) {
    Stream& stream = find(name);
    stream.room = bytes;
    if (bytes > 0 && std::exchange(stream.refused, false)) tell(stream, stream.events->writable);
  }

  [[nodiscard]] const std::string& received(std::string_view name) { return find(name).from_guest; }
  [[nodiscard]] size_t unsent(std::string_view name) { return find(name).to_guest.size(); }
  [[nodiscard]] bool opened(std::string_view name) { return find(name).events != nullptr; }
  [[nodiscard]] bool guest_open(std::string_view name) { return find(name).guest_open; }

 private:
  struct Stream {
    std::string name;
    const spore_stream_events* events = nullptr;
    void* argument = nullptr;
    std::string to_guest;
    std::string from_guest;
    size_t room = SIZE_MAX;
    bool refused = false;
    bool guest_open = false;
  };

  static FakeStreams& of(void* context) { return *static_cast<FakeStreams*>(context); }

  Stream& find(std::string_view name) {
    for (Stream& stream : streams_) {
      if (stream.name == name) return stream;
    }
    std::fprintf(stderr, "the test made no stream named %.*s\n", static_cast<int>(name.size()), name.data());
    std::abort();
  }

  void tell(Stream& stream, void (*event)(void*, uint32_t)) {
    const std::scoped_lock guard(host_.device_lock());
    event(stream.argument, static_cast<uint32_t>(&stream - streams_.data()));
  }

  // The stream by number, or nullptr with the broken rule noted.
  Stream* opened(uint32_t number, const char* function) {
    host_.on_device(function);
    if (number < streams_.size() && streams_[number].events != nullptr) return &streams_[number];
    host_.checks().broken(11, std::string(function) + " was called for a stream that is not open");
    return nullptr;
  }

  static spore_status open_thunk(void* context, spore_string name, const spore_stream_events* events, void* argument,
                                 uint32_t* number) {
    FakeStreams& s = of(context);
    s.host_.on_main("streams.open");
    if (events->size < SPORE_10_BYTES(spore_stream_events) || events->reserved != 0) {
      s.host_.checks().broken(26, "streams.open: size of the events is not set, or reserved is not 0");
      return SPORE_E_INVALID;
    }
    for (size_t i = 0; i < s.streams_.size(); ++i) {
      Stream& stream = s.streams_[i];
      if (spore_is(name, stream.name.c_str()) == 0) continue;
      if (stream.events != nullptr) return SPORE_E_EXISTS;
      stream.events = events;
      stream.argument = argument;
      *number = static_cast<uint32_t>(i);
      return SPORE_OK;
    }
    return SPORE_E_NOT_FOUND;
  }

  static uint64_t give_thunk(void* context, uint32_t number, const void* data, uint64_t bytes) {
    Stream* stream = of(context).opened(number, "streams.give");
    if (stream == nullptr) return 0;
    const size_t accepted = std::min(bytes, stream->room);
    stream->from_guest.append(static_cast<const char*>(data), accepted);
    if (stream->room != SIZE_MAX) stream->room -= accepted;
    if (accepted < bytes) stream->refused = true;
    return accepted;
  }

  static uint64_t take_thunk(void* context, uint32_t number, void* data, uint64_t bytes) {
    Stream* stream = of(context).opened(number, "streams.take");
    if (stream == nullptr || !stream->guest_open) return 0;
    const size_t given = std::min(bytes, stream->to_guest.size());
    std::memcpy(data, stream->to_guest.data(), given);
    stream->to_guest.erase(0, given);
    return given;
  }

  // Opening tells the device of what has been waiting, from the event loop's side: after the call, under the lock.
  static void guest_open_thunk(void* context, uint32_t number, uint32_t open) {
    FakeStreams& s = of(context);
    Stream* stream = s.opened(number, "streams.guest_open");
    if (stream == nullptr) return;
    stream->guest_open = open != 0;
    if (!stream->guest_open) stream->to_guest.clear(); // what its reader has left is not for the next one
    if (stream->guest_open && !stream->to_guest.empty()) s.tell(*stream, stream->events->readable);
  }

  spore_streams make_table() {
    spore_streams t{};
    t.size = sizeof t;
    t.context = this;
    t.open = &open_thunk;
    t.give = &give_thunk;
    t.take = &take_thunk;
    t.guest_open = &guest_open_thunk;
    return t;
  }

  FakeHost& host_;
  std::vector<Stream> streams_;

  const spore_streams table_ = make_table();
};

} // namespace spore::testing
