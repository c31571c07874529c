// links: spore_session
//
// A hostile guest: any bytes, in pieces of any size, against the host's side of the channel. The first byte chooses the
// size of the pieces and what the host does when the guest answers; the rest is the stream.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/session/guest_channel.hpp"

namespace {

using sporehost::GuestChannel;

// Checks what the channel promises to its observer, whatever the guest sends.
class Judge : public sporehost::GuestObserver {
 public:
  GuestChannel* channel = nullptr;
  bool starts = false;

  void on_hello(const sporehost::guest::Hello&) override {
    require(++hellos_ == 1);
    if (!starts) return;
    sporehost::guest::Run run;
    run.argv = {"true"};
    require(channel->run(run).ok());
  }
  void on_started(std::uint32_t) override { require(starts && ++starteds_ == 1); }
  void on_ready() override { require(starteds_ == 1 && ++readies_ == 1); }
  void on_output(sporehost::OutputStream, sporehost::guest::Bytes bytes) override { require(!bytes.empty() && starts); }
  void on_exit(const sporehost::guest::Exit&) override { require(++exits_ == 1 && starteds_ == readies_); }
  void on_log(sporehost::guest::LogLevel, std::string_view text) override {
    for (const char c : text) require(c == '\t' || static_cast<unsigned char>(c) >= 0x20);
  }
  void on_bye(sporehost::guest::PowerOff) override { require(++ends_ == 1); }
  void on_protocol_error(std::string_view reason) override { require(!reason.empty() && ++ends_ == 1); }

 private:
  static void require(bool kept) {
    if (!kept) std::abort();
  }
  int hellos_ = 0;
  int starteds_ = 0;
  int readies_ = 0;
  int exits_ = 0;
  int ends_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Judge judge;
  std::chrono::nanoseconds now{0};
  GuestChannel channel(
      judge, [](sporehost::guest::Bytes) { return true; }, {}, [&now] { return now += std::chrono::milliseconds(1); });
  judge.channel = &channel;
  judge.starts = (data[0] & 1) != 0;
  const std::size_t piece = std::size_t{1} + (data[0] >> 1);
  sporehost::guest::Bytes left{reinterpret_cast<const std::byte*>(data + 1), size - 1};
  while (!left.empty()) {
    const std::size_t count = std::min(piece, left.size());
    channel.on_bytes(left.first(count));
    left = left.subspan(count);
  }
  return 0;
}
