// A host for one object under test: the whole `spore_host` table, with everything visible and time in the test's hands.
//
//   FakeHost host;
//   host.set_option("/block-size", int64_t{2} << 20);
//   FakeVirtio virtio(host);                       // services register themselves with the host
//   auto plugin = load_plugin("build/debug/plugins/virtio-mem.so");
//
// What the plugin's code sees is the C ABI alone, so the same tests serve a plugin in any language. Needs nothing but
// the SDK and the standard library. See fake_virtio.hpp, fake_elastic.hpp, fake_streams.hpp, fake_interrupts.hpp for
// the services, plugin_loader.hpp to load a plugin and make objects.
//
// The thread that makes the FakeHost counts as the host's main thread.
#pragma once

#include <sporehost/host.h>
#include <sporehost/testing/checks.hpp>
#include <sporehost/testing/fake_memory.hpp>

#include <poll.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <variant>

namespace spore::testing {

using OptionValue = std::variant<bool, int64_t, double, std::string>;

struct LogLine {
  int32_t level; // SPORE_LOG_*
  std::string text;
};

class FakeHost {
 public:
  FakeHost() = default;
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const spore_host* table() const { return &table_; }
  [[nodiscard]] Checks& checks() { return checks_; }
  [[nodiscard]] DeviceLock& device_lock() { return lock_; }
  [[nodiscard]] FakeMemory& memory() { return memory_; }

  // ---- options: what the plugin reads by JSON pointer, and the canonical JSON it is given at `create` ----
  template <typename Value>
  void set_option(const std::string& pointer, const Value& value) {
    if constexpr (std::is_same_v<Value, OptionValue> || std::is_same_v<Value, bool>) {
      options_[pointer] = value;
    } else if constexpr (std::is_integral_v<Value>) {
      options_[pointer] = static_cast<int64_t>(value);
    } else if constexpr (std::is_floating_point_v<Value>) {
      options_[pointer] = static_cast<double>(value);
    } else {
      options_[pointer] = std::string(value);
    }
  }
  // The text for a plugin that parses the JSON itself; it is passed through as it is. "{}" when not set.
  void set_options_json(std::string text) { options_json_ = std::move(text); }
  [[nodiscard]] spore_string options_json() const { return {options_json_.data(), options_json_.size()}; }

  // Makes a service known under its name; the table must outlive the object under test.
  void provide(const std::string& name, const void* table) { services_[name] = table; }

  // ---- what the plugin did ----
  [[nodiscard]] std::vector<LogLine> log() const {
    const std::scoped_lock guard(mutex_);
    return log_;
  }
  [[nodiscard]] size_t log_count(int32_t level) const {
    const std::scoped_lock guard(mutex_);
    return static_cast<size_t>(
        std::count_if(log_.begin(), log_.end(), [&](const auto& l) { return l.level == level; }));
  }
  [[nodiscard]] bool logged(std::string_view part) const {
    const std::scoped_lock guard(mutex_);
    return std::any_of(log_.begin(), log_.end(), [&](const LogLine& l) { return l.text.find(part) != l.text.npos; });
  }
  // A counter's value; 0 when the plugin never asked for it.
  [[nodiscard]] uint64_t counter(const std::string& name) const {
    const std::scoped_lock guard(mutex_);
    const auto found = counters_.find(name);
    return found == counters_.end() ? 0 : __atomic_load_n(&found->second, __ATOMIC_RELAXED);
  }

  // ---- time and files ----
  [[nodiscard]] uint64_t now_ns() const { return now_ns_.load(); }
  [[nodiscard]] size_t timers() const { return timers_.size(); }
  [[nodiscard]] size_t watches() const { return watches_.size(); }

  // Lets `ns` pass: fires the timers that fall due, in order, each at its own time, with the device's lock held. [main]
  void advance(uint64_t ns) {
    on_main("advance");
    const uint64_t until = now_ns_ + ns;
    for (auto due = next_due(until); due != timers_.end(); due = next_due(until)) {
      now_ns_ = std::max(now_ns_.load(), due->second.at_ns);
      const Timer timer = due->second;
      timers_.erase(due);
      const std::scoped_lock guard(lock_);
      timer.callback(timer.argument);
    }
    now_ns_ = until;
  }

  // One step of the event loop: waits at most `timeout_ms` and serves what is ready; gives how many were. [main]
  size_t poll_once(int timeout_ms = 0) {
    on_main("poll_once");
    std::vector<pollfd> ready;
    for (const auto& [fd, watch] : watches_) ready.push_back({fd, watch.poll_events(), 0});
    if (::poll(ready.data(), ready.size(), timeout_ms) <= 0) return 0;
    size_t served = 0;
    for (const pollfd& entry : ready) {
      const auto found = watches_.find(entry.fd);
      if (entry.revents == 0 || found == watches_.end()) continue;
      checks_.require((entry.revents & POLLNVAL) == 0, "a watched descriptor was closed before it was unwatched");
      const Watch watch = found->second;
      const std::scoped_lock guard(lock_);
      watch.callback(watch.argument, Watch::to_spore(entry.revents));
      ++served;
    }
    return served;
  }

  // For the services: the function named is tagged [device], or [main].
  void on_device(const char* function) {
    if (!lock_.held()) checks_.broken(std::string(function) + " is [device]: it needs the device's lock");
  }
  void on_main(const char* function) {
    if (std::this_thread::get_id() != main_)
      checks_.broken(std::string(function) + " is [main]: another thread called");
  }

 private:
  struct Timer {
    uint64_t at_ns;
    spore_timer_callback callback;
    void* argument;
  };
  using Timers = std::map<uint64_t, Timer>;

  struct Watch {
    uint32_t events;
    spore_fd_callback callback;
    void* argument;

    [[nodiscard]] short poll_events() const {
      return static_cast<short>(((events & SPORE_FD_READABLE) != 0 ? POLLIN : 0) |
                                ((events & SPORE_FD_WRITABLE) != 0 ? POLLOUT : 0));
    }
    static uint32_t to_spore(short revents) {
      uint32_t events = 0;
      if ((revents & POLLIN) != 0) events |= SPORE_FD_READABLE;
      if ((revents & POLLOUT) != 0) events |= SPORE_FD_WRITABLE;
      if ((revents & (POLLHUP | POLLERR)) != 0) events |= SPORE_FD_HANGUP;
      return events;
    }
  };

  static FakeHost& of(void* context) { return *static_cast<FakeHost*>(context); }

  void on_main_or_device(const char* function) {
    if (std::this_thread::get_id() == main_ || lock_.held()) return;
    checks_.broken(std::string(function) + " is [main] or [device]: neither holds");
  }

  Timers::iterator next_due(uint64_t until_ns) {
    const auto first = std::min_element(timers_.begin(), timers_.end(),
                                        [](const auto& a, const auto& b) { return a.second.at_ns < b.second.at_ns; });
    return first == timers_.end() || first->second.at_ns > until_ns ? timers_.end() : first;
  }

  static void log_thunk(void* context, int32_t level, spore_string text) {
    FakeHost& host = of(context);
    const std::scoped_lock guard(host.mutex_);
    host.log_.push_back({level, std::string(text.data, text.length)});
  }

  static const void* query_thunk(void* context, const char* name) {
    const auto found = of(context).services_.find(name);
    return found == of(context).services_.end() ? nullptr : found->second;
  }

  static spore_status option_thunk(void* context, const char* pointer, spore_value* out) {
    const auto found = of(context).options_.find(pointer);
    if (found == of(context).options_.end()) return SPORE_E_NOT_FOUND;
    *out = {};
    const OptionValue& value = found->second;
    if (const auto* boolean = std::get_if<bool>(&value)) {
      out->type = SPORE_VALUE_BOOLEAN;
      out->boolean = *boolean ? 1 : 0;
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      out->type = SPORE_VALUE_INTEGER;
      out->integer = *integer;
    } else if (const auto* number = std::get_if<double>(&value)) {
      out->type = SPORE_VALUE_NUMBER;
      out->number = *number;
    } else if (const auto* string = std::get_if<std::string>(&value)) {
      out->type = SPORE_VALUE_STRING;
      out->string = {string->data(), string->size()};
    }
    return SPORE_OK;
  }

  static spore_status watch_thunk(void* context, int fd, uint32_t events, spore_fd_callback callback, void* argument) {
    of(context).on_main_or_device("watch_fd");
    if (fd < 0 || callback == nullptr) return SPORE_E_INVALID;
    return of(context).watches_.try_emplace(fd, Watch{events, callback, argument}).second ? SPORE_OK : SPORE_E_EXISTS;
  }
  static void unwatch_thunk(void* context, int fd) {
    of(context).on_main_or_device("unwatch_fd");
    of(context).watches_.erase(fd);
  }

  static spore_status start_timer_thunk(void* context, uint64_t delay_ns, spore_timer_callback callback, void* argument,
                                        uint64_t* timer) {
    FakeHost& host = of(context);
    host.on_main_or_device("start_timer");
    if (callback == nullptr) return SPORE_E_INVALID;
    const uint64_t number = ++host.last_timer_;
    host.timers_[number] = {host.now_ns_ + delay_ns, callback, argument};
    if (timer != nullptr) *timer = number;
    return SPORE_OK;
  }
  static void cancel_timer_thunk(void* context, uint64_t timer) {
    of(context).on_main_or_device("cancel_timer");
    of(context).timers_.erase(timer);
  }

  static uint64_t* counter_thunk(void* context, const char* name) {
    const std::scoped_lock guard(of(context).mutex_);
    return &of(context).counters_[name];
  }

  Checks checks_;
  DeviceLock lock_;
  FakeMemory memory_;
  std::thread::id main_ = std::this_thread::get_id();
  std::map<std::string, OptionValue> options_;
  std::string options_json_ = "{}";
  std::map<std::string, const void*, std::less<>> services_;
  mutable std::mutex mutex_; // of log_ and counters_
  std::vector<LogLine> log_;
  std::map<std::string, uint64_t> counters_; // a map's nodes stay where they are
  std::atomic<uint64_t> now_ns_{1'000'000'000};
  uint64_t last_timer_ = 0;
  Timers timers_;
  std::map<int, Watch> watches_;

  const spore_host table_{
      .size = sizeof(spore_host),
      .abi_minor = SPORE_ABI_MINOR,
      .context = this,
      .log = &log_thunk,
      .query_interface = &query_thunk,
      .option = &option_thunk,
      .read_memory = [](void* context, uint64_t gpa, void* to,
                        size_t bytes) { return of(context).memory_.read(gpa, to, bytes); },
      .write_memory = [](void* context, uint64_t gpa, const void* from,
                         size_t bytes) { return of(context).memory_.write(gpa, from, bytes); },
      .watch_fd = &watch_thunk,
      .unwatch_fd = &unwatch_thunk,
      .start_timer = &start_timer_thunk,
      .cancel_timer = &cancel_timer_thunk,
      .counter = &counter_thunk,
      .now_ns = [](void* context) { return of(context).now_ns(); },
  };
};

} // namespace spore::testing
