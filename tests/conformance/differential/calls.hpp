// Every call that a plugin can make to its host, with good and bad arguments, each written down with its outcome.
#pragma once

#include <sporehost/device.h>
#include <sporehost/host.h>

#include <mutex>
#include <string>
#include <vector>

namespace differential {

// What was called where, and what came of it. [any]
class Transcript {
 public:
  void add(const std::string& where, const std::string& call, const std::string& outcome) {
    const std::scoped_lock guard(mutex_);
    lines_.push_back(where + ": " + call + " = " + outcome);
  }
  void add(const std::string& where, const std::string& call, uint64_t outcome) {
    add(where, call, std::to_string(outcome));
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// The services of one object, and what it keeps between calls.
class Calls {
 public:
  Calls(const spore_host* host, Transcript& transcript);

  // What is [any]. Starts a timer that calls `fired` soon, which writes itself down.
  void any(const std::string& where);
  // What is [main], in `create` only.
  void create();
  // What is [device]; also for callers that break that rule. Takes two chains of queue 0 and keeps the second.
  void device(const std::string& where);
  // Drives an I/O device's interrupts, of which 0 makes edges and 1 has a level. [any]
  void lines();
  // With a chain from before a reset.
  void stale(const std::string& where);

 private:
  void services(const std::string& where);
  void memory(const std::string& where);
  void descriptors(const std::string& where);
  void timers(const std::string& where);
  void machine(const std::string& where);
  void elastic_any(const std::string& where);
  void chains(const std::string& where);
  void chain(const std::string& where, const spore_chain& chain);
  void streams(const std::string& where);
  void elastic(const std::string& where);
  template <typename Table>
  const Table* find(const char* name) const;

  const spore_host* host_;
  Transcript& transcript_;
  const spore_virtio* virtio_;
  const spore_streams* streams_;
  const spore_elastic_memory* elastic_;
  const spore_device_lock* lock_;
  spore_stream_events events_{};
  uint32_t console_ = 99;
  spore_chain held_{};
};

} // namespace differential
