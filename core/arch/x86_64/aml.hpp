// A small builder for ACPI Machine Language: each function returns the bytes of one term, terms nest by concatenation.
// Spec: ACPI 6.5, chapter 20 (encoding) and 6.4 (resource descriptors). Pure; [any].
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace sporehost::arch::x86_64::aml {

using Code = std::vector<uint8_t>;

// The given terms one behind the other.
[[nodiscard]] Code concat(std::initializer_list<Code> terms);

// A NameString: segments of at most four characters between dots, padded with '_'; "\\" and "^" may come first.
// Precondition: well-formed, at most 255 segments. Names are ours, never input.
[[nodiscard]] Code name_string(std::string_view path);

[[nodiscard]] Code integer(uint64_t value);
// Precondition: ASCII, without NUL.
[[nodiscard]] Code string(std::string_view text);
// A compressed EISA id such as "PNP0501", as the integer that _HID takes.
[[nodiscard]] Code eisa_id(std::string_view id);
// Precondition: at most 255 elements.
[[nodiscard]] Code package(std::initializer_list<Code> elements);

[[nodiscard]] Code name(std::string_view path, const Code& value);
[[nodiscard]] Code scope(std::string_view path, const Code& body);
[[nodiscard]] Code device(std::string_view path, const Code& body);
[[nodiscard]] Code method(std::string_view path, uint8_t arguments, const Code& body);
[[nodiscard]] Code notify(std::string_view path, uint64_t value);

// A ResourceTemplate: the descriptors below and the end tag.
[[nodiscard]] Code resources(std::initializer_list<Code> descriptors);
// Memory32Fixed(ReadWrite). Precondition: the range lies below 4 GiB.
[[nodiscard]] Code memory32_fixed(uint32_t base, uint32_t length);
// QWordMemory(ResourceConsumer, NonCacheable, ReadWrite), at this place and no other. Precondition: `length` is not 0.
[[nodiscard]] Code memory64_fixed(uint64_t base, uint64_t length);
enum class Trigger { edge, level };
// Interrupt(ResourceConsumer, Edge or Level, ActiveHigh, Exclusive).
[[nodiscard]] Code interrupt(uint32_t gsi, Trigger trigger);
// IO(Decode16), for up to 255 ports.
[[nodiscard]] Code io_ports(uint16_t base, uint8_t count);
// WordIO(ResourceConsumer), at this place and no other. Precondition: 1 to 65536 - base ports, but not all 65536.
[[nodiscard]] Code io_port_range(uint16_t base, uint16_t count);

} // namespace sporehost::arch::x86_64::aml
