// Datagrams, many with one system call: recvmmsg and sendmmsg, by way of a page.
#include <sys/socket.h>

#include <cstring>

#include "args.h"
#include "call_page.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

// Headers are made on the stack, so many at a time.
constexpr uint32_t kBatch = 64;

// Shared with JavaScript (`lib/loop/datagram-page.ts`), which names memory of its own mappings.
struct DatagramPage {
  int32_t fd;
  int32_t result;
  uint64_t address;  // of the first slot; or what entries are relative to
  uint32_t count;
  int32_t flags;
  // Of a slot: where the next one begins, and room for an address, control messages and bytes.
  uint32_t stride;
  uint32_t name_bytes;
  uint32_t control_bytes;
  uint32_t payload_bytes;
  // Of the first entry, from `address` on.
  uint32_t entries;
};

// A slot begins as a buffer that io_uring receives a message into (`struct io_uring_recvmsg_out`).
struct SlotHeader {
  uint32_t name_length;
  uint32_t control_length;
  uint32_t payload_length;
  uint32_t flags;
};

// One datagram to be sent: places are from `address` on.
struct Entry {
  uint32_t payload;
  uint32_t payload_length;
  uint32_t name;
  uint32_t name_length;
  uint32_t control;
  uint32_t control_length;
};

struct Headers {
  mmsghdr messages[kBatch];
  iovec parts[kBatch];
};

uint32_t batch_of(const DatagramPage* page) {
  return page->count < kBatch ? page->count : kBatch;
}

napi_value receive_many(napi_env env, napi_callback_info info) {
  auto* page = call_page<DatagramPage>(env, info);
  Headers headers;
  auto* slots = reinterpret_cast<uint8_t*>(page->address);
  const uint32_t count = batch_of(page);
  for (uint32_t index = 0; index < count; index++) {
    uint8_t* name = slots + size_t{index} * page->stride + sizeof(SlotHeader);
    uint8_t* control = name + page->name_bytes;
    iovec& part = headers.parts[index];
    part.iov_base = control + page->control_bytes;
    part.iov_len = page->payload_bytes;
    msghdr& message = headers.messages[index].msg_hdr;
    message = {};
    message.msg_name = name;
    message.msg_namelen = page->name_bytes;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = page->control_bytes;
  }
  const long result = sys::call(SYS_recvmmsg, page->fd, sys::pointer(headers.messages),
                                static_cast<long>(count), page->flags, 0);
  for (long index = 0; index < result; index++) {
    const mmsghdr& received = headers.messages[index];
    const SlotHeader header{received.msg_hdr.msg_namelen,
                            static_cast<uint32_t>(received.msg_hdr.msg_controllen),
                            received.msg_len,
                            static_cast<uint32_t>(received.msg_hdr.msg_flags)};
    memcpy(slots + static_cast<size_t>(index) * page->stride, &header, sizeof header);
  }
  page->result = static_cast<int32_t>(result);
  return nullptr;
}

napi_value send_many(napi_env env, napi_callback_info info) {
  auto* page = call_page<DatagramPage>(env, info);
  Headers headers;
  auto* base = reinterpret_cast<uint8_t*>(page->address);
  const auto* entries = reinterpret_cast<const Entry*>(base + page->entries);
  const uint32_t count = batch_of(page);
  for (uint32_t index = 0; index < count; index++) {
    const Entry& entry = entries[index];
    iovec& part = headers.parts[index];
    part.iov_base = base + entry.payload;
    part.iov_len = entry.payload_length;
    msghdr& message = headers.messages[index].msg_hdr;
    message = {};
    if (entry.name_length > 0) message.msg_name = base + entry.name;
    message.msg_namelen = entry.name_length;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (entry.control_length > 0) message.msg_control = base + entry.control;
    message.msg_controllen = entry.control_length;
  }
  page->result = static_cast<int32_t>(sys::call(SYS_sendmmsg, page->fd,
                                                sys::pointer(headers.messages),
                                                static_cast<long>(count), page->flags));
  return nullptr;
}

napi_value datagram_page(napi_env env, napi_callback_info) {
  Region* region = nullptr;
  return make_call_page(env, sizeof(DatagramPage),
                        {{"recvmmsg", receive_many}, {"sendmmsg", send_many}}, &region);
}

constexpr Method kMethods[] = {{"datagramPage", datagram_page}};

}  // namespace

void init_datagrams(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
