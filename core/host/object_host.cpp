#include "core/host/object_host.hpp"

#include <atomic>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace sporehost {
namespace {

constexpr size_t kLogLineBytes = 4096; // of what a plugin logs at once

ObjectHost& of(void* context) {
  return *static_cast<ObjectHost*>(context);
}

} // namespace

ObjectHost::ObjectHost(std::string name, std::string options, Surroundings surroundings)
    : name_(std::move(name)),
      who_(keep_text("the plugin of '" + name_ + "'")),
      options_(std::move(options)),
      around_(std::move(surroundings)),
      table_(make_table(this)),
      log_(name_) {}

ObjectHost::~ObjectHost() {
  release();
}

void ObjectHost::release() {
  if (around_.loop == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (const int fd : watched_) around_.loop->unwatch(fd);
  for (const uint64_t timer : timers_) around_.loop->cancel_timer(timer);
  watched_.clear();
  timers_.clear();
}

std::map<std::string, uint64_t> ObjectHost::counters() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, uint64_t> values;
  for (const auto& [name, value] : counters_) values[name] = __atomic_load_n(value.get(), __ATOMIC_RELAXED);
  if (const uint64_t left_out = log_.left_out(); left_out > 0) values["log.left-out"] = left_out;
  return values;
}

spore_status ObjectHost::option(const char* pointer, spore_value* out) {
  if (!parsed_) parsed_ = std::make_unique<nlohmann::json>(nlohmann::json::parse(options_, nullptr, false));
  const auto where = nlohmann::json::json_pointer(pointer);
  if (!parsed_->contains(where)) return SPORE_E_NOT_FOUND;
  const nlohmann::json& value = (*parsed_)[where];
  *out = {};
  if (value.is_boolean()) {
    out->type = SPORE_VALUE_BOOLEAN;
    out->boolean = value.get<bool>() ? 1 : 0;
  } else if (value.is_number_integer()) {
    out->type = SPORE_VALUE_INTEGER;
    out->integer = value.get<int64_t>();
  } else if (value.is_number()) {
    out->type = SPORE_VALUE_NUMBER;
    out->number = value.get<double>();
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    out->type = SPORE_VALUE_STRING;
    out->string = {text.data(), text.size()};
  } else {
    return value.is_null() ? SPORE_E_NOT_FOUND : SPORE_E_INVALID;
  }
  return SPORE_OK;
}

void ObjectHost::under_lock(const std::function<void()>& call) {
  std::unique_lock<DeviceLock> lock;
  if (around_.lock != nullptr) lock = std::unique_lock(*around_.lock);
  call_plugin(who_, "a callback", call);
}

spore_status ObjectHost::watch(int fd, uint32_t events, spore_fd_callback callback, void* argument) {
  if (around_.loop == nullptr) return SPORE_E_UNSUPPORTED;
  const auto watched = around_.loop->watch(
      fd, events, [this, callback, argument](uint32_t seen) { under_lock([&] { callback(argument, seen); }); });
  if (!watched) return watched.error().status;
  const std::lock_guard lock(mutex_);
  watched_.insert(fd);
  return SPORE_OK;
}

spore_status ObjectHost::start_timer(uint64_t delay_ns, spore_timer_callback callback, void* argument,
                                     uint64_t* timer) {
  if (around_.loop == nullptr) return SPORE_E_UNSUPPORTED;
  // The number is known only after the timer has started, and it may fire before that: it is passed on in a cell.
  const auto number = std::make_shared<std::atomic<uint64_t>>(0);
  *timer = around_.loop->start_timer(delay_ns, [this, callback, argument, number] {
    {
      const std::lock_guard lock(mutex_);
      timers_.erase(number->load());
    }
    under_lock([&] { callback(argument); });
  });
  number->store(*timer);
  const std::lock_guard lock(mutex_);
  timers_.insert(*timer);
  return SPORE_OK;
}

spore_host ObjectHost::make_table(ObjectHost* self) {
  return spore_host{
      .size = sizeof(spore_host),
      .abi_minor = SPORE_ABI_MINOR,
      .context = self,
      .log =
          [](void* c, int32_t level, spore_string text) {
            of(c).log_.write(level, [&] {
              const std::string_view line = text.data != nullptr ? std::string_view(text.data, text.length) : "";
              return printable(cut_text(line, kLogLineBytes));
            });
          },
      .query_interface = [](void* c, const char* name) -> const void* {
        return of(c).around_.interfaces ? of(c).around_.interfaces(name) : nullptr;
      },
      .option = [](void* c, const char* pointer, spore_value* out) -> spore_status {
        return of(c).option(pointer, out);
      },
      .read_memory = [](void* c, uint64_t gpa, void* to, size_t bytes) -> spore_status {
        if (of(c).around_.memory == nullptr) return SPORE_E_STATE;
        return of(c).around_.memory->read(gpa, {static_cast<uint8_t*>(to), bytes});
      },
      .write_memory = [](void* c, uint64_t gpa, const void* from, size_t bytes) -> spore_status {
        if (of(c).around_.memory == nullptr) return SPORE_E_STATE;
        return of(c).around_.memory->write(gpa, {static_cast<const uint8_t*>(from), bytes});
      },
      .watch_fd = [](void* c, int fd, uint32_t events, spore_fd_callback callback, void* argument) -> spore_status {
        return of(c).watch(fd, events, callback, argument);
      },
      .unwatch_fd =
          [](void* c, int fd) {
            if (of(c).around_.loop == nullptr) return;
            of(c).around_.loop->unwatch(fd);
            const std::lock_guard lock(of(c).mutex_);
            of(c).watched_.erase(fd);
          },
      .start_timer = [](void* c, uint64_t delay, spore_timer_callback callback, void* argument, uint64_t* timer)
          -> spore_status { return of(c).start_timer(delay, callback, argument, timer); },
      .cancel_timer =
          [](void* c, uint64_t timer) {
            if (of(c).around_.loop == nullptr) return;
            of(c).around_.loop->cancel_timer(timer);
            const std::lock_guard lock(of(c).mutex_);
            of(c).timers_.erase(timer);
          },
      .counter = [](void* c, const char* name) -> uint64_t* {
        const std::lock_guard lock(of(c).mutex_);
        auto& counter = of(c).counters_[name];
        if (!counter) counter = std::make_unique<uint64_t>(0);
        return counter.get();
      },
      .now_ns = [](void*) -> uint64_t { return monotonic_ns(); },
  };
}

} // namespace sporehost
