#include "core/memory/refusal.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "core/memory/guest_mapping.hpp"

namespace sporehost {
namespace {

using testing::HasSubstr;

TEST(Refusal, NamesTheRule) {
  EXPECT_EQ(explain_refusal({uint64_t{4} << 30, std::nullopt, true}),
            "this process may have 4GiB of address space (ulimit -v); raise that, or ask for less memory");
  EXPECT_THAT(explain_refusal({std::nullopt, uint64_t{1} << 30, false}), HasSubstr("1GiB of data (ulimit -d)"));
  EXPECT_THAT(explain_refusal({std::nullopt, std::nullopt, true}), HasSubstr("vm.overcommit_memory is 2"));
  EXPECT_EQ(explain_refusal({}), "ask for less memory, or free some on the host");
}

TEST(Refusal, ReadsTheLimitsOfThisProcess) {
#if defined(SPORE_EMULATED_PROCESSOR)
  GTEST_SKIP() << "the emulator keeps limits of memory from its program";
#endif
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  rlimit lower = before;
  lower.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t{1} << 46); // far above what this process has
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &lower), 0);
  const MemoryRules rules = read_memory_rules();
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &before), 0);
  EXPECT_EQ(rules.data_bytes, lower.rlim_cur);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(SPORE_EMULATED_PROCESSOR)
TEST(Refusal, IsToldWhereMemoryIsMapped) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  rlimit lower = before;
  lower.rlim_cur = rlim_t{16} << 30;
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &lower), 0);
  const auto mapped = map_guest_range(0, uint64_t{64} << 30, GuestAccess::none, "guest RAM");
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(mapped.ok());
  EXPECT_THAT(mapped.error().text,
              HasSubstr("cannot reserve 65536 MiB of guest RAM: Cannot allocate memory; this process "
                        "may have 16GiB of address space (ulimit -v)"));
}
#endif

} // namespace
} // namespace sporehost
