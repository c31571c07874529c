// Numbers of VIRTIO 1.2 that the transport and the queues share. Nothing here is a choice of ours but the vendor id.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace sporehost::virtio {

// Ring and configuration fields are little-endian (section 1.4); both hosts are, so bytes are copied as they are.
static_assert(std::endian::native == std::endian::little);

// Device status, section 2.1.
inline constexpr uint32_t kStatusAcknowledge = 1;
inline constexpr uint32_t kStatusDriver = 2;
inline constexpr uint32_t kStatusDriverOk = 4;
inline constexpr uint32_t kStatusFeaturesOk = 8;
inline constexpr uint32_t kStatusNeedsReset = 64;
inline constexpr uint32_t kStatusFailed = 128;

// Feature bits of the transport and the rings, section 6. Bits 24 to 49 are reserved for them, the others are the
// device type's (section 2.2). All of them are in word 0.
using Features = std::array<uint64_t, 2>; // bit n in word n / 64
inline constexpr uint64_t kFeatureIndirect = uint64_t{1} << 28;
inline constexpr uint64_t kFeatureEventIdx = uint64_t{1} << 29;
inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;
inline constexpr uint64_t kTransportFeatures = ((uint64_t{1} << 50) - 1) & ~((uint64_t{1} << 24) - 1);

// Split virtqueue, section 2.7.
inline constexpr uint32_t kQueueSizeMax = 32768;
inline constexpr uint16_t kDescNext = 1;
inline constexpr uint16_t kDescWrite = 2;
inline constexpr uint16_t kDescIndirect = 4;
inline constexpr uint16_t kAvailNoInterrupt = 1;
inline constexpr uint16_t kUsedNoNotify = 1;
inline constexpr uint64_t kChainBytesMax = uint64_t{1} << 32; // section 2.7.5

struct Descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);

struct UsedElement {
  uint32_t id;
  uint32_t length;
};
static_assert(sizeof(UsedElement) == 8);

// virtio-mmio version 2, section 4.2.2: register offsets from the window's start.
inline constexpr uint64_t kMmioMagicValue = 0x000;
inline constexpr uint64_t kMmioVersion = 0x004;
inline constexpr uint64_t kMmioDeviceId = 0x008;
inline constexpr uint64_t kMmioVendorId = 0x00c;
inline constexpr uint64_t kMmioDeviceFeatures = 0x010;
inline constexpr uint64_t kMmioDeviceFeaturesSel = 0x014;
inline constexpr uint64_t kMmioDriverFeatures = 0x020;
inline constexpr uint64_t kMmioDriverFeaturesSel = 0x024;
inline constexpr uint64_t kMmioQueueSel = 0x030;
inline constexpr uint64_t kMmioQueueNumMax = 0x034;
inline constexpr uint64_t kMmioQueueNum = 0x038;
inline constexpr uint64_t kMmioQueueReady = 0x044;
inline constexpr uint64_t kMmioQueueNotify = 0x050;
inline constexpr uint64_t kMmioInterruptStatus = 0x060;
inline constexpr uint64_t kMmioInterruptAck = 0x064;
inline constexpr uint64_t kMmioStatus = 0x070;
inline constexpr uint64_t kMmioQueueDescLow = 0x080;
inline constexpr uint64_t kMmioQueueDescHigh = 0x084;
inline constexpr uint64_t kMmioQueueDriverLow = 0x090;
inline constexpr uint64_t kMmioQueueDriverHigh = 0x094;
inline constexpr uint64_t kMmioQueueDeviceLow = 0x0a0;
inline constexpr uint64_t kMmioQueueDeviceHigh = 0x0a4;
inline constexpr uint64_t kMmioShmSel = 0x0ac;
inline constexpr uint64_t kMmioShmLenLow = 0x0b0;
inline constexpr uint64_t kMmioShmLenHigh = 0x0b4;
inline constexpr uint64_t kMmioShmBaseLow = 0x0b8;
inline constexpr uint64_t kMmioShmBaseHigh = 0x0bc;
inline constexpr uint64_t kMmioQueueReset = 0x0c0;
inline constexpr uint64_t kMmioConfigGeneration = 0x0fc;
inline constexpr uint64_t kMmioConfig = 0x100;

inline constexpr uint32_t kMmioMagic = 0x74726976; // "virt"
inline constexpr uint32_t kMmioVersion2 = 2;
inline constexpr uint32_t kMmioVendor = 0x524f5053; // "SPOR"

// InterruptStatus and InterruptACK.
inline constexpr uint32_t kInterruptUsed = 1;
inline constexpr uint32_t kInterruptConfig = 2;

} // namespace sporehost::virtio
