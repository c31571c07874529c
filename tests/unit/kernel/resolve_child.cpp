// A resolver in a process of its own, for the test that kills it: resolve_child BASE_URL CACHE.
#include <cstdio>

#include "core/kernel/resolver.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  using namespace sporehost::kernel;
  KernelSettings settings;
  settings.arch = "x86_64";
  settings.sources = {"cache", "release"};
  settings.cache = argv[2];
  settings.release = {argv[1], "acme/kernels", "v1", "6.1.1", {}};
  NoProgress progress;
  const auto kernel = resolve_from_sources(settings, Digests::compute, progress);
  if (!kernel) std::fprintf(stderr, "%s\n", kernel.error().text.c_str());
  return kernel.ok() ? 0 : 1;
}
