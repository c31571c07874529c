// Who is being called: each thread notes the plugin whose code it is in, so that a crash or a standstill can be laid at
// the right door. A note is two plain stores; a signal handler may read the notes of all threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>

namespace sporehost {

// The note of one thread. Written by its owner alone.
struct CallNote {
  std::atomic<const char*> who{nullptr}; // nullptr: our own code
  std::atomic<uint64_t> serial{0};       // goes up with each call and each return
  std::atomic<bool> taken{false};

  void write(const char* name) {
    who.store(name, std::memory_order_relaxed);
    serial.store(serial.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

// The calling thread's note. [any] Safe in a signal handler once the thread has made a call.
CallNote& call_note();
// Who the calling thread's note names; nullptr also for a thread that has none. [any], signal handlers too
const char* called_now();
// All notes, those of threads that are gone included; `count` of them. [any], signal handlers too
CallNote* call_notes(size_t& count);

// A copy of `text` that lives as long as the process: what a note points at must outlive whoever wrote it. [any]
const char* keep_text(const std::string& text);

// Notes `who` (from keep_text, or a literal) for as long as it lives; nests. nullptr: a plugin has called us back.
class PluginCall {
 public:
  explicit PluginCall(const char* who) : note_(call_note()), before_(note_.who.load(std::memory_order_relaxed)) {
    note_.write(who);
  }
  ~PluginCall() { note_.write(before_); }
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

 private:
  CallNote& note_;
  const char* before_;
};

// Logs that `function` of `who` let an exception out, which no plugin may (SDK-7); a few lines in a while. [any]
void tell_escaped(const char* who, const char* function, const char* what);

// Calls into a plugin. False: an exception came out of it, and was told. [any]
template <typename Call>
bool call_plugin(const char* who, const char* function, Call&& call) {
  const PluginCall note(who);
  try {
    call();
    return true;
  } catch (const std::exception& e) {
    tell_escaped(who, function, e.what());
  } catch (...) { // only a plugin without the wrapper's thunks can get here
    tell_escaped(who, function, "of an unknown type");
  }
  return false;
}

// A table of a plugin's functions that notes the plugin while one of them is called: `ops()->read(…)`.
template <typename Ops>
class NotedOps {
 public:
  NotedOps(const char* who, const Ops* ops) : call_(who), ops_(ops) {}
  const Ops* operator->() const { return ops_; }
  const Ops& operator*() const { return *ops_; }

 private:
  PluginCall call_;
  const Ops* ops_;
};

} // namespace sporehost
