// One thread a vCPU, from its creation to its end. Whatever ends a vCPU is posted to the main thread, which decides.
#pragma once

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "core/host/backend.hpp"

namespace sporehost {

class VcpuThreads {
 public:
  // Puts vCPU `index` into its first state. [vcpu], once
  using Prepare = std::function<spore::Result<void>(uint32_t index)>;
  // `exit` ended the run of vCPU `index`, or `run` itself failed. [vcpu]
  using OnExit = std::function<void(uint32_t index, const spore::Result<VcpuExit>& exit)>;

  // Starts a thread, or throws std::system_error as std::thread does; tests say when.
  using Spawn = std::function<std::thread(std::function<void()> body)>;

  VcpuThreads(
      Backend& backend, OnExit on_exit,
      Spawn spawn = [](std::function<void()> body) { return std::thread(std::move(body)); })
      : backend_(backend), on_exit_(std::move(on_exit)), spawn_(std::move(spawn)) {}
  ~VcpuThreads() { stop(); }
  VcpuThreads(const VcpuThreads&) = delete;
  VcpuThreads& operator=(const VcpuThreads&) = delete;

  // Creates all vCPUs, each on its thread, and starts them together once every one of them is prepared. [main] Where
  // one cannot be made, none has entered the guest and no thread is left.
  spore::Result<void> start(uint32_t count, const Prepare& prepare);

  // Ends every vCPU and waits for its thread. [main] Harmless when done twice.
  void stop();

  // Keeps a vCPU from entering the guest again once it has left it; for a guest that asked for its own end. [any]
  void pause();

  // When the first vCPU entered the guest, monotonic; 0: not yet. [any]
  [[nodiscard]] uint64_t first_entry_ns() const { return first_entry_ns_.load(std::memory_order_acquire); }

 private:
  struct Gates {
    explicit Gates(uint32_t count) : prepared(count), go(1) {}
    std::latch prepared; // every vCPU exists and has its first state
    std::latch go;
  };
  void thread_main(uint32_t index, const Prepare& prepare, Gates& gates);
  void run(uint32_t index);
  spore::Result<void> make_thread(std::function<void()> body);

  Backend& backend_;
  OnExit on_exit_;
  Spawn spawn_;
  std::vector<std::thread> threads_;
  std::vector<spore::Result<void>> prepared_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> first_entry_ns_{0};
};

} // namespace sporehost
