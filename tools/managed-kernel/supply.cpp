#include "tools/managed-kernel/supply.hpp"

#include <algorithm>

#include "core/kernel/cache_entry.hpp"
#include "core/kernel/files.hpp"
#include "tools/managed-kernel/cache_writer.hpp"
#include "tools/managed-kernel/initrd_maker.hpp"
#include "tools/managed-kernel/source.hpp"
#include "tools/managed-kernel/unpack.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr auto kPatience = std::chrono::minutes(20); // with another resolver, which may be building a kernel

bool bad_goods(const spore::Error& error) {
  return error.status == SPORE_E_INVALID || error.status == SPORE_E_UNSUPPORTED || error.status == SPORE_E_RANGE;
}

class Supplier {
 public:
  Supplier(const KernelSettings& settings, const HttpOptions& http, Digests digests, Progress& progress)
      : settings_(settings),
        http_(http),
        cache_(settings.cache, settings.arch),
        writer_(cache_),
        digests_(digests),
        progress_(progress) {}

  Result<Supplied> run() {
    for (const std::string& name : settings_.sources) {
      auto found = name == "cache" ? try_cached() : try_fetch(name);
      if (!found) return found.error();
      if (!*found) continue;
      (*found)->kernel.notes = notes_;
      return std::move(**found);
    }
    std::string tried;
    for (const std::string& note : notes_) tried += "\n  " + note;
    return fail(SPORE_E_NOT_FOUND, "no source has a managed kernel for " + settings_.arch + ":" + tried +
                                       "\nput one of them in order, or name a kernel folder with kernel.directory or "
                                       "SPOREHOST_MANAGED_DIR");
  }

 private:
  using Found = Result<std::optional<Supplied>>;

  [[nodiscard]] bool may_fetch(const std::string& name) const {
    return !settings_.offline &&
           std::find(settings_.sources.begin(), settings_.sources.end(), name) != settings_.sources.end();
  }

  Found try_cached() {
    for (const std::string& name : cached_sources(settings_)) {
      const SourceFacts source = source_facts(name, settings_);
      const auto key = cache_.find(source.key, source.key_is_whole);
      if (!key) continue;
      auto kernel = check({source, *key, cache_.entry(*key), {}}, digests_);
      if (kernel) return std::optional(Supplied{name, *key, std::move(*kernel)});
      // A damaged kernel is fetched again, and that is said; where it cannot be, the damage is the answer.
      if (!bad_goods(kernel.error()) || !may_fetch(name)) return kernel.error();
      notes_.push_back("cache: " + kernel.error().text);
      progress_.step(notes_.back() + "; fetching it again");
      SPORE_CHECK(writer_.discard(*key));
      return try_fetch(name);
    }
    notes_.push_back("cache: nothing in '" + cache_.folder().string() + "'");
    return std::optional<Supplied>{};
  }

  Found try_fetch(const std::string& name) {
    const auto source = make_source(name, settings_, http_);
    auto fetched = fetch(*source);
    if (fetched) return std::optional(std::move(*fetched));
    if (bad_goods(fetched.error())) return fetched.error();
    notes_.push_back(source->facts().label + ": " + fetched.error().text);
    progress_.step(notes_.back());
    return std::optional<Supplied>{};
  }

  Result<Supplied> fetch(KernelSource& source) {
    const SourceFacts& facts = source.facts();
    SPORE_TRY(const std::string key, source.prepare(settings_.offline, progress_));
    SPORE_TRY(const UniqueFd lock, writer_.lock(key, kPatience, progress_));
    const CacheEntry entry{facts, key, cache_.entry(key), {}};
    // Another resolver may have made it while we waited, or the package is the one that the cache has already.
    if (cache_.find(key, true))
      if (auto kernel = check(entry, digests_)) return Supplied{facts.name, key, std::move(*kernel)};
    SPORE_TRY(const fs::path partial, writer_.open_partial(key));
    std::error_code ignored;
    fs::remove(partial / "vmlinux", ignored); // of an earlier attempt, perhaps: it would hide what comes now
    SPORE_CHECK(source.fetch(partial, progress_));
    SPORE_CHECK(write_file(partial / "source", facts.label + "\n"));
    auto checked = check({facts, key, partial, source.image_name()}, Digests::compute);
    if (!checked) {
      fs::remove_all(partial, ignored);
      return checked.error();
    }
    SPORE_CHECK(unpack_kernel(partial, settings_.arch));
    SPORE_CHECK(writer_.publish(key));
    SPORE_TRY(ManagedKernel kernel, check(entry, Digests::known));
    return Supplied{facts.name, key, std::move(kernel)};
  }

  Result<ManagedKernel> check(const CacheEntry& entry, Digests digests) {
    SPORE_CHECK(ensure_initrd(settings_, entry, progress_));
    return read_entry(settings_, entry, digests);
  }

  const KernelSettings& settings_;
  const HttpOptions& http_;
  const KernelCache cache_;
  const CacheWriter writer_;
  const Digests digests_;
  Progress& progress_;
  std::vector<std::string> notes_;
};

} // namespace

Result<Supplied> supply_kernel(const KernelSettings& settings, const HttpOptions& http, Digests digests,
                               Progress& progress) {
  SPORE_CHECK(check_cache(settings));
  return Supplier(settings, http, digests, progress).run();
}

} // namespace sporehost::kernel::supply
