// What core/system has twice: as this system does it, and as any does. Each test of it runs with both.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/system/alarm_timer.hpp"
#include "core/system/anonymous_file.hpp"
#include "core/system/event_loop.hpp"
#include "core/system/own_memory.hpp"
#include "core/system/pipe.hpp"

namespace sporehost {

struct Means {
  const char* name;
  std::optional<Pipe> (*pipe)(PipeMode);
  std::optional<Notifier> (*notifier)();
  std::unique_ptr<Waiter> (*waiter)();
  UniqueFd (*anonymous_file)(const char*);
  MemoryCopy (*copy_own_memory)(const void*, void*, size_t);
  AlarmTimer& (*alarm_timer)();

  [[nodiscard]] std::unique_ptr<EventLoop> loop() const {
    return std::move(EventLoop::create(waiter(), *notifier())).value();
  }
};

inline constexpr Means kMeans[] = {
    {"System", make_pipe, make_notifier, make_waiter, make_anonymous_file, copy_own_memory, alarm_timer},
    {"Portable", portable::make_pipe, portable::make_notifier, portable::make_waiter, portable::make_anonymous_file,
     portable::copy_own_memory, portable::alarm_timer}};

class WithBothMeans : public ::testing::TestWithParam<Means> {};

inline std::string name_of_means(const ::testing::TestParamInfo<Means>& info) {
  return info.param.name;
}

} // namespace sporehost

// Runs the TEST_Ps of a class made of WithBothMeans.
#define WITH_BOTH_MEANS(suite) INSTANTIATE_TEST_SUITE_P(With, suite, ::testing::ValuesIn(kMeans), name_of_means)
