// How the device serves its queue.
#include "device.hpp"

#include <algorithm>

namespace virtio_mem {
namespace {

const char* name_of(uint16_t type) {
  switch (RequestType{type}) {
    case RequestType::plug:
      return "PLUG";
    case RequestType::unplug:
      return "UNPLUG";
    case RequestType::unplug_all:
      return "UNPLUG_ALL";
    case RequestType::state:
      return "STATE";
  }
  return "request of an unknown type";
}

} // namespace

// Ends, however busy the driver is: the host bounds how many requests one notify sees.
void VirtioMem::notify(uint32_t queue) {
  while (const auto chain = virtio_.pop(queue)) answer(*chain);
}

// VMEM-29: a chain that cannot hold a request and its response changes nothing; what fits of an error is the answer.
void VirtioMem::answer(const spore_chain& chain) {
  std::array<uint8_t, kRequestBytes> bytes{};
  const char* problem = nullptr;
  if (chain.readable_bytes < kRequestBytes) {
    problem = "a request shorter than 24 bytes";
  } else if (chain.writable_bytes < kResponseBytes) {
    problem = "a request with less than 10 bytes for the response";
  } else if (virtio_.read(chain, 0, bytes.data(), bytes.size()) != SPORE_OK) {
    problem = "a request that lies in memory that is not there";
  }
  if (problem != nullptr) {
    ++counters_.malformed;
    complain(std::string("the driver sent ") + problem);
    return reply(chain, {ResponseType::error});
  }
  reply(chain, execute(parse_request(bytes)));
}

void VirtioMem::reply(const spore_chain& chain, const Response& response) {
  switch (response.type) {
    case ResponseType::ack:
      ++counters_.acks;
      break;
    case ResponseType::nack:
      ++counters_.nacks;
      break;
    case ResponseType::busy:
      ++counters_.busy;
      break;
    case ResponseType::error:
      ++counters_.errors;
      break;
  }
  const auto bytes = encode_response(response);
  auto length = static_cast<uint32_t>(std::min<uint64_t>(chain.writable_bytes, bytes.size()));
  if (length > 0 && virtio_.write(chain, 0, bytes.data(), length) != SPORE_OK) {
    // A driver can unplug the very memory it wants the response in.
    complain("the response's buffer lies in memory that is not there");
    length = 0;
  }
  virtio_.push(chain, length);
}

Response VirtioMem::execute(const Request& request) {
  switch (RequestType{request.type}) {
    case RequestType::plug:
      ++counters_.plug;
      return change(request, true);
    case RequestType::unplug:
      ++counters_.unplug;
      return change(request, false);
    case RequestType::unplug_all:
      ++counters_.unplug_all;
      return unplug_all();
    case RequestType::state:
      ++counters_.state;
      return query_state(request);
  }
  ++counters_.malformed;
  return {refuse(name_of(request.type), "there is no such request")};
}

// PLUG and UNPLUG. What is wrong with the request itself is an ERROR; the rest is decided afterwards, since a NACK says
// that the same request may be right at another time.
Response VirtioMem::change(const Request& request, bool plug) {
  const char* name = name_of(request.type);
  const auto located = locate_blocks(request, {region_.gpa, usable_, region_.block_bytes});
  if (const auto* problem = std::get_if<const char*>(&located)) return {refuse(name, *problem)};
  const auto [offset, bytes] = std::get<BlockRange>(located);

  const uint32_t expected = plug ? SPORE_BLOCKS_UNPLUGGED : SPORE_BLOCKS_PLUGGED;
  if (elastic_->blocks(elastic_->context, offset, bytes) != expected) {
    return {refuse(name, plug ? "a block is plugged already" : "a block is unplugged already")};
  }
  // VMEM-24: not the driver's fault, the target may have been lowered while the request was on its way.
  if (plug && bytes > requested_ - std::min(requested_, plugged())) return {ResponseType::nack};

  spore::ErrorText error;
  const auto call = plug ? elastic_->plug : elastic_->unplug;
  const spore_status status = call(elastic_->context, offset, bytes, error.out());
  if (status == SPORE_OK) virtio_.config_touched(); // plugged_size changed; no interrupt for that alone (VMEM-08)
  return {outcome(status, name, error.text())};
}

Response VirtioMem::unplug_all() {
  spore::ErrorText error;
  const spore_status status = elastic_->unplug_all(elastic_->context, error.out());
  if (status == SPORE_OK) {
    shrink_usable();
    virtio_.config_touched();
    return {ResponseType::ack};
  }
  outcome(SPORE_E_BUSY, "UNPLUG_ALL", error.text()); // ACK or BUSY only (VMEM-30)
  return {ResponseType::busy};
}

Response VirtioMem::query_state(const Request& request) {
  const auto located = locate_blocks(request, {region_.gpa, usable_, region_.block_bytes});
  if (const auto* problem = std::get_if<const char*>(&located)) return {refuse(name_of(request.type), *problem)};
  const auto [offset, bytes] = std::get<BlockRange>(located);
  switch (elastic_->blocks(elastic_->context, offset, bytes)) {
    case SPORE_BLOCKS_PLUGGED:
      return {ResponseType::ack, BlockState::plugged};
    case SPORE_BLOCKS_UNPLUGGED:
      return {ResponseType::ack, BlockState::unplugged};
    default:
      return {ResponseType::ack, BlockState::mixed};
  }
}

// What the host's answer means to the driver. Whatever the host cannot do now is BUSY: Linux waits and tries again. It
// answers a NACK to PLUG by trying at once and for ever, waits 50 s after one to UNPLUG (VMEM-25), and after an ERROR
// it never resizes again; so NACK is for the requested size alone, and ERROR for requests that are wrong.
ResponseType VirtioMem::outcome(spore_status status, const char* what, std::string_view why) {
  switch (status) {
    case SPORE_OK:
      return ResponseType::ack;
    case SPORE_E_RANGE:
    case SPORE_E_STATE:
    case SPORE_E_INVALID:
      return refuse(what, why);
    default:
      wake_owed_ = true;
      complain(std::string(what) + " has to wait: " + std::string(why));
      return ResponseType::busy;
  }
}

ResponseType VirtioMem::refuse(const char* what, std::string_view why) {
  complain(std::string("refused ") + what + ": " + std::string(why));
  return ResponseType::error;
}

// However often: the host limits the lines of each object.
void VirtioMem::complain(const std::string& text) {
  host_.warn(text);
}

} // namespace virtio_mem
