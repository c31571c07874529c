// Prints what a backend costs on this machine: probing, starting, exits, kicks, mapping. Not a test.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "tests/guests/harness.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using namespace guests;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// The median of `count` runs of `body`, in microseconds; `body` gives its own time.
template <typename Body>
double median(int count, Body body) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(body());
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double exit_cost() {
  constexpr int kExits = 2000;
  GuestMachine machine;
  if (!machine.open(1)) return -1;
  machine.load("exits");
  State state = entry_state({machine.ram().data(), kRamBytes}, kOrigin);
  set_count(state, kExits);
  machine.set_state(state);
  const auto start = Clock::now();
  return machine.run_to_done() ? microseconds_since(start) / kExits : -1;
}

double kick_cost() {
  GuestMachine machine;
  if (!machine.open(1)) return -1;
  machine.load("halt");
  machine.start();
  return median(50, [&] {
    Clock::time_point kicked;
    std::thread host([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      kicked = Clock::now();
      machine.backend().kick(0);
    });
    (void)machine.run();
    const auto returned = Clock::now();
    host.join();
    return std::chrono::duration<double, std::micro>(returned - kicked).count();
  });
}

double slot_cost(bool unmap) {
  constexpr uint64_t kSlots = 128, kSlotBytes = uint64_t{128} << 20;
  const Pages region(kSlots * kSlotBytes); // reserved, never touched
  GuestMachine machine;
  if (!machine.open(1)) return -1;
  constexpr uint64_t kRegion = uint64_t{4} << 30;
  auto start = Clock::now();
  for (uint64_t i = 0; i < kSlots; ++i) {
    if (!machine.map(kRegion + i * kSlotBytes, region.data() + i * kSlotBytes, kSlotBytes,
                     SPORE_MAP_READ | SPORE_MAP_WRITE)) {
      return -1;
    }
  }
  if (!unmap) return microseconds_since(start) / kSlots;
  start = Clock::now();
  for (uint64_t i = 0; i < kSlots; ++i) (void)machine.unmap(kRegion + i * kSlotBytes, kSlotBytes);
  return microseconds_since(start) / kSlots;
}

} // namespace

int main() {
  GuestMachine prober;
  if (const auto reason = prober.unusable()) {
    std::printf("no guest can run here: %s\n", reason->c_str());
    return 77;
  }
  for (const bool measure : {false, true}) {
    const auto start = Clock::now();
    const auto found = prober.probe(measure);
    std::printf("probe(measure=%d)        %8.2f ms  %s\n", measure, microseconds_since(start) / 1000,
                (found ? found->summary : found.error().text).c_str());
  }
  std::printf("open, RAM, one vCPU     %8.2f ms\n", median(15, [] {
                                                      GuestMachine machine;
                                                      const auto start = Clock::now();
                                                      (void)machine.open(1);
                                                      return microseconds_since(start);
                                                    }) / 1000);
  std::printf("destroy                 %8.2f ms\n", median(15, [] {
                                                      auto machine = std::make_unique<GuestMachine>();
                                                      (void)machine->open(1);
                                                      const auto start = Clock::now();
                                                      machine.reset();
                                                      return microseconds_since(start);
                                                    }) / 1000);
  std::printf("port write exit         %8.2f us\n", median(5, exit_cost));
  std::printf("kick to return of run   %8.2f us\n", kick_cost());
  std::printf("map a 128 MiB slot      %8.2f us\n", slot_cost(false));
  std::printf("unmap a 128 MiB slot    %8.2f us\n", slot_cost(true));
  return 0;
}
