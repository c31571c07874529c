// links: spore_guest_agent
//
// What the agent reads: frames of the host, the list of modules, /proc/meminfo and device events.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "guest/agent/meminfo.hpp"
#include "guest/agent/module_list.hpp"
#include "guest/agent/uevents.hpp"
#include "guest/protocol/messages.hpp"

namespace {

using namespace sporehost::guest;

void require(bool kept) {
  if (!kept) std::abort();
}

void read_frames(Bytes bytes) {
  FrameParser parser;
  parser.feed(bytes, [](const Frame& frame) {
    if (const auto run = decode<Run>(frame.payload)) {
      require(!run->argv.empty() && run->argv.size() <= kMaxArguments && run->limits.size() <= kMaxLimits);
      const Encoded again = encode(*run);
      require(!again.empty() && again.size() - kHeaderSize <= frame.payload.size());
    }
    (void)decode<Stop>(frame.payload);
    (void)decode<PowerOffRequest>(frame.payload);
    return true;
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  read_frames({reinterpret_cast<const std::byte*>(data), size});
  for (const auto& entry : sporehost::agent::parse_module_list(text).channel) {
    require(!entry.path.empty() && entry.path.front() != '/' && !entry.path.starts_with("../"));
  }
  (void)sporehost::agent::parse_meminfo(text);
  (void)sporehost::agent::classify_uevent(text);
  return 0;
}
