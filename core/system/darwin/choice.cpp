// What is the portable one here.
#include "core/system/alarm_timer.hpp"
#include "core/system/anonymous_file.hpp"
#include "core/system/notifier.hpp"
#include "core/system/own_memory.hpp"
#include "core/system/pipe.hpp"
#include "core/system/waiter.hpp"

namespace sporehost {

std::optional<Pipe> make_pipe(PipeMode mode) {
  return portable::make_pipe(mode);
}

std::optional<Notifier> make_notifier() {
  return portable::make_notifier();
}

std::unique_ptr<Waiter> make_waiter() {
  return portable::make_waiter();
}

UniqueFd make_anonymous_file(const char* name) {
  return portable::make_anonymous_file(name);
}

MemoryCopy copy_own_memory(const void* from, void* to, size_t bytes) {
  return portable::copy_own_memory(from, to, bytes);
}

AlarmTimer& alarm_timer() {
  return portable::alarm_timer();
}

} // namespace sporehost
