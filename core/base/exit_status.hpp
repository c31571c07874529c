// The exit statuses of the program itself, as against those of a workload. docs/command-line.md documents them.
#pragma once

namespace sporehost {

inline constexpr int kExitPlugin = 120;  // a plugin crashed, or did not let the run end
inline constexpr int kExitOutput = 121;  // all went well, but output of the run was lost
inline constexpr int kExitFault = 122;   // the backend could not go on
inline constexpr int kExitGuest = 123;   // the guest ended without a word from the workload
inline constexpr int kExitTimeout = 124; // a time allowed ran out
inline constexpr int kExitHost = 125;    // nothing was run: command line, configuration, plugin, kernel, backend
inline constexpr int kExitSignalBase = 128;

} // namespace sporehost
