// What differs between architectures in the guest programs' world: the state they start in, and how they reach ports.
// Each architecture implements it in its own folder.
#pragma once

#include <sporehost/testing/backend_handle.hpp>

#include <cstdint>
#include <span>

namespace guests {

#if defined(__x86_64__)
using State = spore_x86_state;
using StateInterface = spore_x86_vcpu;
inline constexpr const char* kStateInterface = SPORE_X86_VCPU_1;
inline constexpr bool kHasPorts = true;
#elif defined(__aarch64__)
using State = spore_arm64_state;
using StateInterface = spore_arm64_vcpu;
inline constexpr const char* kStateInterface = SPORE_ARM64_VCPU_1;
inline constexpr bool kHasPorts = false;
#endif

// Where there are no ports, writes into this window stand for them: the guests' DONE and marks.
inline constexpr uint64_t kPortWindow = 0x90000000;
inline constexpr uint64_t kPortWindowBytes = 0x10000;

// A GSI that the guest program "interrupts" listens to.
inline constexpr uint32_t kListenedGsi = 5;

// Prepares RAM (page tables) and gives the state that enters a 64-bit program at guest address `entry`.
State entry_state(std::span<uint8_t> ram, uint64_t entry);

// What a VM needs between `open` and its first vCPU.
spore::Result<void> prepare_vm(spore::testing::BackendHandle& backend, uint32_t flags);

// The register that guest programs read MMIO into first, and the one that "exits" counts down.
uint64_t accumulator(const State& state);
void set_count(State& state, uint64_t count);

} // namespace guests
