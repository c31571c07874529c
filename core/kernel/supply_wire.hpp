// How the program and its supplier of kernels (supplier.hpp) talk: a call as the words of a command line, which take
// paths as they are, and one answer as a JSON object on standard output. Both say their format, for an installation of
// two halves; nothing where something does not fit.
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

struct SupplyCall {
  KernelSettings settings;
  Digests digests = Digests::compute;
};

// The entry of the cache that holds the kernel.
struct SupplyAnswer {
  std::string source; // the source's name
  std::string key;
  std::vector<std::string> notes; // as ManagedKernel has them
};

inline constexpr size_t kMostAnswer = size_t{256} << 10; // bytes

[[nodiscard]] std::vector<std::string> call_to_words(const SupplyCall& call);
[[nodiscard]] std::optional<SupplyCall> call_from_words(const std::vector<std::string>& words);

// Never longer than kMostAnswer: texts for people are cut.
[[nodiscard]] std::string answer_to_json(const spore::Result<SupplyAnswer>& answer);
// What is not an answer of this format, or has a key that no entry of `settings` has, is nothing.
[[nodiscard]] std::optional<spore::Result<SupplyAnswer>> answer_from_json(std::string_view text,
                                                                          const KernelSettings& settings);

} // namespace sporehost::kernel
