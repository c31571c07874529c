#include "program.hpp"

#include <Poco/Pipe.h>
#include <Poco/PipeStream.h>
#include <Poco/Process.h>
#include <Poco/StreamCopier.h>
#include <unistd.h>

#include <future>
#include <sstream>

namespace cli {
namespace {

// The user that owns nothing, by its number: a container need not know its name.
const std::vector<std::string> kAsNobody = {"--reuid=65534", "--regid=65534", "--clear-groups", "--"};

std::string read_all(const Poco::Pipe& pipe) {
  std::string text;
  Poco::PipeInputStream stream(pipe);
  Poco::StreamCopier::copyToString(stream, text);
  return text;
}

Output launch(const std::string& program, const std::vector<std::string>& arguments,
              const std::map<std::string, std::string>& environment, const std::string& input = "") {
  Poco::Pipe in, out, err;
  if (!input.empty()) in.writeBytes(input.data(), static_cast<int>(input.size())); // nobody may read it
  auto handle = Poco::Process::launch(program, arguments, "/", &in, &out, &err, environment);
  in.close(Poco::Pipe::CLOSE_BOTH);
  // Both at once: a program that fills one pipe waits until somebody reads it.
  auto err_text = std::async(std::launch::async, read_all, err);
  Output output;
  output.out = read_all(out);
  output.err = err_text.get();
  output.status = handle.wait();
  return output;
}

} // namespace

std::string Output::message() const {
  std::istringstream lines(err);
  std::string messages;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    const bool logged = line.starts_with("sporehost[");
    inside = line.starts_with("sporehost: ") || (inside && !logged); // a message may have several lines
    if (inside) messages += (messages.empty() ? "" : "\n") + line;
  }
  return messages;
}

Output run(const Call& call) {
  // Settings of whoever runs the tests must not decide them. `env` can also take variables away.
  std::vector<std::string> arguments;
  for (const char* name :
       {"SPOREVM_KERNEL_IMAGE", "SPOREHOST_MANAGED_DIR", "SPOREHOST_PLUGIN_PATH", "SPOREHOST_PLUGIN_TRACE",
        "SPOREHOST_PLUGIN_TIMEOUT", "SPOREHOST_KERNEL_PROGRAM", "LANG", "LC_ALL"}) {
    arguments.emplace_back("-u");
    arguments.emplace_back(name);
  }
  for (const auto& [name, value] : call.environment)
    if (value.empty()) arguments.insert(arguments.end(), {"-u", name});
  for (const auto& [name, value] : call.environment)
    if (!value.empty()) arguments.emplace_back(name).append("=").append(value);
  if (call.unprivileged) {
    arguments.emplace_back("setpriv");
    arguments.insert(arguments.end(), kAsNobody.begin(), kAsNobody.end());
  }
  if (!call.redirect.empty())
    arguments.insert(arguments.end(), {"sh", "-c", call.before + "exec \"$@\" " + call.redirect, "sh"});
  arguments.emplace_back(SPOREHOST_PROGRAM);
  arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
  return launch("/usr/bin/env", arguments, {}, call.input);
}

std::string why_not_unprivileged() {
  if (::geteuid() != 0) return ""; // then every run is
  std::vector<std::string> arguments{"setpriv"};
  arguments.insert(arguments.end(), kAsNobody.begin(), kAsNobody.end());
  arguments.insert(arguments.end(), {"test", "-x", SPOREHOST_PROGRAM});
  if (launch("/usr/bin/env", arguments, {}).status == 0) return "";
  return "setpriv is not there, or an unprivileged user cannot reach " SPOREHOST_PROGRAM;
}

} // namespace cli
