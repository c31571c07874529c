// The conversation with the guest's agent over one run: waits for its answer, starts the workload, passes its output
// on, and tells the machine what matters. It decides nothing about the machine's end.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/base/source_log.hpp"
#include "core/config/machine_config.hpp"
#include "core/session/guest_channel.hpp"
#include "core/session/outputs.hpp"
#include "core/session/stream_hub.hpp"

namespace sporehost {

class GuestSession final : private GuestObserver {
 public:
  struct Events {
    std::function<void()> answered; // PID 1's HELLO; start_workload() is due
    std::function<void()> ready;
    std::function<void()> memory; // memory() changed
    std::function<void()> workload_ended;
    std::function<void()> said_bye; // the machine may be ended
    std::function<void(std::string_view reason)> failed;
  };

  // Everything is [main]. `hub` and `outputs` outlive the session.
  GuestSession(StreamHub& hub, Outputs& outputs, WorkloadConfig workload, Events events);

  // Hands the workload to the agent; after `answered`. Where that cannot be done, `failed` says why.
  void start_workload();
  // Asks the guest to end its workload, or itself when there is none.
  void ask_to_stop(std::chrono::milliseconds grace);
  void power_off() { (void)channel_.power_off(); }
  void query_memory() { (void)channel_.query_memory(); }
  // The machine has ended: takes the output that the hub still has, however slow its readers are; nothing that the
  // agent says counts any more.
  void finish();

  [[nodiscard]] const std::optional<guest::Hello>& hello() const { return hello_; }
  [[nodiscard]] const std::optional<guest::Exit>& exit() const { return exit_; }
  [[nodiscard]] const std::optional<guest::Memory>& memory() const { return memory_; }
  [[nodiscard]] bool is_ready() const { return channel_.ready(); }
  [[nodiscard]] uint64_t answered_ns() const { return answered_ns_; } // monotonic; 0: not yet
  // Whether the workload's standard output stands in the middle of a line.
  // What went over the channel, by name.
  [[nodiscard]] std::map<std::string, uint64_t> channel_counters() const;

 private:
  void on_hello(const guest::Hello& hello) override;
  void on_ready() override;
  void on_output(OutputStream stream, guest::Bytes bytes) override;
  void on_exit(const guest::Exit& exit) override;
  void on_memory(const guest::Memory& memory) override;
  void on_log(guest::LogLevel level, std::string_view text) override;
  void on_bye(guest::PowerOff) override;
  void on_protocol_error(std::string_view reason) override;

  size_t consume(std::span<const uint8_t> bytes);

  StreamHub& hub_;
  WorkloadConfig workload_;
  Events events_;
  OutputSink& stdout_;
  OutputSink& stderr_;
  GuestChannel channel_;
  std::optional<guest::Hello> hello_;
  std::optional<guest::Exit> exit_;
  std::optional<guest::Memory> memory_;
  uint64_t answered_ns_ = 0;
  bool finished_ = false;
  SourceLog reports_{"guest"}; // of what the agent reports again and again
};

} // namespace sporehost
