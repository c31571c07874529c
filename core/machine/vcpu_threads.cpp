#include "core/machine/vcpu_threads.hpp"

#include <pthread.h>
#include <signal.h>

#include <string>
#include <system_error>
#include <utility>

#include "core/base/plugin_call.hpp"
#include "core/system/crash.hpp"
#include "core/system/event_loop.hpp"
#include "core/system/process.hpp"
#include "core/system/watchdog.hpp"

namespace sporehost {

using spore::Result;

namespace {

// Signals for the process go to the main thread, which waits for them; a backend may unblock one for its own kicks.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, own); // the thread's own doing
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

} // namespace

Result<void> VcpuThreads::start(uint32_t count, const Prepare& prepare) {
  // Shared with the threads: one of them may still be inside a latch when we are past it.
  const auto gates = std::make_shared<Gates>(count);
  prepared_.resize(count);
  threads_.reserve(count);
  Result<void> made;
  {
    const BlockedSignals blocked;
    while (threads_.size() < count && made)
      made = make_thread([this, index = static_cast<uint32_t>(threads_.size()), &prepare, gates] {
        thread_main(index, prepare, *gates);
      });
  }
  if (!made) gates->prepared.count_down(count - static_cast<std::ptrdiff_t>(threads_.size())); // nobody else will
  gates->prepared.wait();
  if (!made) prepared_.back() = made;
  for (const Result<void>& result : prepared_)
    if (!result) stopping_ = true;
  gates->go.count_down();
  for (const Result<void>& result : prepared_)
    if (!result) return stop(), result.error();
  return {};
}

// The library throws where the system gives no thread.
Result<void> VcpuThreads::make_thread(std::function<void()> body) {
  try {
    threads_.push_back(spawn_(std::move(body)));
    return {};
  } catch (const std::system_error& e) {
    return spore::fail(SPORE_E_NO_MEMORY,
                       "no thread for vCPU " + std::to_string(threads_.size()) + ": " + e.code().message() +
                           "; give the machine fewer `cpus`, or raise the limit on processes (ulimit -u, or the "
                           "control group's pids.max)");
  }
}

void VcpuThreads::thread_main(uint32_t index, const Prepare& prepare, Gates& gates) {
  const CrashStack crash_stack; // plugins run on this thread
  name_thread(("vcpu" + std::to_string(index)).c_str());
  Result<void> created = backend_.create_vcpu(index);
  const bool exists = created.ok();
  prepared_[index] = exists ? prepare(index) : created.error();
  gates.prepared.count_down(); // `prepare` may be gone from here on
  gates.go.wait();
  if (!stopping_) run(index);
  if (exists) backend_.destroy_vcpu(index);
}

void VcpuThreads::run(uint32_t index) {
  if (index == 0) first_entry_ns_.store(monotonic_ns(), std::memory_order_release);
  while (!stopping_.load(std::memory_order_acquire)) {
    const Result<VcpuExit> exit = backend_.run(index);
    if (exit.ok() && exit->reason == SPORE_EXIT_KICKED) continue;
    return on_exit_(index, exit);
  }
}

void VcpuThreads::pause() {
  stopping_.store(true, std::memory_order_release);
  for (uint32_t index = 0; index < threads_.size(); ++index) backend_.kick(index);
}

void VcpuThreads::stop() {
  if (threads_.empty()) return;
  pause();
  const PluginCall waits(kWaitsForVcpus); // for the watchdog: one may be held up in a plugin
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

} // namespace sporehost
