// Both sides of SpscQueue and SpscMessages of nearmetal (docs/shared-layout.md).
#ifndef NEARMETAL_REFERENCE_SPSC_H
#define NEARMETAL_REFERENCE_SPSC_H

#include "shared.h"

enum { SPSC_CAPACITY = 1, SPSC_PRODUCER = 3, SPSC_CONSUMER = 4, SPSC_ENDED = 5, SPSC_LEFT = 6 };
enum { SPSC_TAIL = 32, SPSC_HEAD = 64, SPSC_CONSUMER_SLEEPS = 96, SPSC_PRODUCER_SLEEPS = 128 };
enum { SPSC_HEADER = 640, MESSAGE_HEADER = 8 };
#define SPSC_SKIP UINT32_MAX

struct spsc {
  word *words;
  uint8_t *bytes;
  double *records;
  uint32_t capacity, mask;
  uint32_t next;   // where this side is
  uint32_t limit;  // how far it may go, as far as it knows
};

static inline struct spsc spsc_open(struct shared *shared, const char *name, const char *kind,
                                    int part) {
  const size_t at = shared_find(shared, name, kind);
  struct spsc queue = {.words = shared_words(shared, at)};
  queue.bytes = shared->base + at + SPSC_HEADER;
  queue.records = (double *)queue.bytes;
  queue.capacity = queue.words[SPSC_CAPACITY];
  queue.mask = queue.capacity - 1;
  uint32_t owner = atomic_load(&queue.words[part]);
  errno = EBUSY;
  if (owner != 0 && shared_alive(shared, owner)) shared_fail(name);
  if (!atomic_compare_exchange_strong(&queue.words[part], &owner, shared->self)) shared_fail(name);
  queue.next = atomic_load(&queue.words[part == SPSC_PRODUCER ? SPSC_TAIL : SPSC_HEAD]);
  queue.limit = queue.next;
  atomic_store(&queue.words[part == SPSC_PRODUCER ? SPSC_ENDED : SPSC_LEFT], 0);
  return queue;
}

// --- the producer -------------------------------------------------------------------------------

static inline uint32_t spsc_room(struct spsc *queue) {
  queue->limit =
      atomic_load_explicit(&queue->words[SPSC_HEAD], memory_order_acquire) + queue->capacity;
  return queue->limit - queue->next;
}

// For a consumer that never sleeps: no fence is needed on the processor, and none is paid for.
static inline void spsc_publish_quietly(struct spsc *queue) {
  atomic_store_explicit(&queue->words[SPSC_TAIL], queue->next, memory_order_release);
}

static inline void spsc_publish(struct spsc *queue) {
  atomic_store(&queue->words[SPSC_TAIL], queue->next);
  shared_wake(&queue->words[SPSC_CONSUMER_SLEEPS]);
}

static inline int spsc_stage(struct spsc *queue, double value) {
  if (queue->next == queue->limit && spsc_room(queue) == 0) return 0;
  queue->records[queue->next++ & queue->mask] = value;
  return 1;
}

static inline uint32_t message_space(uint32_t length) {
  return (length + MESSAGE_HEADER + 7) & ~7u;
}

// What has to be left out before a message that takes `space`, so that it lies in one piece.
static inline uint32_t message_skips(const struct spsc *queue, uint32_t space) {
  const uint32_t rest = queue->capacity - (queue->next & queue->mask);
  return space > rest ? rest : 0;
}

// Where a message of that length goes; NULL when there is no room.
static inline void *message_claim(struct spsc *queue, uint32_t length) {
  const uint32_t space = message_space(length), offset = queue->next & queue->mask;
  const uint32_t skipped = message_skips(queue, space);
  if (queue->limit - queue->next < skipped + space && spsc_room(queue) < skipped + space) {
    return NULL;
  }
  if (skipped == 0) return queue->bytes + offset + MESSAGE_HEADER;
  *(uint32_t *)(queue->bytes + offset) = SPSC_SKIP;
  queue->next += skipped;
  return queue->bytes + MESSAGE_HEADER;
}

// To be published.
static inline void message_commit(struct spsc *queue, uint32_t length) {
  uint32_t *header = (uint32_t *)(queue->bytes + (queue->next & queue->mask));
  header[0] = length;
  header[1] = 0;
  queue->next += message_space(length);
}

static inline void spsc_end(struct spsc *queue) {
  spsc_publish(queue);
  atomic_store(&queue->words[SPSC_ENDED], 1);
  atomic_store(&queue->words[SPSC_PRODUCER], 0);
  shared_wake(&queue->words[SPSC_CONSUMER_SLEEPS]);
}

// --- the consumer -------------------------------------------------------------------------------

static inline uint32_t spsc_filled(struct spsc *queue) {
  queue->limit = atomic_load(&queue->words[SPSC_TAIL]);
  return queue->limit - queue->next;
}

static inline void spsc_release_quietly(struct spsc *queue) {
  atomic_store_explicit(&queue->words[SPSC_HEAD], queue->next, memory_order_release);
}

static inline void spsc_release(struct spsc *queue) {
  atomic_store(&queue->words[SPSC_HEAD], queue->next);
  shared_wake(&queue->words[SPSC_PRODUCER_SLEEPS]);
}

// The next message, to be released when it has been read; NULL when there is none.
static inline const void *message_next(struct spsc *queue, uint32_t *length) {
  for (;;) {
    if (queue->next == queue->limit && spsc_filled(queue) == 0) return NULL;
    const uint32_t offset = queue->next & queue->mask;
    *length = *(uint32_t *)(queue->bytes + offset);
    if (*length != SPSC_SKIP) return queue->bytes + offset + MESSAGE_HEADER;
    queue->next += queue->capacity - offset;
  }
}

static inline void message_done(struct spsc *queue, uint32_t length) {
  queue->next += message_space(length);
}

// Waits for a message; 0 when the producer has closed its side and all has been taken.
static inline int spsc_wait(struct spsc *queue, int spin) {
  for (;;) {
    for (int count = 0; count <= spin; count++) {
      if (spsc_filled(queue) != 0) return 1;
    }
    // In this order: what it published before it closed is seen.
    if (atomic_load(&queue->words[SPSC_ENDED]) != 0) return spsc_filled(queue) != 0;
    const uint32_t number = shared_announce(&queue->words[SPSC_CONSUMER_SLEEPS]);
    if (spsc_filled(queue) != 0) return 1;
    if (atomic_load(&queue->words[SPSC_ENDED]) == 0) {
      shared_sleep(&queue->words[SPSC_CONSUMER_SLEEPS], number);
    }
  }
}

static inline void message_wait_for_room(struct spsc *queue, uint32_t length) {
  const uint32_t space = message_space(length), wanted = message_skips(queue, space) + space;
  while (spsc_room(queue) < wanted) {
    const uint32_t number = shared_announce(&queue->words[SPSC_PRODUCER_SLEEPS]);
    if (spsc_room(queue) >= wanted) return;
    shared_sleep(&queue->words[SPSC_PRODUCER_SLEEPS], number);
  }
}

#endif
