// The `spore_host` table of one plugin object: its log lines, options, counters, timers and watched descriptors, all
// booked under its name and all taken back when the object is gone. Its log lines are limited, since a guest may be
// what makes it speak.
#pragma once

#include <sporehost/host.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "core/base/device_lock.hpp"
#include "core/base/source_log.hpp"
#include "core/memory/memory_access.hpp"
#include "core/system/event_loop.hpp"

namespace sporehost {

class ObjectHost {
 public:
  struct Surroundings {
    EventLoop* loop = nullptr;      // nullptr: the object exists only to be asked (plan, inspect)
    MemoryAccess* memory = nullptr; // likewise
    DeviceLock* lock = nullptr;     // held around callbacks; nullptr: no lock
    std::function<const void*(std::string_view name)> interfaces;
  };

  // `name` marks log lines; `options` is the canonical JSON of the object's options. Everything in `surroundings`
  // outlives this. [main]
  ObjectHost(std::string name, std::string options, Surroundings surroundings);
  ~ObjectHost();
  ObjectHost(const ObjectHost&) = delete;
  ObjectHost& operator=(const ObjectHost&) = delete;

  [[nodiscard]] const spore_host* table() const { return &table_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& options() const { return options_; }

  // Counters by name, as they stand. [any]
  [[nodiscard]] std::map<std::string, uint64_t> counters() const;

  // Cancels timers and watches. The destructor does it too; earlier is needed when the object goes first. [main]
  void release();

 private:
  spore_status option(const char* pointer, spore_value* out);
  spore_status watch(int fd, uint32_t events, spore_fd_callback callback, void* argument);
  spore_status start_timer(uint64_t delay_ns, spore_timer_callback callback, void* argument, uint64_t* timer);
  void under_lock(const std::function<void()>& call);
  static spore_host make_table(ObjectHost* self);

  std::string name_;
  const char* who_; // for notes of calls
  std::string options_;
  std::unique_ptr<nlohmann::json> parsed_; // made when the first option is asked for
  Surroundings around_;
  spore_host table_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<uint64_t>> counters_;
  SourceLog log_;
  std::set<int> watched_;
  std::set<uint64_t> timers_;
};

} // namespace sporehost
