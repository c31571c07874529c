// What leaves the program on its standard descriptors, apart from what a guest writes.
#pragma once

#include <chrono>
#include <string_view>

#include "core/system/non_blocking_writer.hpp"

namespace sporehost::app {

// How long the last words of a run wait for a reader that takes nothing.
inline constexpr std::chrono::milliseconds kLastWords{2000};

// Makes sure that descriptors 0 to 2 are there, so that no file of ours gets one of these numbers and whoever writes to
// it by that name; that what is printed is written when the command ends; and that a limit on the size of files
// (SIGXFSZ) is an error of write(2), not our end. [main], first
void secure_standard_descriptors();

// Writes to standard error; a reader that takes nothing is waited for once, and then no more. [main]
void say(std::string_view text, Patience patience = kLastWords);

// The end of every command: writes out what was printed to standard output and looks whether all of it arrived. Gives
// `status`, or says what was lost and gives the status of a failure instead of 0. [main]
int close_standard_output(int status);

} // namespace sporehost::app
