// NOPs, and messages through pipes, by rings of each mode: what the modes are worth.
//
// Argument: the CPU of SQPOLL's thread. A line "MODE WORK SECONDS" on stdin asks for one run and is
// answered by one line {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}. MODE is default, coop, defer or
// sqpoll; WORK is nop (32 at a time) or pipe: 16 reads that have to wait, then the 16 writes that
// they wait for, so that all completions come by way of work that the kernel puts off.
#define _GNU_SOURCE
#include "clock.h"
#include "ring.h"

enum { ENTRIES = 64, NOPS = 32, PIPES = 16, ROUNDS_PER_LOOK = 64, IDLE_MS = 20, MODES = 4 };

static const struct {
  const char *name;
  unsigned flags;
} modes[MODES] = {
    {"default", 0},
    {"coop", IORING_SETUP_COOP_TASKRUN},
    {"defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {"sqpoll", IORING_SETUP_SQPOLL},
};

static struct ring rings[MODES];
static int pipes[PIPES][2];
static uint64_t sent[PIPES], received[PIPES], count;

static struct ring *ring_of(unsigned mode, const char *poller_cpu) {
  struct ring *ring = &rings[mode];
  if (ring->sqes != NULL) return ring;
  struct io_uring_params params = {.flags = modes[mode].flags | IORING_SETUP_CLAMP};
  params.flags |= IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY;
  if (params.flags & IORING_SETUP_SQPOLL) {
    params.sq_thread_idle = IDLE_MS;
    if (poller_cpu != NULL) {
      params.flags |= IORING_SETUP_SQ_AFF;
      params.sq_thread_cpu = (unsigned)atoi(poller_cpu);
    }
  }
  const struct io_uring_params wanted = params;
  int error = ring_open_as(ring, ENTRIES, &params);
  if (error == -EINVAL) {
    // Older than 6.6.
    params = wanted;
    params.flags &= ~IORING_SETUP_NO_SQARRAY;
    error = ring_open_as(ring, ENTRIES, &params);
  }
  if (error < 0) fail("io_uring_setup", error);
  return ring;
}

// Submits and waits for `wanted` completions; a ring with a thread of its own is only looked at.
static void take(struct ring *ring, unsigned wanted) {
  const int polled = ring->setup_flags & IORING_SETUP_SQPOLL;
  if (polled) ring_submit_polled(ring);
  for (unsigned done = 0; done < wanted;) {
    if (!polled) ring_submit_and_wait(ring, wanted - done);
    const unsigned ready = ring_ready(ring);
    for (unsigned i = 0; i < ready; i++, ring->cq_head++) {
      const struct io_uring_cqe *cqe = ring_cqe(ring);
      if (cqe->res != (int)(cqe->user_data & 8)) fail("a completion", cqe->res);
    }
    ring_advance(ring);
    done += ready;
  }
}

static unsigned nops(struct ring *ring) {
  for (unsigned i = 0; i < NOPS; i++) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    sqe->opcode = IORING_OP_NOP;
    sqe->fd = -1;
    sqe->user_data = i << 4;
  }
  take(ring, NOPS);
  return NOPS;
}

static void move(struct ring *ring, int opcode, int fd, uint64_t *value, unsigned which) {
  struct io_uring_sqe *sqe = ring_sqe(ring);
  sqe->opcode = (uint8_t)opcode;
  sqe->fd = fd;
  sqe->addr = (uintptr_t)value;
  sqe->len = sizeof *value;
  sqe->user_data = which << 4 | 8;
}

static unsigned messages(struct ring *ring) {
  for (unsigned i = 0; i < PIPES; i++) move(ring, IORING_OP_READ, pipes[i][0], &received[i], i);
  for (unsigned i = 0; i < PIPES; i++) {
    sent[i] = ++count;
    move(ring, IORING_OP_WRITE, pipes[i][1], &sent[i], i);
  }
  take(ring, 2 * PIPES);
  for (unsigned i = 0; i < PIPES; i++) {
    if (received[i] != sent[i]) fail("another message", EPROTO);
  }
  return PIPES;
}

int main(int words, char **arguments) {
  char mode[16], work[16];
  double seconds;
  for (unsigned i = 0; i < PIPES; i++) {
    if (pipe(pipes[i]) != 0) fail("pipe", errno);
  }
  while (scanf("%15s %15s %lf", mode, work, &seconds) == 3) {
    unsigned which = 0;
    while (strcmp(modes[which].name, mode) != 0) {
      if (++which == MODES) return 2;
    }
    struct ring *ring = ring_of(which, words > 1 ? arguments[1] : NULL);
    unsigned (*const some)(struct ring *) = strcmp(work, "nop") == 0 ? nops : messages;
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, operations = 0;
    while (now < end) {
      for (unsigned round = 0; round < ROUNDS_PER_LOOK; round++) operations += some(ring);
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)operations,
           (unsigned long long)(now - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  return 0;
}
