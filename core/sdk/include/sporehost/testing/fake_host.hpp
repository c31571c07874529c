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
// The thread that makes the FakeHost counts as the host's main thread. Unlike a host it leaves out none of the lines
// that an object logs, has no report, and does not check what a policy decides.
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/checks.hpp>
#include <sporehost/testing/fake_loop.hpp>
#include <sporehost/testing/fake_memory.hpp>
#include <sporehost/testing/json.hpp>
#include <sporehost/testing/leftovers.hpp>
#include <sporehost/testing/option_schema.hpp>

#include <deque>
#include <memory>

namespace spore::testing {

using OptionValue = Json;

struct LogLine {
  int32_t level; // SPORE_LOG_*
  std::string text;
};

// What an object asked for by sporehost.machine/1.
struct StopRequest {
  uint32_t how; // SPORE_STOP_*
  uint32_t status;
  std::string reason;
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
  // The interrupts that an I/O device has described, SPORE_TRIGGER_* each; IoHandle says them. [main]
  [[nodiscard]] const std::vector<uint32_t>& triggers() const { return triggers_; }
  void set_triggers(std::vector<uint32_t> triggers) { triggers_ = std::move(triggers); }

  // Whether the machine is built. Without one, as when an object is only asked something, there is no guest memory, and
  // nothing calls back: SPORE_E_STATE. True at first.
  void set_machine(bool there) { machine_there_ = there; }

  // ---- options: what `create` is given, as canonical JSON ----
  // By JSON pointer: "/size", "/outer/inner". The factory's schema is applied to them as it is to what a user writes:
  // defaults are filled in, "64MiB" becomes a number, and what does not fit is refused before `create` is called.
  template <typename Value>
  void set_option(const std::string& pointer, const Value& value) {
    if constexpr (std::is_same_v<Value, Json> || std::is_same_v<Value, bool>) {
      options_.set(pointer, value);
    } else if constexpr (std::is_integral_v<Value>) {
      options_.set(pointer, static_cast<int64_t>(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
      options_.set(pointer, static_cast<double>(value));
    } else {
      options_.set(pointer, std::string(value));
    }
  }
  // All of them at once, passed through as they are: also what a schema keeps from a plugin.
  void set_options_json(std::string text) { options_json_ = std::move(text); }
  [[nodiscard]] Result<std::string> options_json(std::string_view schema) const {
    return options_json_ ? Result<std::string>(*options_json_) : OptionSchema::apply(schema, options_);
  }

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
  // The first request counts, as on the host.
  [[nodiscard]] std::optional<StopRequest> stop_request() const {
    const std::scoped_lock guard(mutex_);
    return stop_;
  }

  // ---- time and files ----
  [[nodiscard]] uint64_t now_ns() const { return loop_.now_ns(); }
  [[nodiscard]] size_t timers() const { return loop_.timers(); }
  [[nodiscard]] size_t watches() const { return loop_.watches(); }

  // Lets `ns` pass: fires the timers that fall due, in order, each at its own time. [main]
  void advance(uint64_t ns) {
    on_main("advance");
    loop_.advance(ns, [this](const auto& call) { call_back(call); });
    run_posted();
  }
  // One step of the event loop: waits at most `timeout_ms` and serves what is ready; gives how many were. [main]
  size_t poll_once(int timeout_ms = 0) {
    on_main("poll_once");
    const size_t served = loop_.poll_once(timeout_ms, [this](const auto& call) { call_back(call); });
    run_posted();
    return served;
  }

  // ---- for the services ----
  // Has a call made with the next turn of the event loop. [any]
  void post(std::function<void()> call) {
    const std::scoped_lock guard(mutex_);
    posted_.push_back(std::move(call));
  }
  // The function named is tagged [device], or [main]. As on the host a caller without the lock confuses nobody but
  // itself: what it gets is the lock for the time of the call.
  [[nodiscard]] std::unique_lock<DeviceLock> on_device(const char* function) {
    if (!lock_.held()) checks_.broken(11, std::string(function) + " is [device]: it needs the device's lock");
    return std::unique_lock(lock_);
  }
  void on_main(const char* function) {
    if (std::this_thread::get_id() != main_)
      checks_.broken(11, std::string(function) + " is [main]: another thread called");
  }

  // ---- for the handles ----
  // While it lives, the thread is inside the plugin on behalf of this host. What a `counted` visit opens and starts
  // must have an end when the object has.
  class Visit {
   public:
    explicit Visit(FakeHost& host, bool counted = false) : host_(host), before_(std::exchange(inside_, &host)) {
      if (counted) census_ = Leftovers::Census::now();
    }
    ~Visit() {
      inside_ = before_;
      if (census_) host_.leftovers_.add(*census_, Leftovers::Census::now());
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    FakeHost& host_;
    FakeHost* before_;
    std::optional<Leftovers::Census> census_;
  };

  void object_comes(uint32_t kind) {
    kind_ = kind;
    gone_ = false;
  }
  // The object is gone (SDK-10), or did not come (SDK-9): what it has left is noted, and taken back as far as a host
  // can. Timers may be left, the host cancels them.
  void object_gone(int rule) {
    for (const int fd : loop_.clear()) checks_.broken(rule, "descriptor " + std::to_string(fd) + " is left watched");
    for (const std::string& what : leftovers_.left()) checks_.broken(rule, what);
    gone_ = true;
  }

 private:
  // Whose table is called, and whether that may be.
  static FakeHost& of(void* context) {
    auto& host = *static_cast<FakeHost*>(context);
    if (host.gone_) host.checks_.broken(10, "the host was called after the object had been destroyed");
    if (inside_ != nullptr && inside_ != &host) host.checks_.broken(19, "an object called the host of another object");
    return host;
  }
  static std::string_view view(spore_string text) {
    return text.data != nullptr ? std::string_view(text.data, text.length) : std::string_view();
  }

  [[nodiscard]] bool is_device() const { return kind_ == SPORE_KIND_VIRTIO_DEVICE || kind_ == SPORE_KIND_IO_DEVICE; }

  void run_posted() {
    const auto posted = [this] {
      const std::scoped_lock guard(mutex_);
      return std::exchange(posted_, {});
    }();
    for (const auto& call : posted) call();
  }

  void call_back(const std::function<void()>& call) {
    std::unique_lock<DeviceLock> guard(lock_, std::defer_lock);
    if (is_device()) guard.lock();
    const Visit visit(*this, true);
    try {
      call();
    } catch (...) {
      checks_.broken(7, "a callback let an exception out");
    }
  }

  const void* find(std::string_view name) {
    if (name == SPORE_MACHINE_1) return &machine_table_;
    if (name == SPORE_DEVICE_LOCK_1) return is_device() ? &lock_table_ : nullptr;
    if (name == SPORE_VIRTIO_1 && kind_ != SPORE_KIND_VIRTIO_DEVICE) return nullptr;
    if (name == SPORE_INTERRUPTS_1 && kind_ != SPORE_KIND_IO_DEVICE) return nullptr;
    if (!is_device()) return nullptr;
    const auto found = services_.find(name);
    return found == services_.end() ? nullptr : found->second;
  }

  void write_log(int32_t level, spore_string text) {
    const std::scoped_lock guard(mutex_);
    log_.push_back({level, std::string(view(text))});
  }

  uint64_t* counter_of(spore_string name) {
    const std::scoped_lock guard(mutex_);
    return &counters_[std::string(view(name))];
  }

  spore_status stop(uint32_t how, uint32_t status, spore_string reason) {
    if (how < SPORE_STOP_POWER_OFF || how > SPORE_STOP_STATUS) return SPORE_E_UNSUPPORTED;
    if (how == SPORE_STOP_STATUS && status > 255) return SPORE_E_INVALID;
    if (!machine_there_) return SPORE_E_STATE;
    const std::scoped_lock guard(mutex_);
    if (!stop_) stop_ = {how, status, std::string(view(reason))};
    return SPORE_OK;
  }

  void unlock() {
    if (!lock_.held()) return checks_.broken(11, "unlock is [device]: the lock is not held");
    lock_.unlock();
  }

  Checks checks_;
  DeviceLock lock_;
  FakeMemory memory_;
  FakeLoop loop_{checks_};
  std::vector<uint32_t> triggers_;
  std::thread::id main_ = std::this_thread::get_id();
  // What the object is: it decides which services there are, and whether callbacks come with the device's lock.
  uint32_t kind_ = SPORE_KIND_VIRTIO_DEVICE;
  static inline thread_local FakeHost* inside_ = nullptr; // whose object the thread is inside of
  Leftovers leftovers_;
  std::atomic<bool> gone_{false};
  std::atomic<bool> machine_there_{true};
  Json options_{Json::Object()};
  std::optional<std::string> options_json_;
  std::map<std::string, const void*, std::less<>> services_;
  mutable std::mutex mutex_; // of what follows
  std::vector<LogLine> log_;
  std::map<std::string, uint64_t> counters_; // a map's nodes stay where they are
  std::optional<StopRequest> stop_;
  std::vector<std::function<void()>> posted_;

  // Every table of a fake is filled by assignment, so that it is right in a build in which structs have grown.
  spore_host make_table() {
    spore_host t{};
    t.size = sizeof t;
    t.abi_minor = SPORE_ABI_MINOR;
    t.context = this;
    t.log = [](void* context, int32_t level, spore_string text) { of(context).write_log(level, text); };
    t.query_interface = [](void* context, spore_string name) { return of(context).find(view(name)); };
    t.read_memory = [](void* context, uint64_t gpa, void* to, uint64_t bytes) -> spore_status {
      return of(context).machine_there_ ? of(context).memory_.read(gpa, to, bytes) : SPORE_E_STATE;
    };
    t.write_memory = [](void* context, uint64_t gpa, const void* from, uint64_t bytes) -> spore_status {
      return of(context).machine_there_ ? of(context).memory_.write(gpa, from, bytes) : SPORE_E_STATE;
    };
    t.watch_fd = [](void* context, int32_t fd, uint32_t events, spore_fd_callback callback,
                    void* argument) -> spore_status {
      return of(context).loop_.watch(fd, events, callback, argument, of(context).machine_there_);
    };
    t.modify_fd = [](void* context, int32_t fd, uint32_t events) { return of(context).loop_.modify(fd, events); };
    t.unwatch_fd = [](void* context, int32_t fd) { of(context).loop_.unwatch(fd); };
    t.start_timer = [](void* context, uint64_t delay_ns, spore_timer_callback callback, void* argument,
                       uint64_t* timer) -> spore_status {
      return of(context).loop_.start_timer(delay_ns, callback, argument, timer, of(context).machine_there_);
    };
    t.cancel_timer = [](void* context, uint64_t timer) { of(context).loop_.cancel_timer(timer); };
    t.counter = [](void* context, spore_string name) { return of(context).counter_of(name); };
    t.now_ns = [](void* context) { return of(context).now_ns(); };
    return t;
  }
  spore_machine make_machine_table() {
    spore_machine t{};
    t.size = sizeof t;
    t.context = this;
    t.stop = [](void* context, uint32_t how, uint32_t status, spore_string reason) {
      return of(context).stop(how, status, reason);
    };
    return t;
  }
  spore_device_lock make_lock_table() {
    spore_device_lock t{};
    t.size = sizeof t;
    t.context = this;
    t.lock = [](void* context) { of(context).lock_.lock(); };
    t.unlock = [](void* context) { of(context).unlock(); };
    return t;
  }

  const spore_host table_ = make_table();
  const spore_machine machine_table_ = make_machine_table();
  const spore_device_lock lock_table_ = make_lock_table();
};

} // namespace spore::testing
