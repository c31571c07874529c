#include "core/lifecycle/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sporehost {
namespace {

Report grown() {
  Report r;
  r.ram_mib = 512;
  r.virtio_mem_mib = 15872;
  r.response_ms = 31.4;
  r.plug_ms = 8000.6;
  r.plugged_mib = 15872;
  r.mem_total_first_kb = 500000;
  r.mem_total_last_kb = 500000 + 16252928;
  return r;
}

TEST(Report, OneLineForPeople) {
  EXPECT_EQ(to_text(grown()),
            "ram_mib=512 virtio_mem_mib=15872 response_ms=31 plug_ms=8001 plugged_mib=15872 memtotal_before_kb=500000 "
            "memtotal_after_kb=16752928 growth_kb=16252928 end=workload status=0");
}

TEST(Report, JsonIsOneLineAndLeavesOutWhatIsNotKnown) {
  Report r = grown();
  r.plug_ms.reset();
  r.outcome = {RunEnd::panic, 123, "say \"why\"\xff"};
  const std::string text = to_json(r);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["virtio_mem_mib"], 15872);
  EXPECT_EQ(json["end"], "panic");
  EXPECT_EQ(json["exit_status"], 123);
  EXPECT_FALSE(json.contains("plug_ms"));
}

} // namespace
} // namespace sporehost
