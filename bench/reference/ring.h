// A ring over the raw system calls, so that the yardsticks need nothing but a C compiler.
//
// One thread: the one that fills the queue enters the kernel, so the submission side needs no
// barrier, unless a thread of the kernel takes the entries (SQPOLL: ring_submit_polled). The kernel
// writes the completion tail, hence the acquire.
#ifndef NEARMETAL_REFERENCE_RING_H
#define NEARMETAL_REFERENCE_RING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Debian's header stops at Linux 6.1.
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

struct ring {
  int fd;  // what enter is called with: an index into the registered rings where that works
  unsigned enter_flags;
  int real_fd;
  unsigned setup_flags;
  unsigned sq_tail;       // filled up to here
  unsigned sq_submitted;  // taken by the kernel up to here
  unsigned sq_entries;
  unsigned sq_mask;
  unsigned *sq_tail_shared;
  unsigned *sq_flags_shared;
  struct io_uring_sqe *sqes;
  unsigned cq_head;
  unsigned cq_mask;
  unsigned *cq_head_shared;
  unsigned *cq_tail_shared;
  struct io_uring_cqe *cqes;
};

static inline void fail(const char *what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
  exit(1);
}

static inline int ring_register(struct ring *ring, unsigned code, void *argument, unsigned count) {
  long result = syscall(__NR_io_uring_register, ring->real_fd, code, argument, count);
  return result < 0 ? -errno : (int)result;
}

// The best flags first; each refusal drops what the kernel may be too old for.
static inline int ring_setup(struct ring *ring, unsigned entries, unsigned cq_entries,
                             struct io_uring_params *params) {
  const unsigned base = IORING_SETUP_CLAMP | (cq_entries ? IORING_SETUP_CQSIZE : 0);
  const unsigned own = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const unsigned attempts[] = {
      base | IORING_SETUP_SUBMIT_ALL | own | IORING_SETUP_NO_SQARRAY,
      base | IORING_SETUP_SUBMIT_ALL | own,
      base | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
      base,
  };
  for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
    memset(params, 0, sizeof(*params));
    params->flags = attempts[i];
    params->cq_entries = cq_entries;
    long fd = syscall(__NR_io_uring_setup, entries, params);
    if (fd >= 0) {
      ring->real_fd = (int)fd;
      ring->setup_flags = attempts[i];
      return 0;
    }
    if (errno != EINVAL) return -errno;
  }
  return -EINVAL;
}

static inline void *ring_map(struct ring *ring, size_t length, off_t offset) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                      ring->real_fd, offset);
  if (memory == MAP_FAILED) fail("mmap of the ring", errno);
  return memory;
}

// A registered ring spares each enter the lookup of its descriptor (Linux 5.18).
static inline void ring_register_itself(struct ring *ring) {
  struct io_uring_rsrc_update update = {.offset = -1U, .data = (unsigned)ring->real_fd};
  ring->fd = ring->real_fd;
  ring->enter_flags = 0;
  if (ring_register(ring, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
    ring->fd = (int)update.offset;
    ring->enter_flags = IORING_ENTER_REGISTERED_RING;
  }
}

// Maps the queues of a ring that was just set up.
static inline void ring_enter_into(struct ring *ring, const struct io_uring_params *made) {
  const struct io_uring_params params = *made;
  if (!(params.features & IORING_FEAT_SINGLE_MMAP)) fail("a ring of one mapping", ENOSYS);

  const int has_array = !(ring->setup_flags & IORING_SETUP_NO_SQARRAY);
  size_t sq_length = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  size_t cq_length = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  size_t length = has_array && sq_length > cq_length ? sq_length : cq_length;
  char *rings = ring_map(ring, length, IORING_OFF_SQ_RING);
  ring->sqes = ring_map(ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  ring->sq_entries = params.sq_entries;
  ring->sq_mask = *(unsigned *)(rings + params.sq_off.ring_mask);
  ring->sq_tail_shared = (unsigned *)(rings + params.sq_off.tail);
  ring->sq_flags_shared = (unsigned *)(rings + params.sq_off.flags);
  ring->cq_mask = *(unsigned *)(rings + params.cq_off.ring_mask);
  ring->cq_head_shared = (unsigned *)(rings + params.cq_off.head);
  ring->cq_tail_shared = (unsigned *)(rings + params.cq_off.tail);
  ring->cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
  if (has_array) {
    unsigned *array = (unsigned *)(rings + params.sq_off.array);
    for (unsigned i = 0; i < params.sq_entries; i++) array[i] = i;
  }
  ring_register_itself(ring);
}

static inline void ring_open(struct ring *ring, unsigned entries, unsigned cq_entries) {
  struct io_uring_params params;
  memset(ring, 0, sizeof(*ring));
  int error = ring_setup(ring, entries, cq_entries, &params);
  if (error < 0) fail("io_uring_setup", error);
  ring_enter_into(ring, &params);
}

// A ring of just these IORING_SETUP_* flags, or an error: answers -errno.
static inline int ring_open_as(struct ring *ring, unsigned entries,
                               struct io_uring_params *params) {
  memset(ring, 0, sizeof(*ring));
  long fd = syscall(__NR_io_uring_setup, entries, params);
  if (fd < 0) return -errno;
  ring->real_fd = (int)fd;
  ring->setup_flags = params->flags;
  ring_enter_into(ring, params);
  return 0;
}

// Submits everything that was filled, and waits until `wait` completions are there.
static inline int ring_submit_and_wait(struct ring *ring, unsigned wait) {
  __atomic_store_n(ring->sq_tail_shared, ring->sq_tail, __ATOMIC_RELEASE);
  long result = syscall(__NR_io_uring_enter, ring->fd, ring->sq_tail - ring->sq_submitted, wait,
                        IORING_ENTER_GETEVENTS | ring->enter_flags, NULL, 0);
  if (result >= 0) {
    ring->sq_submitted += (unsigned)result;
    return (int)result;
  }
  // EAGAIN and EBUSY mean: reap first, then come back.
  if (errno != EINTR && errno != EAGAIN && errno != EBUSY) fail("io_uring_enter", errno);
  return 0;
}

// Shows everything that was filled to the kernel's own thread, which is woken if it sleeps.
static inline void ring_submit_polled(struct ring *ring) {
  // Sequentially consistent: the tail is seen before the flag is looked at.
  __atomic_store_n(ring->sq_tail_shared, ring->sq_tail, __ATOMIC_SEQ_CST);
  ring->sq_submitted = ring->sq_tail;
  if (!(__atomic_load_n(ring->sq_flags_shared, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)) return;
  syscall(__NR_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_SQ_WAKEUP | ring->enter_flags, NULL, 0);
}

// The next entry, all of it zero: a field left over from its last use is a classic mistake.
static inline struct io_uring_sqe *ring_sqe(struct ring *ring) {
  while (__builtin_expect(ring->sq_tail - ring->sq_submitted == ring->sq_entries, 0)) {
    ring_submit_and_wait(ring, 0);
  }
  struct io_uring_sqe *sqe = &ring->sqes[ring->sq_tail++ & ring->sq_mask];
  memset(sqe, 0, sizeof(*sqe));
  return sqe;
}

// How many completions can be read now, from `ring->cq_head` on.
static inline unsigned ring_ready(struct ring *ring) {
  return __atomic_load_n(ring->cq_tail_shared, __ATOMIC_ACQUIRE) - ring->cq_head;
}

static inline struct io_uring_cqe *ring_cqe(struct ring *ring) {
  return &ring->cqes[ring->cq_head & ring->cq_mask];
}

// Hands the read entries back to the kernel: after this their memory may change.
static inline void ring_advance(struct ring *ring) {
  __atomic_store_n(ring->cq_head_shared, ring->cq_head, __ATOMIC_RELEASE);
}

#endif
