#include "core/base/plugin_call.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <mutex>
#include <set>

#include "core/base/rate_limited_log.hpp"

namespace sporehost {
namespace {

// More than there can be vCPUs and threads of ours; a thread beyond shares the last, and is not told apart.
std::array<CallNote, 160> notes;

// Gives the note back when its thread ends. Where a plugin is noted still, it is the plugin that ends the process, and
// whoever is asked afterwards (core/system/crash.hpp) wants to know which: exit() comes here first.
struct Owner {
  CallNote* note = nullptr;
  ~Owner() {
    if (note == nullptr || note->who.load(std::memory_order_relaxed) != nullptr) return;
    note->write(nullptr);
    note->taken.store(false, std::memory_order_release);
  }
};

thread_local Owner owner;
thread_local CallNote* mine = nullptr;

CallNote& take_note() {
  for (CallNote& note : notes) {
    bool expected = false;
    if (!note.taken.compare_exchange_strong(expected, true)) continue;
    owner.note = mine = &note;
    return note;
  }
  return *(mine = &notes.back());
}

} // namespace

CallNote& call_note() {
  return mine != nullptr ? *mine : take_note();
}

const char* called_now() {
  return mine != nullptr ? mine->who.load(std::memory_order_relaxed) : nullptr;
}

CallNote* call_notes(size_t& count) {
  count = notes.size();
  return notes.data();
}

const char* keep_text(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string>& kept = *new std::set<std::string>; // read by signal handlers until the very end
  const std::lock_guard lock(mutex);
  return kept.insert(text).first->c_str();
}

void tell_escaped(const char* who, const char* function, const char* what) {
  static RateLimitedLog log([](int32_t, std::string_view text) { spdlog::error("{}", text); });
  log.write(SPORE_LOG_ERROR,
            [&] { return std::string(who) + " let an exception out of " + function + " (SDK-7): " + what; });
}

} // namespace sporehost
