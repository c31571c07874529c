// VMEM-27 to VMEM-29: how requests and responses lie in memory.
#include "fixture.hpp"

namespace vmem {
namespace {

MachineSetup grown() {
  return {.shape = {.requested_bytes = GiB}};
}

TEST(Vmem27, PaddingIsIgnored) {
  Machine m(grown());
  EXPECT_EQ(m.send_raw({encode_request(PLUG, m.address(0), 4, 0xff)}, {10}).type, ACK);
  const Reply reply = m.send_raw({encode_request(STATE, m.address(0), 4, 0xff)}, {10});
  EXPECT_EQ(reply.type, ACK);
  EXPECT_EQ(reply.state, PLUGGED);
  EXPECT_EQ(m.send_raw({encode_request(UNPLUG, m.address(0), 4, 0xff)}, {10}).type, ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
}

TEST(Vmem27, UnplugAllLooksAtItsTypeAlone) {
  Machine m(grown());
  ASSERT_EQ(m.plug(3, 9), ACK);
  EXPECT_EQ(m.send_raw({encode_request(UNPLUG_ALL, UINT64_MAX, 65535, 0xff)}, {10}).type, ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
}

TEST(Vmem27, BytesBehindTheRequestAreIgnored) {
  Machine m(grown());
  Bytes request = encode_request(PLUG, m.address(0), 2);
  request.resize(4096, 0xff);
  EXPECT_EQ(m.send_raw({request}, {4096}).type, ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 2 * kBlock);
}

TEST(Vmem27, AnUnknownTypeIsAnError) {
  Machine m(grown());
  for (const uint16_t type : {4, 5, 255, 256, 0x8000, 0xffff}) {
    EXPECT_EQ(m.send(type, m.address(0), 1).type, ERROR) << type;
  }
  EXPECT_EQ(m.plug(0), ACK);
}

TEST(Vmem27, TheResponsesOwnPaddingIsZero) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0), ACK);
  EXPECT_EQ(m.virtio.completions(0).back().data, Bytes(10, 0)) << "ACK is 0, and no state was asked for";
  EXPECT_EQ(m.virtio.completions(0).back().written, 10u);
}

TEST(Vmem28, ARequestMayBeSplitAnywhere) {
  for (size_t at = 1; at < 24; ++at) {
    Machine m(grown());
    const Bytes request = encode_request(PLUG, m.address(5), 3);
    const auto cut = request.begin() + static_cast<ptrdiff_t>(at);
    EXPECT_EQ(m.send_raw({Bytes(request.begin(), cut), Bytes(cut, request.end())}, {10}).type, ACK) << "at " << at;
    EXPECT_EQ(m.query(5, 3).state, PLUGGED);
    EXPECT_EQ(m.get(PLUGGED_SIZE), 3 * kBlock);
  }
}

TEST(Vmem28, AResponseMayBeSplitAnywhere) {
  Machine m(grown());
  for (size_t at = 1; at < 10; ++at) {
    const Reply reply = m.send_raw({encode_request(STATE, m.address(0), 1)}, {at, 10 - at});
    EXPECT_EQ(reply.type, ACK) << "at " << at;
    EXPECT_EQ(reply.state, UNPLUGGED);
    EXPECT_EQ(reply.written, 10u);
  }
}

TEST(Vmem28, OneByteADescriptor) {
  Machine m(grown());
  std::vector<Bytes> readable;
  for (const uint8_t byte : encode_request(PLUG, m.address(7), 2)) readable.push_back({byte});
  EXPECT_EQ(m.send_raw(readable, std::vector<size_t>(10, 1)).type, ACK);
  EXPECT_EQ(m.query(7, 2).state, PLUGGED);
}

TEST(Vmem29, AShortRequestIsAnErrorAndTheQueueGoesOn) {
  Machine m(grown());
  const Bytes request = encode_request(PLUG, m.address(0), 1);
  for (size_t length = 0; length < request.size(); ++length) {
    const Bytes part(request.begin(), request.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_EQ(m.send_raw({part}, {10}).type, ERROR) << length << " bytes";
  }
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.plug(0), ACK);
}

TEST(Vmem29, AShortResponseBufferChangesNothingAndTheQueueGoesOn) {
  Machine m(grown());
  for (size_t length = 0; length < 10; ++length) {
    const Reply reply = m.send_raw({encode_request(PLUG, m.address(0), 1)}, {length});
    EXPECT_LE(reply.written, length);
    EXPECT_NE(reply.type, ACK) << length << " bytes: an answer that cannot be given whole is no ACK";
    EXPECT_EQ(m.get(PLUGGED_SIZE), 0u) << "nobody would know of it";
    EXPECT_EQ(m.virtio.held(), 0u) << "the chain was given back";
  }
  EXPECT_EQ(m.plug(0), ACK);
}

TEST(Vmem29, ARequestInMemoryThatIsGone) {
  Machine m(grown());
  m.virtio.fail_reads(1);
  EXPECT_EQ(m.plug(0), ERROR);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.plug(0), ACK);
}

TEST(Vmem29, AResponseIntoMemoryThatTheRequestUnplugged) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 4), ACK);
  m.virtio.fail_writes(1);
  const Reply reply = m.send(UNPLUG, m.address(0), 4);
  EXPECT_EQ(reply.written, 0u);
  EXPECT_EQ(m.virtio.held(), 0u);
  EXPECT_EQ(m.query(0, 4).state, UNPLUGGED);
}

} // namespace
} // namespace vmem
