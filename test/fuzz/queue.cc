// What is left in the queues of a ring when its thread ends, with completions as no kernel would
// write them: descriptors among these are found, and nothing beyond the queue is read.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../../native/env_state.h"
#include "../../native/ring.h"
#include "../../native/uapi.h"
#include "kernel.h"
#include "node.h"

using nearmetal::Control;
using nearmetal::EnvState;
using nearmetal::MessageEntry;
using nearmetal::PairPage;
using nearmetal::Region;
using nearmetal::Ring;

namespace {

constexpr uint32_t kSlots = 4;
constexpr uint32_t kNameBytes = 128;
constexpr uint32_t kControlRoom = 96;
constexpr uint32_t kBufferBytes = 16 + kNameBytes + kControlRoom;
constexpr uint32_t kBuffers = 2;
constexpr uint32_t kSubmissions = 4;

FuzzedDataProvider* input = nullptr;

// The words of a ring, and its completions behind them.
struct Words {
  uint32_t sq_head;
  uint32_t sq_tail;
  uint32_t cq_head;
  uint32_t cq_tail;
};

struct Queues {
  uint32_t entries;
  Ring* ring;
  std::vector<std::unique_ptr<uint8_t[]>> controls;
  std::unique_ptr<uint8_t[]> buffers;
  msghdr headers[kSlots] = {};
};

Queues* queues = nullptr;

Region* mapped(size_t length) {
  Region* region = nullptr;
  Region::map(nearmetal::RegionCounters::of_process(), length, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, &region);
  return region;
}

// Completions as they may lie there: what JavaScript put into user_data mostly has its form.
void post() {
  Ring& ring = *queues->ring;
  const uint32_t count = input->ConsumeIntegralInRange<uint32_t>(0, queues->entries);
  uint32_t tail = *ring.cq_tail;
  for (uint32_t index = 0; index < count; index++, tail++) {
    auto* cqe = reinterpret_cast<io_uring_cqe*>(ring.cqes + size_t{tail & ring.cq_mask} *
                                                                ring.cqe_bytes);
    constexpr uint8_t kOpcodes[] = {nearmetal::uapi::OP_RECVMSG, nearmetal::uapi::OP_ACCEPT,
                                    nearmetal::uapi::OP_PIPE, nearmetal::uapi::OP_OPENAT, 0xf0};
    const uint64_t opcode = input->ConsumeBool() ? input->PickValueInArray(kOpcodes)
                                                 : input->ConsumeIntegral<uint8_t>();
    const uint64_t slot = input->ConsumeIntegralInRange<uint32_t>(0, kSlots + 1);
    const bool random = input->ConsumeIntegralInRange<int>(0, 7) == 0;
    cqe->user_data = random ? input->ConsumeIntegral<uint64_t>()
                            : opcode << nearmetal::kOpcodeShift | slot | nearmetal::kYieldsFd;
    cqe->res = input->ConsumeBool() ? input->ConsumeIntegralInRange<int>(-133, 1 << 12)
                                    : input->ConsumeIntegral<int>();
    // The number of a buffer is the one thing that a kernel is believed.
    const uint32_t buffer = input->ConsumeIntegralInRange<uint32_t>(0, kBuffers - 1);
    cqe->flags = buffer << IORING_CQE_BUFFER_SHIFT | input->ConsumeIntegral<uint16_t>();
  }
  const bool wild = input->ConsumeIntegralInRange<int>(0, 15) == 0;
  *ring.cq_tail = wild ? input->ConsumeIntegral<uint32_t>() : tail;
}

long ring_call(long number, long, long opcode, long, long, long, long) {
  constexpr long kSyncCancel = 24;
  if (input == nullptr || input->remaining_bytes() == 0) return -EINVAL;
  if (number == SYS_io_uring_enter) post();
  return number == SYS_io_uring_register && opcode != kSyncCancel ? -EINVAL : fuzz::some_result(1);
}

// The table of messages: of slot 0 there is none.
Region* messages() {
  Region* table = mapped(kSlots * sizeof(MessageEntry));
  auto* entries = static_cast<MessageEntry*>(table->base);
  for (uint32_t slot = 0; slot < kSlots; slot++) {
    const size_t room = input->ConsumeIntegralInRange<size_t>(0, kControlRoom / 8) * 8;
    queues->controls.push_back(std::make_unique<uint8_t[]>(room));
    msghdr& header = queues->headers[slot];
    header.msg_namelen = kNameBytes;
    header.msg_control = queues->controls.back().get();
    header.msg_controllen =
        fuzz::fill_control(queues->controls.back().get(), room);
    entries[slot].header = reinterpret_cast<uint64_t>(&header);
    if (input->ConsumeBool()) continue;
    header.msg_controllen = kControlRoom;
    entries[slot].buffers = reinterpret_cast<uint64_t>(queues->buffers.get());
    entries[slot].buffer_bytes = kBufferBytes;
  }
  return table;
}

void fill_buffers() {
  queues->buffers = std::make_unique<uint8_t[]>(size_t{kBuffers} * kBufferBytes);
  for (uint32_t index = 0; index < kBuffers; index++) {
    uint8_t* buffer = queues->buffers.get() + size_t{index} * kBufferBytes;
    fuzz::fill(buffer, 16);
    fuzz::fill_control(buffer + 16 + kNameBytes, kControlRoom);
  }
}

// Made as ring_map does it, in memory of ours.
void run(EnvState* state) {
  Queues all{1u << input->ConsumeIntegralInRange<uint32_t>(0, 4), nullptr, {}, nullptr, {}};
  queues = &all;
  auto* ring = new Ring;
  all.ring = ring;
  ring->fd = 3;
  ring->state = state;
  ring->cqe_bytes = input->ConsumeBool() ? 32 : 16;
  ring->setup_flags = input->ConsumeBool() ? IORING_SETUP_SQPOLL : 0;
  ring->rings = mapped(sizeof(Words) + size_t{all.entries} * ring->cqe_bytes);
  ring->sqes = mapped(size_t{kSubmissions} * 64);
  ring->control = mapped(nearmetal::kControlBytes);
  auto* words = static_cast<Words*>(ring->rings->base);
  ring->sq_head = &words->sq_head;
  ring->sq_tail = &words->sq_tail;
  ring->cq_head = &words->cq_head;
  ring->cq_tail = &words->cq_tail;
  ring->cq_mask = all.entries - 1;
  ring->cqes = reinterpret_cast<uint8_t*>(words + 1);
  *ring->enter = {3, 0, false, ring->page()};
  words->sq_tail = input->ConsumeIntegralInRange<uint32_t>(0, kSubmissions);
  words->sq_head = input->ConsumeIntegralInRange<uint32_t>(0, words->sq_tail);
  words->cq_head = words->cq_tail = input->ConsumeIntegral<uint32_t>();
  ring->page()->tagged = input->ConsumeBool() ? 1 : 0;
  fill_buffers();
  if (input->ConsumeBool()) ring->messages = messages();
  auto pairs = std::make_unique<PairPage>();
  fuzz::fill(pairs.get(), sizeof *pairs);
  pairs->before = nullptr;
  if (input->ConsumeBool()) ring->page()->pairs = pairs.get();
  post();
  const bool drained = ring->drain();
  ring->own_pairs();
  ring->shut(!drained);
  delete ring;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fuzz::ring_call = ring_call;
  const rlimit limit{1 << 20, 1 << 20};
  return setrlimit(RLIMIT_NOFILE, &limit);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider provider(data, size);
  {
    fuzz::Thread thread;
    fuzz::set_input(&provider);
    input = &provider;
    run(EnvState::of(thread.env()));
    input = nullptr;
    fuzz::set_input(nullptr);
  }
  if (!fuzz::all_unmapped()) abort();
  return 0;
}
