// Timers of a ring: how late one of 1 ms is, what 256 cost, and one that is set and cleared.
//
// A line "CASE SECONDS" on stdin asks for one run and is answered by one line {"operations":N,
// "ns":ELAPSED,"cpu_ns":CPU}; late adds "median" and "far" (99 of 100), in microseconds. CASE is
// late, many or cleared.
#define _GNU_SOURCE
#include "clock.h"
#include "histogram.h"
#include "ring.h"
#include <linux/time_types.h>

enum { MANY = 256, CLEARED = 64, SPAN_NS = 1000000 };
static const uint64_t NAME_OF_REMOVAL = 1ull << 32;

static struct ring ring;
static struct __kernel_timespec span = {0, SPAN_NS}, far = {100, 0};
static struct histogram delays;

static void set(const struct __kernel_timespec *after, uint64_t name) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = IORING_OP_TIMEOUT;
  sqe->fd = -1;
  sqe->addr = (uintptr_t)after;
  sqe->len = 1;
  sqe->user_data = name;
}

// Waits for completions, and sees whether each is what it should be; answers how many there were.
static unsigned take(unsigned wanted, int result, int again) {
  while (ring_ready(&ring) < wanted) ring_submit_and_wait(&ring, wanted);
  const unsigned ready = ring_ready(&ring);
  for (unsigned i = 0; i < ready; i++, ring.cq_head++) {
    const struct io_uring_cqe *cqe = ring_cqe(&ring);
    const int expected = cqe->user_data & NAME_OF_REMOVAL ? 0 : result;
    if (cqe->res != expected) fail("a timer", cqe->res);
    if (again) set(&span, cqe->user_data);
  }
  ring_advance(&ring);
  return ready;
}

static unsigned late(void) {
  const uint64_t due = now_ns() + SPAN_NS;
  set(&span, 0);
  take(1, -ETIME, 0);
  const uint64_t now = now_ns();
  histogram_add(&delays, now > due ? now - due : 0);
  return 1;
}

static unsigned many(void) { return take(1, -ETIME, 1); }

static unsigned cleared(void) {
  for (unsigned i = 0; i < CLEARED; i++) set(&far, i);
  for (unsigned i = 0; i < CLEARED; i++) {
    struct io_uring_sqe *sqe = ring_sqe(&ring);
    sqe->opcode = IORING_OP_TIMEOUT_REMOVE;
    sqe->fd = -1;
    sqe->addr = i;
    sqe->user_data = NAME_OF_REMOVAL | i;
  }
  take(2 * CLEARED, -ECANCELED, 0);
  return CLEARED;
}

int main(void) {
  char name[16];
  double seconds;
  ring_open(&ring, 2 * MANY, 0);
  while (scanf("%15s %lf", name, &seconds) == 2) {
    const int is_many = strcmp(name, "many") == 0, is_late = strcmp(name, "late") == 0;
    unsigned (*const some)(void) = is_many ? many : is_late ? late : cleared;
    memset(&delays, 0, sizeof delays);
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, operations = 0;
    if (is_many) {
      for (unsigned i = 0; i < MANY; i++) set(&span, i);
    }
    for (; now < end; now = now_ns()) operations += some();
    const uint64_t used = cpu_ns(getpid()) - cpu;
    for (unsigned left = is_many ? MANY : 0; left > 0;) left -= take(1, -ETIME, 0);
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu", (unsigned long long)operations,
           (unsigned long long)(now - start), (unsigned long long)used);
    if (is_late) {
      printf(",\"median\":%.1f,\"far\":%.1f", (double)histogram_at(&delays, 0.5) / 1e3,
             (double)histogram_at(&delays, 0.99) / 1e3);
    }
    printf("}\n");
    fflush(stdout);
  }
  return 0;
}
