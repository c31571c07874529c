// Runs small guest programs on a backend, through the public ABI alone.
//
//   GuestMachine machine;                  // plugin loaded, backend object made
//   ASSERT_TRUE(machine.open(1));          // VM, RAM at guest address 0, vCPU 0 on this thread
//   machine.load("ports");                 // images/ports.bin at kOrigin
//   machine.start();
//   EXPECT_TRUE(machine.run_to_done());
//   machine.accesses();                    // what the guest did at ports and MMIO addresses
//
// A run that takes too long is kicked and counts as failed, so a test ends whatever the guest does.
// Environment: SPORE_GUEST_BACKEND (path of the plugin), SPORE_GUEST_BACKEND_ID (factory, "kvm"), SPORE_GUEST_IMAGES.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/testing/fake_host.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/guests/world.hpp"

namespace guests {

// The guest programs' world; guest.inc has the same figures.
inline constexpr uint64_t kRamBytes = 2 << 20;
inline constexpr uint64_t kOrigin = 0x8000;
inline constexpr uint64_t kResults = 0x10000;
inline constexpr uint64_t kFlags = 0x11000;
inline constexpr uint64_t kMmio = 0x80000000;
inline constexpr uint64_t kHot = 0x40000000;
inline constexpr uint64_t kGpaEnd = uint64_t{1} << 35;
inline constexpr uint16_t kDonePort = 0xf4;
inline constexpr uint16_t kMarkPort = 0xf8;
inline constexpr std::chrono::seconds kPatience{10};

enum class Kind { kPortRead, kPortWrite, kMmioRead, kMmioWrite };

struct Access {
  Kind kind;
  uint64_t address;
  uint32_t bytes;
  uint64_t value; // written, or what the guest was given
  bool operator==(const Access&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Access& access);

// Page-aligned anonymous memory.
class Pages {
 public:
  explicit Pages(size_t bytes);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  [[nodiscard]] uint8_t* data() const { return data_; }
  template <typename Integer>
  [[nodiscard]] volatile Integer& at(uint64_t offset) const {
    return *reinterpret_cast<volatile Integer*>(data_ + offset);
  }

 private:
  uint8_t* data_;
  size_t bytes_;
};

class GuestMachine {
 public:
  // `device`: the backend's option of that name; empty for its default.
  explicit GuestMachine(const std::string& device = "");
  ~GuestMachine();
  GuestMachine(const GuestMachine&) = delete;
  GuestMachine& operator=(const GuestMachine&) = delete;

  // Why guests cannot run here; nothing when they can.
  [[nodiscard]] std::optional<std::string> unusable();
  [[nodiscard]] spore::Result<spore::testing::BackendProbe> probe(bool measure);

  // Opens the VM, maps RAM and creates vCPU 0 on the calling thread. Other vCPUs are created before vCPU 0 runs.
  spore::Result<void> open(uint32_t vcpus, uint32_t flags = SPORE_VM_IRQCHIP);
  void load(const std::string& program);
  void start(); // at kOrigin, in 64-bit mode with paging
  void set_state(const State& state, uint32_t vcpu = 0);
  // Hands the state over as it is, whatever its size says.
  [[nodiscard]] spore_status set_raw_state(const State& state);
  State state(uint32_t vcpu = 0);

  // Until the vCPU leaves `run`, whatever for. nullopt when it took longer than `patience` or `run` failed (see
  // error()).
  std::optional<spore::testing::BackendExit> run(uint32_t vcpu = 0, std::chrono::milliseconds patience = kPatience);
  // Until the guest says that it is done.
  bool run_to_done();

  [[nodiscard]] spore::testing::BackendHandle& backend() { return *backend_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const Pages& ram() const { return ram_; }
  spore::Result<void> map(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags);
  spore::Result<void> unmap(uint64_t gpa, uint64_t bytes);
  spore::Result<void> create_vcpu(uint32_t index);

  // What the guest did but for DONE and marks. May be called while it runs.
  std::vector<Access> accesses();
  // How often the guest wrote to kMarkPort; and waits until it has done so `count` times.
  int marks();
  bool wait_for_marks(int count);

  // Answers the guest's reads (default 0). On the vCPU's thread; set before it runs.
  std::function<uint64_t(Kind kind, uint64_t address, uint32_t bytes)> answer;
  // Sees every write before it is recorded, DONE and marks too. On the vCPU's thread.
  std::function<void(const Access&)> on_write;

 private:
  void on_access_write(Kind kind, uint32_t vcpu, uint64_t address, const void* data, uint32_t bytes);
  void on_access_read(Kind kind, uint64_t address, void* data, uint32_t bytes);

  spore::testing::FakeHost host_;
  std::optional<spore::testing::LoadedPlugin> plugin_;
  std::optional<spore::testing::BackendHandle> backend_;
  const StateInterface* state_ = nullptr;
  Pages ram_{kRamBytes};
  bool vcpu0_ = false;
  std::string error_;

  std::mutex mutex_; // of what follows
  std::condition_variable marked_;
  std::vector<Access> accesses_;
  int marks_ = 0;
  bool done_ = false;
};

} // namespace guests
