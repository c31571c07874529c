// Copies out of memory that somebody else's pointer names and that may not be there.
//
// A descriptor comes from a file that a stranger built; a wild pointer in it must become a sentence, not a SIGSEGV.
// The kernel does the copy and reports a fault as an error. Where it refuses to copy for us (a seccomp filter that
// forbids process_vm_readv) the memory is read plainly, and a wild pointer then is fatal. All [any].
#pragma once

#include <sporehost/abi.h>

#include <cstddef>
#include <string>

namespace sporehost::plugin {

// Copies `bytes` from `from`; false when `from` is NULL or not all of it is readable.
[[nodiscard]] bool copy_in(const void* from, void* to, size_t bytes);

enum class TextState { Ok, Null, Unreadable, TooLong };
struct Text {
  TextState state = TextState::Null;
  std::string value; // only with TextState::Ok
};

// Copies a text of at most `longest` bytes.
[[nodiscard]] Text copy_text_in(spore_string from, size_t longest);

} // namespace sporehost::plugin
