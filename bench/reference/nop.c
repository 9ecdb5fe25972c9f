// The price of one NOP through io_uring, in batches.
//
// A line "BATCH SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}; ends when stdin is closed.
#define _GNU_SOURCE
#include "clock.h"
#include "ring.h"

// One batch down, all of it back; every completion is looked at, in order.
static void round_trip(struct ring *ring, unsigned batch, uint64_t *next, uint64_t *expected) {
  for (unsigned i = 0; i < batch; i++) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    sqe->opcode = IORING_OP_NOP;
    sqe->fd = -1;
    sqe->user_data = (*next)++;
  }
  ring_submit_and_wait(ring, batch);
  unsigned ready = ring_ready(ring);
  for (unsigned i = 0; i < ready; i++) {
    struct io_uring_cqe *cqe = ring_cqe(ring);
    if (cqe->res != 0 || cqe->user_data != (*expected)++) fail("a NOP came back wrong", EPROTO);
    ring->cq_head++;
  }
  ring_advance(ring);
}

int main(void) {
  struct ring ring;
  unsigned batch;
  double seconds;
  uint64_t next = 0, expected = 0;
  ring_open(&ring, 256, 0);
  while (scanf("%u %lf", &batch, &seconds) == 2) {
    if (batch < 1 || batch > 256) fail("batch", ERANGE);
    const uint64_t before = next, start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start;
    while (now < end) {
      // About 4096 operations between looks at the clock, so that looking costs nothing.
      for (unsigned i = 0; i < 4096 / batch; i++) round_trip(&ring, batch, &next, &expected);
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n",
           (unsigned long long)(next - before), (unsigned long long)(now - start),
           (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  return 0;
}
