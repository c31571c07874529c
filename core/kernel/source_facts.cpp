#include "core/kernel/source_facts.hpp"

#include <algorithm>

#include "core/kernel/sha256.hpp"

namespace sporehost::kernel {

namespace {

std::string release_key(const ReleaseSettings& release) {
  std::string repository = release.repository;
  std::replace(repository.begin(), repository.end(), '/', '_');
  std::string key = "release-" + repository + "-" + release.tag + "-" + release.version;
  // Another server's files of the same name are other files.
  if (release.base_url != ReleaseSettings{}.base_url) key += "-" + sha256(release.base_url).substr(0, 8);
  return key;
}

} // namespace

SourceFacts source_facts(const std::string& name, const KernelSettings& settings) {
  SourceFacts facts;
  facts.name = name;
  if (name == "release") {
    facts.label = "release " + settings.release.repository + " " + settings.release.tag;
    facts.key = release_key(settings.release);
    facts.pinned_sha256 = settings.release.sha256;
  } else if (name == "distribution") {
    facts.label = "distribution Debian";
    facts.key = "distribution-debian-" + settings.arch + "-";
    facts.key_is_whole = false;
    facts.cmdline_may_stand_in = true; // Debian's kernel lacks DEFAULT_ONLINE, and the host knows it
  } else {
    facts.label = "build " + settings.flavour;
    facts.key = "build-" + settings.flavour + "-";
    facts.key_is_whole = false;
  }
  return facts;
}

std::vector<std::string> cached_sources(const KernelSettings& settings) {
  std::vector<std::string> names;
  for (const std::string& name : settings.sources)
    if (name != "cache") names.push_back(name);
  if (names.empty()) names = {"release", "distribution", "build"};
  return names;
}

} // namespace sporehost::kernel
