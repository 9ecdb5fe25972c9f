// MpmcQueue and Mutex of nearmetal (docs/shared-layout.md).
#ifndef NEARMETAL_REFERENCE_MPMC_H
#define NEARMETAL_REFERENCE_MPMC_H

#include "shared.h"

enum { MPMC_TAIL = 32, MPMC_HEAD = 64, MPMC_DATA_SLEEPS = 96, MPMC_ROOM_SLEEPS = 128 };
enum { MPMC_INTENTS = 160, MPMC_CELLS = 160 + 256 * 16 };
enum { MPMC_NAME = 0, MPMC_PUT = 1, MPMC_TAKE = 2 };

struct mpmc {
  word *words;
  word *intent;
  uint32_t capacity;
};

// The entry must be one that nobody had before: to repair what a dead one left is not done here.
static inline struct mpmc mpmc_open(struct shared *shared, const char *name) {
  struct mpmc queue = {.words = shared_words(shared, shared_find(shared, name, "MPMC"))};
  queue.capacity = queue.words[1];
  queue.intent = queue.words + MPMC_INTENTS + (shared->self & 255) * 16;
  errno = EBUSY;
  if (queue.intent[MPMC_NAME] != 0) shared_fail(name);
  queue.intent[MPMC_PUT] = queue.words[MPMC_TAIL] ^ 0x80000000u;
  queue.intent[MPMC_TAKE] = queue.words[MPMC_HEAD] ^ 0x80000000u;
  atomic_store(&queue.intent[MPMC_NAME], shared->self);
  return queue;
}

// Claims the position at `at` where the cell is `ahead` of it; NULL where it is not yet.
static inline word *mpmc_claim(struct mpmc *queue, int at, int which, uint32_t ahead,
                               uint32_t *position) {
  for (;;) {
    uint32_t next = atomic_load(&queue->words[at]);
    word *cell = queue->words + MPMC_CELLS + (next & (queue->capacity - 1)) * 4;
    const int32_t behind = (int32_t)(atomic_load(&cell[0]) - next - ahead);
    if (behind < 0) return NULL;
    if (behind > 0) continue;
    // Said before it is done: who finds the claim finds whose it is.
    atomic_store(&queue->intent[which], next);
    *position = next;
    if (atomic_compare_exchange_strong(&queue->words[at], &next, next + 1)) return cell;
    atomic_store(&queue->intent[which], *position ^ 0x80000000u);
  }
}

static inline int mpmc_push(struct mpmc *queue, double value) {
  uint32_t position;
  word *cell = mpmc_claim(queue, MPMC_TAIL, MPMC_PUT, 0, &position);
  if (cell == NULL) return 0;
  memcpy((void *)(cell + 2), &value, sizeof value);
  atomic_store(&cell[0], position + 1);
  shared_wake(&queue->words[MPMC_DATA_SLEEPS]);
  return 1;
}

static inline int mpmc_pop(struct mpmc *queue, double *value) {
  for (;;) {
    uint32_t position;
    word *cell = mpmc_claim(queue, MPMC_HEAD, MPMC_TAKE, 1, &position);
    if (cell == NULL) return 0;
    memcpy(value, (void *)(cell + 2), sizeof *value);
    const uint32_t hole = cell[1];
    if (hole) cell[1] = 0;
    atomic_store(&cell[0], position + queue->capacity);
    shared_wake(&queue->words[MPMC_ROOM_SLEEPS]);
    if (!hole) return 1;
  }
}

// --- the mutex ----------------------------------------------------------------------------------

static inline int mutex_try(struct shared *shared, word *words) {
  uint32_t free = 0;
  return atomic_compare_exchange_strong(&words[32], &free, shared->self);
}

static inline void mutex_unlock(word *words) {
  atomic_store(&words[32], 0);
  shared_wake(&words[64]);
}

#endif
