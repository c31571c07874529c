// This process and its threads, and what only the system can tell or do about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "core/base/unique_fd.hpp"

namespace sporehost {

// The file of this program; empty where that cannot be told. [any]
[[nodiscard]] std::filesystem::path executable_path();

// What to start to have this program a second time: the very same one where the system can, although its file may have
// been replaced or removed. [any]
[[nodiscard]] std::filesystem::path program_to_start_again();

// How many threads there are; 0 where that cannot be told. [any]
[[nodiscard]] size_t count_threads();

// Names the calling thread, for people who look at the process. At most 15 bytes count. [any]
void name_thread(const char* name);

// From now on this process is killed when its parent ends, where the system can do that. [main]
void die_with_parent();

// Readable when the process `pid`, a child of ours, has ended. No descriptor: the system tells nobody, and who wants to
// know asks waitid(2) now and then. [any]
[[nodiscard]] UniqueFd end_of_process(int pid);

// `function` is called by exit(), and by quick_exit() where there is one. false: the system has no room for it. [main]
bool call_at_exit(void (*function)());

// Opens what `fd` is open on once more, for writing, so that not to block is ours alone. No descriptor: the system
// cannot. [any], from signal handlers too
[[nodiscard]] UniqueFd reopen_non_blocking(int fd);

// Where a signal met a thread; from the handler's third argument.
struct Interrupted {
  uintptr_t instruction, stack;
};
[[nodiscard]] Interrupted interrupted_at(const void* signal_context);

// Calls `take` for each range of addresses that has code of a file, and says whether that file is this program. From
// signal handlers too; it may say the same twice, and has no order.
using TakeCode = void (*)(uintptr_t start, uintptr_t end, const char* path, bool program);
void for_each_code_range(TakeCode take);

} // namespace sporehost
