// Random sequences against a model that is nothing but the rules: a set of blocks and a requested size. The seed is in
// the test's name or message, so a failure can be run again.
#include "fixture.hpp"

#include <random>

#include "tests/support/trial.hpp"

namespace vmem {
namespace {

constexpr uint64_t kBlocks = GiB / kBlock;

class Model {
 public:
  std::set<uint64_t> plugged;
  uint64_t requested = 0;
  bool busy = false;

  [[nodiscard]] uint64_t plugged_bytes() const { return plugged.size() * kBlock; }

  [[nodiscard]] uint64_t count(uint64_t block, uint64_t blocks) const {
    return static_cast<uint64_t>(std::distance(plugged.lower_bound(block), plugged.lower_bound(block + blocks)));
  }

  // The answer that the rules demand; `usable` in blocks. Applies it, if it is ACK.
  uint16_t plug(uint64_t block, uint64_t blocks, uint64_t usable) {
    if (blocks == 0 || block + blocks > usable || count(block, blocks) != 0) return ERROR;
    if (plugged_bytes() + blocks * kBlock > requested) return NACK;
    if (busy) return BUSY;
    for (uint64_t i = 0; i < blocks; ++i) plugged.insert(block + i);
    return ACK;
  }
  uint16_t unplug(uint64_t block, uint64_t blocks, uint64_t usable) {
    if (blocks == 0 || block + blocks > usable || count(block, blocks) != blocks) return ERROR;
    if (busy) return BUSY;
    plugged.erase(plugged.lower_bound(block), plugged.lower_bound(block + blocks));
    return ACK;
  }
};

class VmemModelBase : public testing::Test {
 protected:
  uint64_t upto(uint64_t most) { return std::uniform_int_distribution<uint64_t>(0, most)(random_); }
  uint16_t some_count() { return static_cast<uint16_t>(upto(3) == 0 ? upto(200) : 1 + upto(7)); }

  void step(Machine& m) {
    const uint64_t usable = m.get(USABLE_SIZE) / kBlock;
    const uint64_t block = upto(kBlocks + 8);
    const uint16_t count = some_count();
    switch (upto(15)) {
      case 0:
        return resize(m);
      case 1:
        return m.elastic.set_busy(model_.busy = upto(3) == 0);
      case 2:
        return reset(m);
      case 3:
        return unplug_all(m);
      case 4:
      case 5: {
        const Reply reply = m.query(block, count);
        const bool valid = count != 0 && block + count <= usable;
        ASSERT_EQ(reply.type, valid ? ACK : ERROR);
        const uint64_t set = model_.count(block, count);
        if (valid) {
          ASSERT_EQ(reply.state, set == 0 ? UNPLUGGED : set == count ? PLUGGED : MIXED);
        }
        return;
      }
      case 6:
      case 7:
      case 8:
      case 9:
        ASSERT_EQ(m.unplug(block, count), model_.unplug(block, count, usable));
        break;
      default:
        ASSERT_EQ(m.plug(block, count), model_.plug(block, count, usable));
        break;
    }
    ASSERT_EQ(m.get(USABLE_SIZE), usable * kBlock) << "plugging and unplugging leave the usable region alone";
  }

  void resize(Machine& m) {
    const uint64_t usable = m.get(USABLE_SIZE);
    const unsigned interrupts = m.virtio.config_interrupts();
    const uint64_t bytes = upto(kBlocks) * kBlock;
    m.resize(bytes);
    const bool changed = bytes != model_.requested || m.get(USABLE_SIZE) != usable;
    ASSERT_EQ(m.virtio.config_interrupts() - interrupts, changed ? 1u : 0u);
    ASSERT_GE(m.get(USABLE_SIZE), usable);
    model_.requested = bytes;
  }

  void reset(Machine& m) {
    const uint64_t usable = m.get(USABLE_SIZE);
    m.device().reset();
    m.start();
    ASSERT_EQ(m.get(USABLE_SIZE), usable);
  }

  void unplug_all(Machine& m) {
    ASSERT_EQ(m.unplug_all(), model_.busy ? BUSY : ACK);
    if (!model_.busy) model_.plugged.clear();
  }

  void sequence() {
    Machine m;
    for (int i = 0; i < 4000; ++i) {
      step(m);
      ASSERT_FALSE(HasFatalFailure()) << "step " << i;
      ASSERT_EQ(m.get(PLUGGED_SIZE), model_.plugged_bytes()) << "step " << i;
      ASSERT_EQ(m.get(REQUESTED_SIZE), model_.requested) << "step " << i;
      if (i % 64 == 0) m.expect_consistent();
      ASSERT_FALSE(HasFailure()) << "step " << i;
    }
    for (uint64_t block = 0; block < kBlocks; ++block) {
      ASSERT_EQ(m.elastic.plugged(block), model_.plugged.count(block) == 1) << "block " << block;
    }
  }

  std::mt19937_64 random_;
  Model model_;
};

class VmemModel : public VmemModelBase, public testing::WithParamInterface<unsigned> {};

TEST_P(VmemModel, RandomSequence) {
  random_.seed(GetParam());
  sequence();
}

INSTANTIATE_TEST_SUITE_P(Seeds, VmemModel, testing::Range(1u, 9u));

// The same with seeds from scripts/soak.
using VmemModelTrial = VmemModelBase;

TEST_F(VmemModelTrial, RandomSequences) {
  spore_test::Trial trial(1);
  while (trial.next() && !HasFailure()) {
    SCOPED_TRACE(trial.name());
    random_ = trial.random();
    model_ = {};
    sequence();
  }
}

} // namespace
} // namespace vmem
