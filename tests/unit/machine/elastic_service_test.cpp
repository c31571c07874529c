// The elastic region as a plugin sees it: one owner, errors as they are, and word of everything for the machine.
#include "core/host/elastic_service.hpp"

#include <gtest/gtest.h>

#include <sporehost/plugin.hpp>
#include <string>
#include <vector>

#include "tests/support/fake_slot_mapper.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kBlock = 2 * kMiB;

class ElasticServiceTest : public ::testing::Test {
 protected:
  spore_status plug(uint64_t offset, uint64_t bytes) {
    spore::ErrorText error;
    const spore_status status = table_->plug(table_->context, offset, bytes, error.out());
    error_ = error.text();
    return status;
  }

  testing::FakeSlotMapper mapper_;
  std::unique_ptr<ElasticRegion> region_ =
      std::move(ElasticRegion::create({uint64_t{4} << 30, 64 * kMiB, kBlock, kBlock}, mapper_)).value();
  RequestedSize requested_{6 * kMiB};
  std::string error_; // what `plug` said last
  int changes_ = 0;
  std::vector<std::string> refusals_;
  ElasticService service_{
      *region_, requested_, {[this] { ++changes_; }, [this](const std::string& why) { refusals_.push_back(why); }}};
  const spore_elastic_memory* table_ = service_.claim("first");
};

TEST_F(ElasticServiceTest, TheRegionHasOneOwner) {
  ASSERT_NE(table_, nullptr);
  EXPECT_EQ(service_.claim("second"), nullptr);
  EXPECT_EQ(service_.claim("first"), table_) << "it may ask again";
  EXPECT_EQ(service_.owner(), "first");
}

TEST_F(ElasticServiceTest, SaysWhatIsRequestedNow) {
  spore_elastic_info info{};
  info.size = sizeof info;
  ASSERT_EQ(table_->info(table_->context, &info), SPORE_OK);
  EXPECT_EQ(info.gpa, uint64_t{4} << 30);
  EXPECT_EQ(info.bytes, 64 * kMiB);
  EXPECT_EQ(info.block_bytes, kBlock);
  EXPECT_EQ(info.slot_bytes, kBlock);
  EXPECT_EQ(info.requested_bytes, 6 * kMiB);
  requested_.set(10 * kMiB);
  ASSERT_EQ(table_->info(table_->context, &info), SPORE_OK);
  EXPECT_EQ(info.requested_bytes, 10 * kMiB) << "there is one place that knows, and no copy";
}

TEST_F(ElasticServiceTest, ADescriptionShorterThanTheFirstIsRefused) {
  spore_elastic_info info{};
  EXPECT_EQ(table_->info(table_->context, &info), SPORE_E_INVALID) << "its size is not set";
  info.size = SPORE_10_BYTES(spore_elastic_info) - 1;
  EXPECT_EQ(table_->info(table_->context, &info), SPORE_E_INVALID);
  EXPECT_EQ(info.bytes, 0u) << "nothing was written";
}

TEST_F(ElasticServiceTest, OutOfSlotsIsTold) {
  mapper_.fail_map_after = 3;
  EXPECT_EQ(plug(0, 3 * kBlock), SPORE_OK);
  EXPECT_EQ(plug(3 * kBlock, kBlock), SPORE_E_NO_MEMORY);
  EXPECT_EQ(error_, "told to fail");
  EXPECT_EQ(refusals_, std::vector<std::string>{"told to fail"});
  EXPECT_EQ(service_.refused_plugs(), 1u);
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(plug(0, kBlock), SPORE_E_STATE) << "what the driver did wrong is no want of memory";
  EXPECT_EQ(service_.refused_plugs(), 1u);
}

TEST_F(ElasticServiceTest, AFrozenRegionIsBusyForAll) {
  ASSERT_EQ(plug(0, kBlock), SPORE_OK);
  region_->freeze(true);
  spore::ErrorText error;
  EXPECT_EQ(plug(kBlock, kBlock), SPORE_E_BUSY);
  EXPECT_EQ(table_->unplug(table_->context, 0, kBlock, error.out()), SPORE_E_BUSY);
  EXPECT_EQ(table_->unplug_all(table_->context, error.out()), SPORE_E_BUSY);
  EXPECT_EQ(table_->keep_mapped(table_->context, 64 * kMiB, error.out()), SPORE_E_BUSY);
  EXPECT_EQ(service_.refused_plugs(), 0u);
}

} // namespace
} // namespace sporehost
