// The plugins of this host: found by factory id, loaded when first needed, listed with what became of each file.
//
// Which plugin gives a factory (a pair of kind and id)? The first folder's `<id>.so` that offers it; where no file of
// that name does, the first plugin in the order of folders and, within one, of file names. The first half lets a start
// load three files and look at no others; both halves together make `plugin list` and a start agree.
//
// A file that cannot be used is remembered with its reason and hinders no other: what is not asked for by its file's
// name is looked at by a child process, where the registry is given one (Examiner), and loaded here only when it is
// needed. Plugins stay loaded while the registry or an object made from them lives.
#pragma once

#include "core/plugin/descriptor.hpp"
#include "core/plugin/examination.hpp"
#include "core/plugin/object.hpp"
#include "core/plugin/search_path.hpp"

#include <sporehost/host.h>
#include <sporehost/result.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sporehost::plugin {

// One file and what became of it. `descriptor` is empty unless is_usable(state).
struct Plugin {
  std::filesystem::path path;
  size_t folder = 0; // index in the search path; SIZE_MAX for a file named by its path
  LoadState state = LoadState::NotFound;
  std::string reason; // why it is not plainly loaded; reads on after the path
  int rule = 0;       // nn of SDK-nn, 0: none
  Descriptor descriptor;
  std::vector<Remark> remarks;      // where a child looked at it
  std::shared_ptr<Library> library; // empty: a child looked at it, and the factories have no functions

  // "plugin '/path/x.so' (id 'x')"
  [[nodiscard]] std::string origin() const;
};

// Takes one line for each step of searching and loading; empty: nobody wants them.
using Trace = std::function<void(std::string_view line)>;

// Lines to stderr when SPOREHOST_PLUGIN_TRACE=1, else empty.
[[nodiscard]] Trace trace_from_environment();

// How a registry gets to know files.
struct Looking {
  Examiner examine;        // for files whose name is not the id that is asked for; empty: they are loaded
  bool everywhere = false; // with `examine`: no file is loaded into this process, and no object can be made
};

// A factory and the plugin that it belongs to; both live as long as the registry.
struct Found {
  const Plugin* plugin;
  const Factory* factory;
};

// [main]
class Registry {
 public:
  explicit Registry(SearchPath path, Trace trace = trace_from_environment(), HostAbi abi = {}, Looking looking = {});

  // The factory of this kind and id, loading as little as possible. `kind` is SPORE_KIND_*.
  // SPORE_E_INVALID for an impossible id, SPORE_E_NOT_FOUND with the folders searched, a near name, another kind that
  // has the id, and the files that should have had it but cannot be used.
  spore::Result<Found> find(uint32_t kind, std::string_view id);

  // The same where any of several kinds will do; where a plugin has the id in two of them, the first of `kinds` counts.
  // One search, so that an id of the second kind does not cost a look into every file.
  spore::Result<Found> find(std::span<const uint32_t> kinds, std::string_view id);

  // Looks at every plugin of every folder.
  void scan();

  // Looks at one file by its path, wherever it lies, for `plugin inspect FILE` and `plugin check FILE`.
  const Plugin& load_file(const std::filesystem::path& file);

  // Makes an object. `host` must outlive it; `options` is canonical JSON, checked against the factory's schema.
  // Every error begins with the plugin's path and id. Defends against SDK-7, SDK-8 and SDK-9 being broken.
  spore::Result<PluginObject> create(const Found& found, const spore_host& host, std::string_view options);
  spore::Result<PluginObject> create(uint32_t kind, std::string_view id, const spore_host& host,
                                     std::string_view options);

  // Everything looked at so far, in order of folders and file names.
  [[nodiscard]] std::vector<const Plugin*> plugins() const;
  [[nodiscard]] const SearchPath& search_path() const { return path_; }

 private:
  Plugin& get(const std::filesystem::path& file, size_t folder, bool load);
  void look(Plugin& plugin, bool load);
  [[nodiscard]] bool may_load() const { return !looking_.examine || !looking_.everywhere; }
  void arrange();
  void settle(Plugin& plugin) const;
  [[nodiscard]] const Plugin* holder(uint32_t kind, std::string_view id) const;
  [[nodiscard]] spore::Error not_found(std::span<const uint32_t> kinds, std::string_view id) const;
  void trace(const std::string& line) const;

  SearchPath path_;
  Trace trace_;
  HostAbi abi_;
  Looking looking_;
  std::vector<std::unique_ptr<Plugin>> plugins_; // sorted by folder and file name
};

} // namespace sporehost::plugin
