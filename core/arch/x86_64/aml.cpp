#include "core/arch/x86_64/aml.hpp"

#include <cassert>
#include <cstring>

namespace sporehost::arch::x86_64::aml {

namespace {

constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDWordPrefix = 0x0c;
constexpr uint8_t kStringPrefix = 0x0d;
constexpr uint8_t kQWordPrefix = 0x0e;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kMethodOp = 0x14;
constexpr uint8_t kDualNamePrefix = 0x2e;
constexpr uint8_t kMultiNamePrefix = 0x2f;
constexpr uint8_t kExtOpPrefix = 0x5b;
constexpr uint8_t kDeviceOp = 0x82; // behind kExtOpPrefix
constexpr uint8_t kNotifyOp = 0x86;
constexpr size_t kSegment = 4;

void append(Code& code, const Code& more) {
  code.insert(code.end(), more.begin(), more.end());
}

// The lowest `count` bytes of `value`.
void append_le(Code& code, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) code.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// PkgLength counts itself. One byte holds 6 bits; of more, the first holds 4 bits and how many follow.
Code with_length(const Code& body) {
  Code result;
  if (body.size() + 1 < 64) {
    result.push_back(static_cast<uint8_t>(body.size() + 1));
  } else {
    size_t extra = 1;
    while (body.size() + 1 + extra >= size_t{1} << (4 + 8 * extra)) ++extra;
    assert(extra <= 3);
    const size_t total = body.size() + 1 + extra;
    result.push_back(static_cast<uint8_t>(extra << 6 | (total & 0xf)));
    append_le(result, total >> 4, extra);
  }
  append(result, body);
  return result;
}

Code term(std::initializer_list<uint8_t> opcode, const Code& body) {
  Code code(opcode);
  append(code, with_length(body));
  return code;
}

} // namespace

Code concat(std::initializer_list<Code> terms) {
  Code code;
  for (const Code& one : terms) append(code, one);
  return code;
}

Code name_string(std::string_view path) {
  Code code;
  while (!path.empty() && (path.front() == '\\' || path.front() == '^')) {
    code.push_back(static_cast<uint8_t>(path.front()));
    path.remove_prefix(1);
  }
  Code segments;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('.'));
    assert(!segment.empty() && segment.size() <= kSegment);
    segments.insert(segments.end(), segment.begin(), segment.end());
    segments.resize(segments.size() + kSegment - segment.size(), '_');
    path.remove_prefix(segment.size() < path.size() ? segment.size() + 1 : path.size());
  }
  const size_t count = segments.size() / kSegment;
  assert(count <= 255);
  if (count == 0) code.push_back(0); // NullName
  if (count == 2) code.push_back(kDualNamePrefix);
  if (count > 2) {
    code.push_back(kMultiNamePrefix);
    code.push_back(static_cast<uint8_t>(count));
  }
  append(code, segments);
  return code;
}

Code integer(uint64_t value) {
  if (value == 0) return {kZeroOp};
  if (value == 1) return {kOneOp};
  Code code;
  const auto put = [&](uint8_t prefix, size_t count) {
    code.push_back(prefix);
    append_le(code, value, count);
  };
  if (value <= UINT8_MAX) {
    put(kBytePrefix, 1);
  } else if (value <= UINT16_MAX) {
    put(kWordPrefix, 2);
  } else if (value <= UINT32_MAX) {
    put(kDWordPrefix, 4);
  } else {
    put(kQWordPrefix, 8);
  }
  return code;
}

Code string(std::string_view text) {
  Code code = {kStringPrefix};
  code.insert(code.end(), text.begin(), text.end());
  code.push_back(0);
  return code;
}

// Three letters of 5 bits and four hexadecimal digits, stored with the first letter in the first byte.
Code eisa_id(std::string_view id) {
  assert(id.size() == 7);
  const auto letter = [&](size_t i) { return static_cast<uint32_t>(id[i] - '@') & 0x1f; };
  const auto digit = [&](size_t i) {
    return static_cast<uint32_t>(id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10) & 0xf;
  };
  const uint32_t value =
      letter(0) << 26 | letter(1) << 21 | letter(2) << 16 | digit(3) << 12 | digit(4) << 8 | digit(5) << 4 | digit(6);
  Code code = {kDWordPrefix};
  append_le(code, __builtin_bswap32(value), 4);
  return code;
}

Code package(std::initializer_list<Code> elements) {
  assert(elements.size() <= 255);
  Code body = {static_cast<uint8_t>(elements.size())};
  append(body, concat(elements));
  return term({kPackageOp}, body);
}

Code name(std::string_view path, const Code& value) {
  return concat({{kNameOp}, name_string(path), value});
}

Code scope(std::string_view path, const Code& body) {
  return term({kScopeOp}, concat({name_string(path), body}));
}

Code device(std::string_view path, const Code& body) {
  return term({kExtOpPrefix, kDeviceOp}, concat({name_string(path), body}));
}

Code method(std::string_view path, uint8_t arguments, const Code& body) {
  assert(arguments <= 7);
  return term({kMethodOp}, concat({name_string(path), {arguments}, body})); // flags: not serialized, sync level 0
}

Code notify(std::string_view path, uint64_t value) {
  return concat({{kNotifyOp}, name_string(path), integer(value)});
}

Code resources(std::initializer_list<Code> descriptors) {
  Code bytes = concat(descriptors);
  append(bytes, {0x79, 0x00}); // end tag; checksum 0 means "not used"
  return term({kBufferOp}, concat({integer(bytes.size()), bytes}));
}

Code memory32_fixed(uint32_t base, uint32_t length) {
  Code code = {0x86, 9, 0, 1}; // large item 6, 9 bytes, read-write
  append_le(code, base, 4);
  append_le(code, length, 4);
  return code;
}

Code memory64_fixed(uint64_t base, uint64_t length) {
  // Large item 10, 43 bytes; memory; flags: bit 0 consumer, bits 2 and 3 both ends fixed; read-write.
  Code code = {0x8a, 43, 0, 0, 0x0d, 0x01};
  for (const uint64_t field : {uint64_t{0}, base, base + (length - 1), uint64_t{0}, length}) append_le(code, field, 8);
  return code;
}

Code interrupt(uint32_t gsi, Trigger trigger) {
  // Large item 9, 6 bytes; flags: bit 0 consumer, bit 1 edge, bit 2 active low, bit 3 shared; one interrupt.
  Code code = {0x89, 6, 0, static_cast<uint8_t>(trigger == Trigger::edge ? 0x03 : 0x01), 1};
  append_le(code, gsi, 4);
  return code;
}

Code io_ports(uint16_t base, uint8_t count) {
  Code code = {0x47, 1}; // small item 8, 7 bytes; decodes 16 address bits
  append_le(code, base, 2);
  append_le(code, base, 2);
  code.push_back(1); // alignment
  code.push_back(count);
  return code;
}

Code io_port_range(uint16_t base, uint16_t count) {
  // Large item 8, 13 bytes; ports; flags as in memory64_fixed; the entire range, not only ISA's.
  Code code = {0x88, 13, 0, 1, 0x0d, 0x03};
  for (const unsigned field : {0u, unsigned{base}, base + count - 1u, 0u, unsigned{count}}) append_le(code, field, 2);
  return code;
}

} // namespace sporehost::arch::x86_64::aml
