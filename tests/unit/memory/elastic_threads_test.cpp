// The elastic region under threads that fight over it; ThreadSanitizer watches the same tests.
#include "core/memory/elastic_region.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/fake_slot_mapper.hpp"

namespace sporehost {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kBlock = 2 * kMiB;
constexpr uint64_t kSlot = 16 * kMiB;
constexpr uint64_t kGpa = uint64_t{4} << 30;
constexpr auto kPatience = 20s; // no test takes it

class ElasticThreads : public ::testing::Test {
 protected:
  testing::FakeSlotMapper mapper_;
  std::unique_ptr<ElasticRegion> region_ =
      std::move(ElasticRegion::create({kGpa, 4 * kSlot, kBlock, kSlot}, mapper_)).value();
};

// Everything that can be seen of a region.
struct Picture {
  uint64_t plugged_bytes;
  std::vector<BlockState> blocks;
  int maps, unmaps;
  friend bool operator==(const Picture&, const Picture&) = default;
};

// Between freeze(true) and freeze(false) nothing changes, though three threads try all the time: a change that was
// under way when freeze was called is over when it returns. Reading the mapper without a lock is part of the claim.
TEST_F(ElasticThreads, AFreezeIsAFreeze) {
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> changes{0}, refused{0};
  const auto fight = [&](auto&& change) {
    return std::thread([&, change]() mutable {
      while (!stop) {
        const auto changed = change();
        if (changed.ok()) {
          ++changes;
        } else if (changed.error().status == SPORE_E_BUSY) {
          ++refused;
        } else {
          EXPECT_EQ(changed.error().status, SPORE_E_STATE) << changed.error().text;
        }
      }
    });
  };
  std::vector<std::thread> threads;
  threads.push_back(fight([&] { return region_->plug(kBlock, 2 * kSlot); }));
  threads.push_back(fight([&] { return region_->unplug(kBlock, 2 * kSlot); }));
  threads.push_back(fight([&, kept = uint64_t{0}]() mutable { return region_->keep_mapped(kept ^= kSlot); }));
  const auto picture = [&] {
    Picture seen{region_->plugged_bytes(), {}, mapper_.maps, mapper_.unmaps};
    for (uint64_t at = 0; at < 4 * kSlot; at += kBlock) seen.blocks.push_back(region_->blocks(at, kBlock));
    return seen;
  };
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (int freezes = 0; freezes < 50 && std::chrono::steady_clock::now() < until; ++freezes) {
    region_->freeze(true);
    const Picture first = picture();
    const uint64_t before = refused;
    while (refused < before + 3 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(picture() == first);
    region_->freeze(false);
    const uint64_t changed = changes;
    while (changes == changed && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(changes, 50u);
  EXPECT_GE(refused, 150u);
}

// A copy finds its range plugged to its end, or touches nothing: a write that was accepted lands before the unplug, so
// that the next plug reads zeros, and the pages are never closed under a copy.
TEST_F(ElasticThreads, CopiesAndUnplugsMayRace) {
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> copied{0}, refused{0};
  std::thread copier([&] {
    const std::vector<uint8_t> ones(4096, 1);
    for (uint64_t i = 0; !stop; ++i) {
      const spore_status status = region_->write(i % 8 * kBlock, ones.data(), ones.size());
      EXPECT_TRUE(status == SPORE_OK || status == SPORE_E_RANGE) << status;
      ++(status == SPORE_OK ? copied : refused);
    }
  });
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const std::vector<uint8_t> zeros(4096);
  for (int round = 0; (round < 200 || copied < 100 || refused < 100) && std::chrono::steady_clock::now() < until;
       ++round) {
    ASSERT_TRUE(region_->plug(0, kSlot).ok());
    while (copied == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_TRUE(region_->unplug(0, kSlot).ok());
    for (uint64_t block = 0; block < 8; ++block)
      EXPECT_EQ(region_->blocks(block * kBlock, kBlock), BlockState::unplugged);
  }
  stop = true;
  copier.join();
  EXPECT_GE(copied, 100u) << "of the writes some found memory";
  EXPECT_GE(refused, 100u) << "and some did not";
  ASSERT_TRUE(region_->plug(0, kSlot).ok());
  for (uint64_t block = 0; block < 8; ++block) {
    std::vector<uint8_t> back(4096, 1);
    ASSERT_EQ(region_->read(block * kBlock, back.data(), back.size()), SPORE_OK);
    EXPECT_TRUE(back == zeros) << "block " << block << " has what was written before it was unplugged";
  }
}

} // namespace
} // namespace sporehost
