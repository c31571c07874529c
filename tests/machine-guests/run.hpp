// Runs sporehost itself on one of the guest programs and hands back everything that it said.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace machine_guests {

// Why no guest can run here; empty where one can.
std::optional<std::string> unusable();

// The file of a guest program.
std::filesystem::path image(const std::string& guest);
// The file of one of the project's plugins.
std::filesystem::path plugin_file(const std::string& id);

// What goes into the machine description beside the kernel.
struct MachineText {
  std::string guest;            // name of an image
  std::string cmdline{};        // words for the guest
  std::string memory = "64MiB"; // value of `memory`
  std::string devices = "serial-16550";
  std::string lifecycle = "{run-timeout: 60s}";
  std::string more = {};          // further lines of the description
  std::string console = "stdout"; // --console
  bool report_file = true;        // otherwise the report is the last line of standard output
  std::string kernel{};           // path; empty: the image of `guest`
  std::string initrd = "none";    // path
  std::string plugins{};          // a folder that comes before those of plugins; empty: none does
};

struct Outcome {
  int status = -1;                       // exit status; -N: killed by signal N
  std::string console;                   // standard output: the guest's COM1
  std::string log;                       // standard error
  nlohmann::json report;                 // null where there is none
  std::map<std::string, double> seen_ms; // when each line of the console came, from the start of the process
  double total_ms = 0;

  // Value of a counter in the report; 0 where it is not there.
  [[nodiscard]] uint64_t counter(const std::string& device, const std::string& name) const;
  [[nodiscard]] std::vector<std::string> lines() const;
};

// Other ends for what the program writes than pipes that the test reads; -1: that pipe.
struct Descriptors {
  int out = -1;
  int err = -1;
  unsigned file_kib = 0; // limit on the size of files; 0: none
};

// One run of the program. Whatever happens, the process is gone when this is.
class SporeHost {
 public:
  explicit SporeHost(const MachineText& machine, const std::vector<std::string>& arguments = {},
                     const Descriptors& descriptors = {});
  ~SporeHost();
  SporeHost(const SporeHost&) = delete;
  SporeHost& operator=(const SporeHost&) = delete;

  // Until the guest has written `text`; false when it ended, or took longer than a minute, without it.
  bool wait_for(const std::string& text);
  void type(const std::string& text); // into the guest's COM1
  void signal(int number) const;
  Outcome finish(); // waits for the end
  // Until the guest's vCPU was there and is gone, though the program may have more to do; at most half a minute.
  void wait_for_guests_end() const;
  [[nodiscard]] std::chrono::milliseconds processor_time() const; // that it has used so far

 private:
  bool pump(); // takes some output; false at its end
  [[nodiscard]] double elapsed_ms() const;

  std::filesystem::path folder_;
  std::chrono::steady_clock::time_point start_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  size_t line_start_ = 0;
  Outcome outcome_;
};

// A run that needs no company.
Outcome run(const MachineText& machine, const std::vector<std::string>& arguments = {},
            const Descriptors& descriptors = {});

} // namespace machine_guests
