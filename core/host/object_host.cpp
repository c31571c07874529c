#include "core/host/object_host.hpp"

#include <sporehost/plugin.hpp>

#include "core/base/text.hpp"

namespace sporehost {
namespace {

constexpr size_t kLogLineBytes = 4096; // of what a plugin logs at once
constexpr uint32_t kFdEvents = SPORE_FD_READABLE | SPORE_FD_WRITABLE;

ObjectHost& of(void* context) {
  return *static_cast<ObjectHost*>(context);
}

} // namespace

ObjectHost::ObjectHost(std::string name, std::string options, DeviceLock* lock, Interfaces interfaces)
    : name_(std::move(name)),
      who_(keep_text("the plugin of '" + name_ + "'")),
      options_(std::move(options)),
      lock_(lock),
      interfaces_(std::move(interfaces)),
      table_(make_table(this)),
      log_(name_) {
  machine_table_ = {};
  machine_table_.size = sizeof machine_table_;
  machine_table_.context = this;
  machine_table_.stop = [](void* c, uint32_t how, uint32_t status, spore_string reason) -> spore_status {
    return of(c).stop(how, status, reason);
  };
  lock_table_ = {};
  lock_table_.size = sizeof lock_table_;
  lock_table_.context = lock_;
  lock_table_.lock = [](void* c) { static_cast<DeviceLock*>(c)->lock(); };
  lock_table_.unlock = [](void* c) { static_cast<DeviceLock*>(c)->unlock(); };
}

ObjectHost::~ObjectHost() {
  release();
}

void ObjectHost::release() {
  const MachineSide* const machine = this->machine();
  if (machine == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (const auto& [fd, which] : watched_) machine->loop->unwatch(fd);
  for (const uint64_t timer : timers_) machine->loop->cancel_timer(timer);
  watched_.clear();
  timers_.clear();
}

std::map<std::string, uint64_t> ObjectHost::counters() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, uint64_t> values;
  for (const auto& [name, value] : counters_) values[name] = spore::Counter(value.get()).value();
  if (const uint64_t left_out = log_.left_out(); left_out > 0) values["log.left-out"] = left_out;
  return values;
}

const void* ObjectHost::interface(std::string_view name) {
  if (name == SPORE_MACHINE_1) return &machine_table_;
  if (name == SPORE_DEVICE_LOCK_1 && lock_ != nullptr) return &lock_table_;
  return interfaces_ ? interfaces_(name) : nullptr;
}

template <typename Cancelled, typename Call>
void ObjectHost::call_back(Cancelled&& cancelled, Call&& call) {
  std::unique_lock<DeviceLock> lock;
  if (lock_ != nullptr) lock = std::unique_lock(*lock_);
  {
    const std::lock_guard guard(mutex_);
    if (cancelled()) return;
  }
  call_plugin(who_, "a callback", call);
}

void ObjectHost::set_memory(MemoryAccess* memory) {
  const std::unique_lock lock(memory_gate_);
  memory_ = memory;
}

template <typename Access>
spore_status ObjectHost::access_memory(Access&& access) {
  const std::shared_lock lock(memory_gate_);
  return memory_ != nullptr ? access(*memory_) : SPORE_E_STATE;
}

spore_status ObjectHost::watch(int fd, uint32_t events, spore_fd_callback callback, void* argument) {
  if (fd < 0 || callback == nullptr || events == 0 || (events & ~kFdEvents) != 0) return SPORE_E_INVALID;
  const MachineSide* const machine = this->machine();
  if (machine == nullptr) return SPORE_E_STATE;
  const std::lock_guard lock(mutex_);
  const uint64_t which = ++watches_;
  const auto watched = machine->loop->watch(fd, events, [this, fd, which, callback, argument](uint32_t seen) {
    call_back(
        [&] {
          const auto found = watched_.find(fd);
          return found == watched_.end() || found->second != which;
        },
        [&] { callback(argument, seen); });
  });
  if (!watched) return watched.error().status;
  watched_[fd] = which;
  return SPORE_OK;
}

spore_status ObjectHost::modify(int fd, uint32_t events) {
  if ((events & ~kFdEvents) != 0) return SPORE_E_INVALID;
  const std::lock_guard lock(mutex_);
  if (!watched_.contains(fd)) return SPORE_E_NOT_FOUND;
  const auto modified = machine()->loop->modify(fd, events);
  return modified ? SPORE_OK : modified.error().status;
}

void ObjectHost::unwatch(int fd) {
  const std::lock_guard lock(mutex_);
  if (watched_.erase(fd) != 0) machine()->loop->unwatch(fd);
}

spore_status ObjectHost::start_timer(uint64_t delay_ns, spore_timer_callback callback, void* argument,
                                     uint64_t* timer) {
  if (callback == nullptr) return SPORE_E_INVALID;
  const MachineSide* const machine = this->machine();
  if (machine == nullptr) return SPORE_E_STATE;
  // The number is known only after the timer has started; one that fires at once waits for the mutex.
  const auto number = std::make_shared<uint64_t>(0);
  const std::lock_guard lock(mutex_);
  *number = machine->loop->start_timer(delay_ns, [this, callback, argument, number] {
    call_back([&] { return timers_.erase(*number) == 0; }, [&] { callback(argument); });
  });
  timers_.insert(*number);
  if (timer != nullptr) *timer = *number;
  return SPORE_OK;
}

void ObjectHost::cancel_timer(uint64_t timer) {
  const std::lock_guard lock(mutex_);
  if (timers_.erase(timer) != 0) machine()->loop->cancel_timer(timer); // another object's is none of its business
}

spore_status ObjectHost::stop(uint32_t how, uint32_t status, spore_string reason) {
  if (how != SPORE_STOP_POWER_OFF && how != SPORE_STOP_RESET && how != SPORE_STOP_STATUS) return SPORE_E_UNSUPPORTED;
  if (how == SPORE_STOP_STATUS && status > 255) return SPORE_E_INVALID;
  const MachineSide* const machine = this->machine();
  if (machine == nullptr || !machine->stop) return SPORE_E_STATE;
  machine->stop(how, status, name_ + ": " + printable(cut_text(spore::from_abi(reason), kLogLineBytes)));
  return SPORE_OK;
}

spore_host ObjectHost::make_table(ObjectHost* self) {
  spore_host table{};
  table.size = sizeof table;
  table.abi_minor = SPORE_ABI_MINOR;
  table.context = self;
  table.log = [](void* c, int32_t level, spore_string text) {
    of(c).log_.write(level, [&] { return printable(cut_text(spore::from_abi(text), kLogLineBytes)); });
  };
  table.query_interface = [](void* c, spore_string name) -> const void* {
    return of(c).interface(spore::from_abi(name));
  };
  table.read_memory = [](void* c, uint64_t gpa, void* to, uint64_t bytes) -> spore_status {
    return of(c).access_memory([&](MemoryAccess& memory) {
      return memory.read(gpa, {static_cast<uint8_t*>(to), bytes});
    });
  };
  table.write_memory = [](void* c, uint64_t gpa, const void* from, uint64_t bytes) -> spore_status {
    return of(c).access_memory([&](MemoryAccess& memory) {
      return memory.write(gpa, {static_cast<const uint8_t*>(from), bytes});
    });
  };
  table.watch_fd = [](void* c, int32_t fd, uint32_t events, spore_fd_callback callback,
                      void* argument) -> spore_status { return of(c).watch(fd, events, callback, argument); };
  table.modify_fd = [](void* c, int32_t fd, uint32_t events) -> spore_status { return of(c).modify(fd, events); };
  table.unwatch_fd = [](void* c, int32_t fd) { of(c).unwatch(fd); };
  table.start_timer = [](void* c, uint64_t delay, spore_timer_callback callback, void* argument,
                         uint64_t* timer) -> spore_status {
    return of(c).start_timer(delay, callback, argument, timer);
  };
  table.cancel_timer = [](void* c, uint64_t timer) { of(c).cancel_timer(timer); };
  table.counter = [](void* c, spore_string name) -> uint64_t* {
    const std::lock_guard lock(of(c).mutex_);
    auto& counter = of(c).counters_[std::string(spore::from_abi(name))];
    if (!counter) counter = std::make_unique<uint64_t>(0);
    return counter.get();
  };
  table.now_ns = [](void*) -> uint64_t { return monotonic_ns(); };
  return table;
}

} // namespace sporehost
