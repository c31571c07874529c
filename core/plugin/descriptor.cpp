#include "core/plugin/descriptor.hpp"

#include "core/base/text.hpp"
#include "core/config/words.hpp"
#include "core/plugin/safe_read.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

namespace sporehost::plugin {
namespace {

constexpr uint32_t kFactoriesMax = 64;
constexpr uint32_t kUsesMax = 64;
constexpr size_t kStructMax = 4096; // no descriptor of any minor is near that
constexpr size_t kIdMax = 64;
constexpr size_t kLineMax = 512;
constexpr size_t kSchemaMax = 256 * 1024;

// Lengths of the structs as version 1.0 defined them: their last 1.0 field ends there.
constexpr size_t kPluginBytes10 = spore_plugin_10_bytes;
constexpr size_t kFactoryBytes10 = SPORE_10_BYTES(spore_factory);
constexpr size_t kPreambleBytes = offsetof(spore_plugin, arch); // magic, size, version: fixed for all majors

using Failure = std::optional<LoadFailure>;

LoadFailure broken(int rule, std::string what) {
  return {LoadState::BadDescriptor, std::move(what), rule};
}

// Copies one text field; a failure names the field.
Failure read_text(spore_string from, size_t longest, int rule, const std::string& field, std::string& out) {
  Text text = copy_text_in(from, longest);
  switch (text.state) {
    case TextState::Null:
      return broken(rule, field + " is NULL");
    case TextState::Unreadable:
      return broken(rule, field + " points to memory that cannot be read");
    case TextState::TooLong:
      return broken(rule, field + " is longer than " + std::to_string(longest) + " bytes");
    case TextState::Ok:
      break;
  }
  out = std::move(text.value);
  return std::nullopt;
}

Failure read_id(spore_string from, const std::string& field, std::string& out) {
  if (auto failure = read_text(from, kIdMax, 4, field, out)) return failure;
  if (is_plugin_id(out)) return std::nullopt;
  return broken(4, field + " " + quote(out) + " is not lower-case kebab (a-z, 0-9, single hyphens between)");
}

Failure read_line(spore_string from, int rule, const std::string& field, std::string& out) {
  if (auto failure = read_text(from, kLineMax, rule, field, out)) return failure;
  const bool control = std::any_of(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (out.empty() || control) return broken(rule, field + " is not one line of text");
  out = printable(out);
  return std::nullopt;
}

Failure read_schema(spore_string from, const std::string& who, std::string& out) {
  const std::string field = "options_schema of " + who;
  if (auto failure = read_text(from, kSchemaMax, 6, field, out)) return failure;
  nlohmann::json schema;
  try {
    schema = nlohmann::json::parse(out);
  } catch (const nlohmann::json::parse_error& error) {
    return broken(6, field + " is not JSON: it goes wrong at byte " + std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) { // a number that no double holds
    return broken(6, field + " holds a number that is too large");
  }
  if (!schema.is_object() || schema.value("type", nlohmann::json()) != "object") {
    return broken(6, field + R"( is not the schema of an object: it lacks "type": "object")");
  }
  return std::nullopt;
}

Failure read_uses(const spore_factory& raw, const std::string& who, std::vector<std::string>& out) {
  if (raw.uses_count > kUsesMax)
    return broken(5, "uses_count of " + who + " is " + std::to_string(raw.uses_count) + ", at most " +
                         std::to_string(kUsesMax) + " are allowed");
  std::vector<spore_string> names(raw.uses_count);
  if (!names.empty() && !copy_in(raw.uses, names.data(), std::span(names).size_bytes()))
    return broken(5, "uses of " + who + " is NULL or cannot be read");
  for (const spore_string& name : names)
    if (auto failure = read_line(name, 5, "a service in uses of " + who, out.emplace_back())) return failure;
  return std::nullopt;
}

// Copies the part of a size-prefixed struct that both sides know; the rest of `out` stays zero.
template <typename Struct>
bool read_struct(const Struct* from, uint32_t size, Struct& out) {
  return copy_in(from, &out, std::min<size_t>(size, sizeof(Struct)));
}

Failure read_factory(const spore_factory* from, const std::string& where, bool newer, Factory& out) {
  uint32_t size = 0;
  if (!copy_in(from, &size, sizeof size)) return broken(5, where + " is NULL or cannot be read");
  if (size < kFactoryBytes10 || size > kStructMax) {
    return broken(5, where + ": size is " + std::to_string(size) + ", version 1.0 already has " +
                         std::to_string(kFactoryBytes10));
  }
  spore_factory raw{};
  if (!read_struct(from, size, raw)) return broken(5, where + " cannot be read to its end");
  if (auto failure = read_id(raw.id, "id of " + where, out.id)) return failure;
  const std::string who = "factory " + quote(out.id);
  out.kind = raw.kind;
  if (kind_name(raw.kind).empty() && !newer) {
    return broken(5, "kind of " + who + " is " + std::to_string(raw.kind) + ", which is none of SPORE_KIND_*");
  }
  if (auto failure = read_line(raw.summary, 5, "summary of " + who, out.summary)) return failure;
  if (auto failure = read_schema(raw.options_schema, who, out.options_schema)) return failure;
  if (auto failure = read_uses(raw, who, out.uses)) return failure;
  if (raw.reserved != 0) return broken(26, "the field 'reserved' of " + who + " is not 0");
  if (raw.create == nullptr) return broken(5, "create of " + who + " is NULL");
  out.make = raw.create;
  return std::nullopt;
}

Failure read_factories(const spore_plugin& raw, bool newer, std::vector<Factory>& out) {
  if (raw.factory_count == 0 || raw.factory_count > kFactoriesMax) {
    return broken(5, "factory_count is " + std::to_string(raw.factory_count) + ", 1 to " +
                         std::to_string(kFactoriesMax) + " are allowed");
  }
  std::vector<const spore_factory*> pointers(raw.factory_count);
  if (!copy_in(raw.factories, pointers.data(), std::span(pointers).size_bytes())) {
    return broken(5, "factories is NULL or cannot be read");
  }
  for (size_t i = 0; i < pointers.size(); ++i) {
    Factory factory;
    if (auto failure = read_factory(pointers[i], "factory " + std::to_string(i), newer, factory)) return failure;
    for (const Factory& other : out) {
      if (other.kind != factory.kind || other.id != factory.id) continue;
      return broken(4, "two factories of one kind have the id " + quote(factory.id));
    }
    out.push_back(std::move(factory));
  }
  return std::nullopt;
}

// Magic and version: the part of the descriptor that no major version will ever move.
Failure check_preamble(const spore_plugin& raw, HostAbi host) {
  if (raw.magic != SPORE_PLUGIN_MAGIC) {
    return LoadFailure{LoadState::WrongMagic,
                       "what its entry returns is not a sporehost descriptor: the magic is wrong", 2};
  }
  if (raw.abi_major != host.major) {
    return LoadFailure{LoadState::AbiMajor,
                       "is built against SDK " + std::to_string(raw.abi_major) + "." + std::to_string(raw.abi_minor) +
                           ", this host speaks " + std::to_string(host.major) + "." + std::to_string(host.minor) +
                           "; rebuild it with this host's SDK",
                       3};
  }
  if (raw.size < kPluginBytes10 || raw.size > kStructMax) {
    return broken(2, "size of the descriptor is " + std::to_string(raw.size) + ", version 1.0 already has " +
                         std::to_string(kPluginBytes10));
  }
  return std::nullopt;
}

Failure check_arch(uint32_t arch) {
  if (arch == SPORE_ARCH_NATIVE) return std::nullopt;
  const std::string_view name = arch_name(arch);
  return LoadFailure{LoadState::WrongArchitecture,
                     "its descriptor says it is built for " +
                         (name.empty() ? "architecture " + std::to_string(arch) : std::string(name)) +
                         ", this host is " + std::string(arch_name(SPORE_ARCH_NATIVE)),
                     3};
}

Failure read_all(const spore_plugin* plugin, HostAbi host, Descriptor& out) {
  spore_plugin raw{};
  if (!copy_in(plugin, &raw, kPreambleBytes)) {
    return LoadFailure{LoadState::WrongMagic, "its entry returns a pointer to memory that cannot be read", 2};
  }
  if (auto failure = check_preamble(raw, host)) return failure;
  if (!read_struct(plugin, raw.size, raw)) return broken(2, "the descriptor cannot be read to its end");
  out.abi_major = raw.abi_major;
  out.abi_minor = raw.abi_minor;
  out.arch = raw.arch;
  if (auto failure = check_arch(raw.arch)) return failure;
  if (auto failure = read_id(raw.id, "plugin id", out.id)) return failure;
  if (auto failure = read_line(raw.version, 4, "plugin version", out.version)) return failure;
  return read_factories(raw, raw.abi_minor > host.minor, out.factories);
}

} // namespace

std::variant<Descriptor, LoadFailure> read_descriptor(const spore_plugin* plugin, HostAbi host) {
  Descriptor descriptor;
  if (auto failure = read_all(plugin, host, descriptor)) return std::move(*failure);
  return descriptor;
}

} // namespace sporehost::plugin
