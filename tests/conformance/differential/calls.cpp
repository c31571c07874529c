#include "calls.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <sporehost/plugin.hpp>

namespace differential {

using spore::to_abi;

template <typename Table>
const Table* Calls::find(const char* name) const {
  return static_cast<const Table*>(host_->query_interface(host_->context, to_abi(name)));
}

Calls::Calls(const spore_host* host, Transcript& transcript)
    : host_(host),
      transcript_(transcript),
      virtio_(find<spore_virtio>(SPORE_VIRTIO_1)),
      streams_(find<spore_streams>(SPORE_STREAMS_1)),
      elastic_(find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1)),
      lock_(find<spore_device_lock>(SPORE_DEVICE_LOCK_1)) {
  events_.size = sizeof events_;
  events_.readable = events_.writable = [](void*, uint32_t) {};
}

void Calls::any(const std::string& where) {
  services(where);
  memory(where);
  descriptors(where);
  timers(where);
  machine(where);
  if (elastic_ != nullptr) elastic_any(where);
  host_->log(host_->context, SPORE_LOG_DEBUG, to_abi("said"));
  host_->log(host_->context, 77, {nullptr, 0});
  uint64_t* counter = host_->counter(host_->context, to_abi("calls"));
  transcript_.add(where, "counter", *counter);
  transcript_.add(where, "counter again",
                  counter == host_->counter(host_->context, to_abi("calls")) ? "same" : "other");
  const uint64_t now = host_->now_ns(host_->context);
  transcript_.add(where, "now_ns", now <= host_->now_ns(host_->context) ? "goes on" : "goes back");
  if (lock_ == nullptr) return;
  lock_->lock(lock_->context);
  lock_->lock(lock_->context);
  lock_->unlock(lock_->context);
  lock_->unlock(lock_->context);
}

void Calls::services(const std::string& where) {
  const std::string longer = std::string(SPORE_MACHINE_1) + "2";
  const std::string_view names[] = {SPORE_MACHINE_1,
                                    SPORE_DEVICE_LOCK_1,
                                    SPORE_INTERRUPTS_1,
                                    SPORE_STREAMS_1,
                                    SPORE_ELASTIC_MEMORY_1,
                                    SPORE_VIRTIO_1,
                                    "sporehost.nothing/1",
                                    "",
                                    longer,
                                    std::string_view(longer).substr(0, longer.size() - 1)};
  for (const std::string_view name : names) {
    const auto* size = static_cast<const uint32_t*>(host_->query_interface(host_->context, to_abi(name)));
    transcript_.add(where, "query_interface " + std::string(name), size != nullptr ? *size : 0);
  }
  transcript_.add(where, "abi_minor", host_->abi_minor);
}

void Calls::memory(const std::string& where) {
  uint8_t bytes[16] = {};
  const std::pair<uint64_t, uint64_t> ranges[] = {
      {0, 16},         {0x100000 - 16, 16},  {0x100000 - 15, 16}, {0x100000, 1},    {0, 0},       {UINT64_MAX, 1},
      {UINT64_MAX, 0}, {UINT64_MAX - 7, 16}, {0x100000000, 16},   {0x200000000, 1}, {0x100000, 0}};
  for (const auto& [gpa, count] : ranges) {
    const std::string range = std::to_string(gpa) + "+" + std::to_string(count);
    transcript_.add(where, "read_memory " + range, host_->read_memory(host_->context, gpa, bytes, count));
    transcript_.add(where, "write_memory " + range, host_->write_memory(host_->context, gpa, bytes, count));
  }
}

void Calls::descriptors(const std::string& where) {
  const auto callback = [](void*, uint32_t) {};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const int folder = ::open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  const auto watch = [&](const char* what, int fd, uint32_t events, spore_fd_callback call) {
    transcript_.add(where, std::string("watch_fd ") + what, host_->watch_fd(host_->context, fd, events, call, nullptr));
  };
  const auto modify = [&](const char* what, int fd, uint32_t events) {
    transcript_.add(where, std::string("modify_fd ") + what, host_->modify_fd(host_->context, fd, events));
  };
  watch("without callback", ends[0], SPORE_FD_READABLE, nullptr);
  watch("for nothing", ends[0], 0, callback);
  watch("for hangup", ends[0], SPORE_FD_HANGUP, callback);
  watch("for what is unknown", ends[0], SPORE_FD_READABLE | 64, callback);
  watch("-1", -1, SPORE_FD_READABLE, callback);
  watch("closed", 1000, SPORE_FD_READABLE, callback);
  watch("a file", file, SPORE_FD_READABLE, callback);
  watch("a folder", folder, SPORE_FD_READABLE, callback);
  modify("unwatched", ends[0], SPORE_FD_READABLE);
  modify("unwatched for what is unknown", ends[0], 64);
  watch("a pipe", ends[0], SPORE_FD_READABLE, callback);
  watch("a pipe again", ends[0], SPORE_FD_READABLE, callback);
  watch("both", ends[1], SPORE_FD_READABLE | SPORE_FD_WRITABLE, callback);
  modify("to writable", ends[0], SPORE_FD_WRITABLE);
  modify("to nothing", ends[0], 0);
  modify("to hangup", ends[0], SPORE_FD_HANGUP);
  modify("to what is unknown", ends[0], 64);
  for (const int fd : {ends[0], ends[0], ends[1], -1, 1000}) host_->unwatch_fd(host_->context, fd);
  modify("no longer watched", ends[0], SPORE_FD_READABLE);
  for (const int fd : {ends[0], ends[1], file, folder}) ::close(fd);
}

void Calls::timers(const std::string& where) {
  const auto start = [&](const char* what, uint64_t delay, spore_timer_callback call, uint64_t* number) {
    transcript_.add(where, std::string("start_timer ") + what,
                    host_->start_timer(host_->context, delay, call, nullptr, number));
  };
  uint64_t number = 0;
  const auto nothing = [](void*) {};
  start("without callback", 1, nullptr, &number);
  start("without anything", 1, nullptr, nullptr);
  start("without number", uint64_t{1} << 50, nothing, nullptr);
  start("never", UINT64_MAX, nothing, &number);
  host_->cancel_timer(host_->context, number);
  host_->cancel_timer(host_->context, number);
  start("nearly never", UINT64_MAX - 1, nothing, &number);
  host_->cancel_timer(host_->context, number);
  host_->cancel_timer(host_->context, 0);
  host_->cancel_timer(host_->context, UINT64_MAX);
}

void Calls::machine(const std::string& where) {
  const auto* machine = find<spore_machine>(SPORE_MACHINE_1);
  if (machine == nullptr) return;
  const std::pair<uint32_t, uint32_t> requests[] = {{0, 0},
                                                    {4, 0},
                                                    {4, 300},
                                                    {SPORE_STOP_STATUS, 256},
                                                    {SPORE_STOP_STATUS, 255},
                                                    {SPORE_STOP_POWER_OFF, 0},
                                                    {SPORE_STOP_POWER_OFF, 300},
                                                    {SPORE_STOP_RESET, 0}};
  for (const auto& [how, status] : requests) {
    transcript_.add(where, "stop " + std::to_string(how) + " " + std::to_string(status),
                    machine->stop(machine->context, how, status, to_abi("a test")));
  }
}

void Calls::create() {
  if (streams_ == nullptr) return;
  const auto open = [&](const char* name, const spore_stream_events& events, uint32_t* number) {
    transcript_.add(
        "create",
        std::string("open ") + name + (events.size == 0 ? " unsized" : "") + (events.reserved != 0 ? " reserved" : ""),
        streams_->open(streams_->context, to_abi(name), &events, this, number));
  };
  static spore_stream_events unsized{};
  static spore_stream_events reserved{};
  reserved = events_;
  reserved.reserved = 1;
  uint32_t number = 0;
  open("nothing", events_, &number);
  open("", events_, &number);
  open("console", unsized, &number);
  open("console", reserved, &number);
  open("console", events_, &console_);
  open("console", events_, &number);
  transcript_.add("create", "handles", console_ != number ? "differ" : "are one");
  open("sporehost.agent", events_, &number);
  open("sporehost.agent", events_, &number);
}

void Calls::device(const std::string& where) {
  if (virtio_ != nullptr) chains(where);
  if (streams_ != nullptr) streams(where);
  if (elastic_ != nullptr) elastic(where);
}

void Calls::chains(const std::string& where) {
  const auto pop = [&](uint32_t queue, uint32_t size) {
    spore_chain chain{};
    chain.size = size;
    const spore_status status = virtio_->pop(virtio_->context, queue, &chain);
    transcript_.add(where, "pop " + std::to_string(queue) + " size " + std::to_string(size), status);
    if (chain.size != size) transcript_.add(where, "pop", "changed the size");
    return status == SPORE_OK ? chain : spore_chain{};
  };
  pop(0, 0);
  pop(0, 16);
  pop(2, sizeof(spore_chain));
  pop(77, 0);
  pop(UINT32_MAX, sizeof(spore_chain));
  pop(1, sizeof(spore_chain));
  if (const spore_chain first = pop(0, sizeof(spore_chain)); first.size != 0) chain(where, first);
  if (const spore_chain second = pop(0, sizeof(spore_chain)); second.size != 0) held_ = second;
  pop(0, sizeof(spore_chain));
  virtio_->config_touched(virtio_->context);
  virtio_->config_changed(virtio_->context);
}

void Calls::chain(const std::string& where, const spore_chain& chain) {
  transcript_.add(where, "readable", chain.readable_bytes);
  transcript_.add(where, "writable", chain.writable_bytes);
  transcript_.add(where, "queue", chain.queue);
  uint8_t bytes[16] = {};
  const auto read = [&](const spore_chain& of, uint64_t offset, uint64_t count) {
    transcript_.add(where, "read " + std::to_string(offset) + "+" + std::to_string(count),
                    virtio_->read(virtio_->context, &of, offset, bytes, count));
  };
  const auto write = [&](const spore_chain& of, uint64_t offset, uint64_t count) {
    transcript_.add(where, "write " + std::to_string(offset) + "+" + std::to_string(count),
                    virtio_->write(virtio_->context, &of, offset, bytes, count));
  };
  read(chain, 0, chain.readable_bytes);
  transcript_.add(where, "first byte", bytes[0]);
  const std::pair<uint64_t, uint64_t> ranges[] = {{0, 0}, {1, 2}, {1, 3}, {3, 0},          {3, 1},         {4, 0},
                                                  {5, 0}, {5, 1}, {6, 0}, {UINT64_MAX, 1}, {1, UINT64_MAX}};
  for (const auto& [offset, count] : ranges) {
    read(chain, offset, count);
    write(chain, offset, count);
  }
  spore_chain other = chain;
  other.serial += 1000;
  read(other, 0, 1);
  other = chain;
  other.queue = 9;
  read(other, 0, 1);
  write(other, 0, 1);
  virtio_->push(virtio_->context, &other, 0);
  read(chain, 0, 1);
  virtio_->push(virtio_->context, &chain, 100);
  read(chain, 0, 1);
  write(chain, 0, 1);
  virtio_->push(virtio_->context, &chain, 0);
}

void Calls::stale(const std::string& where) {
  uint8_t byte = 0;
  transcript_.add(where, "read of a chain from before", virtio_->read(virtio_->context, &held_, 0, &byte, 1));
  transcript_.add(where, "write of a chain from before", virtio_->write(virtio_->context, &held_, 0, &byte, 1));
  virtio_->push(virtio_->context, &held_, 1);
}

void Calls::lines() {
  const auto* interrupts = find<spore_interrupts>(SPORE_INTERRUPTS_1);
  if (interrupts == nullptr) return;
  for (const uint32_t index : {0u, 1u, 2u, 64u, UINT32_MAX}) interrupts->pulse(interrupts->context, index);
  for (const uint32_t index : {1u, 0u, 2u, 64u, UINT32_MAX}) {
    interrupts->set_level(interrupts->context, index, 1);
    interrupts->set_level(interrupts->context, index, 0);
  }
}

void Calls::streams(const std::string& where) {
  char bytes[8] = {};
  for (const uint32_t stream : {console_, uint32_t{98}}) {
    const std::string which = stream == console_ ? " console" : " nowhere";
    transcript_.add(where, "take before opening" + which, streams_->take(streams_->context, stream, bytes, 8));
    streams_->guest_open(streams_->context, stream, 1);
    transcript_.add(where, "give" + which, streams_->give(streams_->context, stream, "abc", 3));
    transcript_.add(where, "give nothing" + which, streams_->give(streams_->context, stream, "", 0));
    transcript_.add(where, "take" + which, streams_->take(streams_->context, stream, bytes, 8));
    streams_->guest_open(streams_->context, stream, 0);
  }
}

void Calls::elastic_any(const std::string& where) {
  spore_elastic_info info{};
  for (const uint32_t size : {uint32_t{0}, uint32_t{47}, uint32_t{48}, uint32_t{sizeof info}}) {
    info.size = size;
    transcript_.add(where, "info size " + std::to_string(size), elastic_->info(elastic_->context, &info));
    if (info.size != size) transcript_.add(where, "info", "changed the size");
  }
  for (const uint64_t value : {info.gpa, info.bytes, info.block_bytes, info.slot_bytes, info.requested_bytes})
    transcript_.add(where, "info", value);
  transcript_.add(where, "plugged_bytes", elastic_->plugged_bytes(elastic_->context));
}

void Calls::elastic(const std::string& where) {
  constexpr uint64_t kBlock = uint64_t{2} << 20;
  const auto outcome = [&](const std::string& call, spore_status status, spore::ErrorText& error) {
    transcript_.add(where, call, static_cast<uint64_t>(status));
    transcript_.add(where, call + " reason", status == SPORE_OK ? "none" : error.text().empty() ? "missing" : "there");
  };
  const auto both = [&](uint64_t offset, uint64_t bytes) {
    const std::string range = " " + std::to_string(offset) + "+" + std::to_string(bytes);
    spore::ErrorText error;
    outcome("plug" + range, elastic_->plug(elastic_->context, offset, bytes, error.out()), error);
    transcript_.add(where, "blocks" + range, elastic_->blocks(elastic_->context, offset, bytes));
    spore::ErrorText other;
    outcome("unplug" + range, elastic_->unplug(elastic_->context, offset, bytes, other.out()), other);
  };
  const std::pair<uint64_t, uint64_t> ranges[] = {{0, kBlock},
                                                  {0, 0},
                                                  {1, kBlock},
                                                  {0, kBlock + 1},
                                                  {31 * kBlock, kBlock},
                                                  {31 * kBlock, 2 * kBlock},
                                                  {32 * kBlock, kBlock},
                                                  {0, 33 * kBlock},
                                                  {UINT64_MAX - kBlock + 1, kBlock},
                                                  {kBlock, UINT64_MAX - kBlock + 1}};
  for (const auto& [offset, bytes] : ranges) both(offset, bytes);
  spore::ErrorText error;
  (void)elastic_->plug(elastic_->context, 2 * kBlock, kBlock, error.out());
  both(0, 3 * kBlock); // one of them is plugged already
  transcript_.add(where, "blocks mixed", elastic_->blocks(elastic_->context, 0, 4 * kBlock));
  transcript_.add(where, "plugged_bytes", elastic_->plugged_bytes(elastic_->context));
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, 4 * kBlock, 32 * kBlock, 33 * kBlock, uint64_t{0}})
    outcome("keep_mapped " + std::to_string(bytes), elastic_->keep_mapped(elastic_->context, bytes, error.out()),
            error);
  outcome("unplug_all", elastic_->unplug_all(elastic_->context, error.out()), error);
  outcome("unplug_all again", elastic_->unplug_all(elastic_->context, error.out()), error);
}

} // namespace differential
