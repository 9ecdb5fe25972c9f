// A word there, a word back between two threads that sleep until they are woken; and what it costs
// to wake nobody. Arguments: the CPU of each thread.
//
// A line "CASE SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}. CASE is wake, block (futex(2)) or ring: both wait
// through a ring of their own (Linux 6.7).
#define _GNU_SOURCE
#include "clock.h"
#include "ring.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

// Debian's header stops at Linux 6.1.
enum { OP_FUTEX_WAIT = 51, SIZE_U32 = 2, ROUNDS_PER_LOOK = 64, WAKES_PER_LOOK = 1000 };

typedef _Atomic uint32_t word;
static struct {
  word value;
  char line[60];
} there, back, nobody;
static _Atomic int by_ring;

static void pin(const char *cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(atoi(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity", errno);
}

static void wake(word *at) { syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, INT_MAX); }

static void wait_by_ring(struct ring *ring, word *at, uint32_t value) {
  if (ring->sqes == NULL) ring_open(ring, 8, 0);
  struct io_uring_sqe *sqe = ring_sqe(ring);
  sqe->opcode = OP_FUTEX_WAIT;
  sqe->fd = SIZE_U32 | FUTEX_PRIVATE_FLAG;
  sqe->addr = (uintptr_t)at;
  sqe->addr2 = value;
  // addr3, which that header has not.
  ((uint64_t *)sqe)[6] = FUTEX_BITSET_MATCH_ANY;
  while (ring_ready(ring) == 0) ring_submit_and_wait(ring, 1);
  const int result = ring_cqe(ring)->res;
  if (result != 0 && result != -EAGAIN) fail("futex_wait", result);
  ring->cq_head++;
  ring_advance(ring);
}

// Waits until the word is another than `value`, and answers it.
static uint32_t changed(struct ring *ring, word *at, uint32_t value) {
  uint32_t found;
  while ((found = atomic_load(at)) == value) {
    if (atomic_load(&by_ring)) wait_by_ring(ring, at, value);
    else syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL);
  }
  return found;
}

static void *answer(void *cpu) {
  struct ring ring = {0};
  pin(cpu);
  for (uint32_t seen = 0;;) {
    seen = changed(&ring, &there.value, seen);
    atomic_store(&back.value, seen);
    wake(&back.value);
  }
  return NULL;
}

static unsigned round_trips(struct ring *ring) {
  for (unsigned round = 0; round < ROUNDS_PER_LOOK; round++) {
    const uint32_t sent = atomic_load(&there.value) + 1;
    atomic_store(&there.value, sent);
    wake(&there.value);
    if (changed(ring, &back.value, sent - 1) != sent) fail("another answer", EPROTO);
  }
  return ROUNDS_PER_LOOK;
}

static unsigned wakes(void) {
  for (unsigned call = 0; call < WAKES_PER_LOOK; call++) wake(&nobody.value);
  return WAKES_PER_LOOK;
}

int main(int count, char **arguments) {
  char name[16];
  double seconds;
  struct ring ring = {0};
  pthread_t peer;
  if (count < 3) return 2;
  pin(arguments[1]);
  if (pthread_create(&peer, NULL, answer, arguments[2]) != 0) fail("a thread", errno);
  while (scanf("%15s %lf", name, &seconds) == 2) {
    const int waking = strcmp(name, "wake") == 0;
    atomic_store(&by_ring, strcmp(name, "ring") == 0);
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, operations = 0;
    while (now < end) {
      operations += waking ? wakes() : round_trips(&ring);
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)operations,
           (unsigned long long)(now - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  exit(0);
}
