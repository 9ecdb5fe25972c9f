// Each structure between threads of one process, for ThreadSanitizer, which sees races between them
// though not between processes: records, messages, a queue of many, a mutex. Ends with 1 when
// something was lost, and as the sanitizer says when two accesses were in no order.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "mpmc.h"
#include "spsc.h"

enum { RECORDS = 400000, MESSAGES = 100000, TURNS = 50000, PAIRS = 2 };
enum { SPSC_AT = 1 << 16, MESSAGES_AT = 2 << 16, MPMC_AT = 3 << 16, MUTEX_AT = 5 << 16 };

static uint8_t *memory;
static _Atomic int wrong;
static double guarded[2];

static struct spsc spsc_at(size_t at, uint32_t capacity) {
  struct spsc queue = {.words = (word *)(memory + at), .bytes = memory + at + SPSC_HEADER};
  queue.records = (double *)queue.bytes;
  queue.capacity = capacity;
  queue.mask = capacity - 1;
  return queue;
}

static void *put_records(void *none) {
  struct spsc queue = spsc_at(SPSC_AT, 64);
  for (int number = 0; number < RECORDS; number++) {
    while (!spsc_stage(&queue, number)) spsc_publish(&queue);
    if (number % 5 == 0) spsc_publish(&queue);
  }
  spsc_end(&queue);
  return none;
}

static void *take_records(void *none) {
  struct spsc queue = spsc_at(SPSC_AT, 64);
  double expected = 0;
  while (spsc_wait(&queue, 10)) {
    while (queue.next != queue.limit) {
      if (queue.records[queue.next++ & queue.mask] != expected++) wrong = 1;
    }
    spsc_release(&queue);
  }
  if (expected != RECORDS) wrong = 1;
  return none;
}

static void *put_messages(void *none) {
  struct spsc queue = spsc_at(MESSAGES_AT, 1024);
  for (uint32_t number = 0; number < MESSAGES; number++) {
    const uint32_t length = number % 200;
    void *to;
    while ((to = message_claim(&queue, length)) == NULL) message_wait_for_room(&queue, length);
    memset(to, (int)(number & 255), length);
    message_commit(&queue, length);
    spsc_publish(&queue);
  }
  spsc_end(&queue);
  return none;
}

static void *take_messages(void *none) {
  struct spsc queue = spsc_at(MESSAGES_AT, 1024);
  uint32_t number = 0;
  while (spsc_wait(&queue, 10)) {
    uint32_t length;
    const uint8_t *from;
    while ((from = message_next(&queue, &length)) != NULL) {
      if (length != number % 200) wrong = 1;
      for (uint32_t at = 0; at < length; at++) wrong |= from[at] != (number & 255);
      message_done(&queue, length);
      spsc_release(&queue);
      number++;
    }
  }
  if (number != MESSAGES) wrong = 1;
  return none;
}

static struct mpmc mpmc_at(uint32_t self) {
  struct mpmc queue = {.words = (word *)(memory + MPMC_AT), .capacity = 64};
  queue.intent = queue.words + MPMC_INTENTS + self * 16;
  return queue;
}

static void *put_many(void *self) {
  struct mpmc queue = mpmc_at((uint32_t)(uintptr_t)self);
  for (int number = 1; number <= TURNS; number++) {
    while (!mpmc_push(&queue, number)) sched_yield();
  }
  return NULL;
}

static _Atomic uint64_t sum;

static void *take_many(void *self) {
  struct mpmc queue = mpmc_at((uint32_t)(uintptr_t)self);
  for (int count = 0; count < TURNS; count++) {
    double value;
    while (!mpmc_pop(&queue, &value)) sched_yield();
    sum += (uint64_t)value;
  }
  return NULL;
}

static void *hold(void *self) {
  struct shared shared = {.base = memory, .self = (uint32_t)(uintptr_t)self};
  word *words = (word *)(memory + MUTEX_AT);
  for (int turn = 0; turn < TURNS; turn++) {
    while (!mutex_try(&shared, words)) sched_yield();
    guarded[0]++;
    guarded[1]--;
    mutex_unlock(words);
  }
  return NULL;
}

int main(void) {
  void *(*const parts[])(void *) = {put_records, take_records, put_messages, take_messages};
  pthread_t threads[4 + 4 * PAIRS];
  size_t count = 0;
  memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) shared_fail("mmap");
  struct mpmc many = mpmc_at(1);
  for (uint32_t cell = 0; cell < many.capacity; cell++) many.words[MPMC_CELLS + cell * 4] = cell;
  for (; count < 4; count++) pthread_create(&threads[count], NULL, parts[count], NULL);
  for (uintptr_t self = 1; self <= 2 * PAIRS; self++) {
    pthread_create(&threads[count++], NULL, self % 2 ? put_many : take_many, (void *)self);
    pthread_create(&threads[count++], NULL, hold, (void *)self);
  }
  while (count > 0) pthread_join(threads[--count], NULL);
  if (sum != (uint64_t)PAIRS * TURNS * (TURNS + 1) / 2) wrong = 1;
  if (guarded[0] != 2 * PAIRS * TURNS || guarded[1] != -guarded[0]) wrong = 1;
  puts(wrong ? "something was lost" : "nothing was lost");
  return wrong;
}
