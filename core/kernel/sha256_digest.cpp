#include "core/kernel/sha256_digest.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sporehost::kernel {
namespace {

constexpr std::array<uint32_t, 64> kRounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t big_endian(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

std::array<uint32_t, 64> schedule(std::span<const uint8_t, 64> block) {
  std::array<uint32_t, 64> w;
  for (size_t i = 0; i < 16; ++i) w[i] = big_endian(&block[4 * i]);
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
    const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  return w;
}

// One round; what the standard then calls e and a are left in d and h.
inline void turn(uint32_t a, uint32_t b, uint32_t c, uint32_t& d, uint32_t e, uint32_t f, uint32_t g, uint32_t& h,
                 uint32_t constant) {
  h += (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + (g ^ (e & (f ^ g))) + constant;
  d += h;
  h += (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (c & (a ^ b)));
}

} // namespace

void Sha256Digest::take_block(std::span<const uint8_t, kBlock> block) {
  const std::array<uint32_t, 64> w = schedule(block);
  auto [a, b, c, d, e, f, g, h] = state_;
  // Eight rounds bring every name back to its place, so no value has to move.
  for (size_t i = 0; i < 64; i += 8) {
    turn(a, b, c, d, e, f, g, h, kRounds[i] + w[i]);
    turn(h, a, b, c, d, e, f, g, kRounds[i + 1] + w[i + 1]);
    turn(g, h, a, b, c, d, e, f, kRounds[i + 2] + w[i + 2]);
    turn(f, g, h, a, b, c, d, e, kRounds[i + 3] + w[i + 3]);
    turn(e, f, g, h, a, b, c, d, kRounds[i + 4] + w[i + 4]);
    turn(d, e, f, g, h, a, b, c, kRounds[i + 5] + w[i + 5]);
    turn(c, d, e, f, g, h, a, b, kRounds[i + 6] + w[i + 6]);
    turn(b, c, d, e, f, g, h, a, kRounds[i + 7] + w[i + 7]);
  }
  const uint32_t words[] = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < state_.size(); ++i) state_[i] += words[i];
}

void Sha256Digest::update(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t held = bytes_ % kBlock;
    const size_t taken = std::min(kBlock - held, bytes.size());
    std::memcpy(&rest_[held], bytes.data(), taken);
    bytes_ += taken;
    bytes.remove_prefix(taken);
    if (held + taken == kBlock) take_block(rest_);
  }
}

// A one bit, zeros, and the length in bits, so that they end a block.
std::string Sha256Digest::finish() {
  const uint64_t bits = bytes_ * 8;
  std::string padding(1 + (2 * kBlock - 1 - 8 - bytes_ % kBlock) % kBlock, '\0');
  padding[0] = '\x80';
  for (int shift = 56; shift >= 0; shift -= 8) padding += static_cast<char>(bits >> shift);
  update(padding);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[word >> shift & 15];
  return text;
}

} // namespace sporehost::kernel
