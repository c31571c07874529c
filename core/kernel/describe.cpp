// An accepted kernel, for people and for programs.
#include <nlohmann/json.hpp>

#include "core/kernel/managed_kernel.hpp"

namespace sporehost::kernel {

std::string describe(const ManagedKernel& kernel) {
  std::string text;
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) text += std::string(what) + ": " + value + "\n";
  };
  line("kernel", kernel.image);
  line("release", kernel.release);
  line("source", kernel.source);
  line("sha256", kernel.sha256.empty() ? "not checked, the folder has no digests" : kernel.sha256);
  if (kernel.packed) line("unpacked from", kernel.packed->path + ", sha256 " + kernel.packed->sha256);
  line("initrd", kernel.initrd.value_or("none"));
  for (const std::string& sentence : kernel.stand_ins) line("stand-in", sentence);
  line("command line", kernel.cmdline);
  for (const std::string& note : kernel.notes) line("note", note);
  return text;
}

std::string describe_json(const ManagedKernel& kernel) {
  nlohmann::ordered_json json;
  json["arch"] = kernel.arch;
  json["kernel"] = kernel.image;
  json["directory"] = kernel.directory.string();
  json["release"] = kernel.release;
  json["source"] = kernel.source;
  json["sha256"] = kernel.sha256.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(kernel.sha256);
  if (kernel.packed) json["packed"] = {{"path", kernel.packed->path}, {"sha256", kernel.packed->sha256}};
  json["initrd"] = kernel.initrd ? nlohmann::ordered_json(*kernel.initrd) : nlohmann::ordered_json();
  json["can_grow"] = kernel.can_grow;
  json["acpi"] = kernel.config.built_in("CONFIG_ACPI");
  json["stand_ins"] = kernel.stand_ins;
  json["cmdline"] = kernel.cmdline;
  json["notes"] = kernel.notes;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace sporehost::kernel
