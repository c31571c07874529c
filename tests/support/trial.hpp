// A trial: rounds of something random, looking for what happens once in a thousand times. In every run of the tests it
// has a few rounds, always the same ones; scripts/soak says how many more, or how long, and with which seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

namespace spore_test {

inline std::optional<uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

class Trial {
 public:
  explicit Trial(uint64_t sample_rounds)
      : seed_(number_from_environment("SPORE_SEED").value_or(1)),
        rounds_(number_from_environment("SPORE_SOAK_ROUNDS").value_or(sample_rounds)) {
    const auto seconds = number_from_environment("SPORE_SOAK_SECONDS");
    if (seconds) until_ = std::chrono::steady_clock::now() + std::chrono::seconds(*seconds);
  }

  // Whether there is a further round. Each has random numbers of its own, from the seed and its number.
  bool next() {
    const bool more = until_ ? std::chrono::steady_clock::now() < *until_ : round_ < rounds_;
    if (more) random_.seed(seed_ * 1'000'003 + ++round_);
    return more;
  }

  std::mt19937_64& random() { return random_; }
  uint64_t below(uint64_t limit) { return random_() % limit; }
  [[nodiscard]] uint64_t rounds_done() const { return round_; }
  // For the message of a failure.
  [[nodiscard]] std::string name() const {
    return "round " + std::to_string(round_) + " of the trial with SPORE_SEED=" + std::to_string(seed_);
  }

 private:
  uint64_t seed_, rounds_, round_ = 0;
  std::optional<std::chrono::steady_clock::time_point> until_;
  std::mt19937_64 random_;
};

} // namespace spore_test
