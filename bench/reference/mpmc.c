// Records through a queue of many producers and consumers: PLAIN [CPU CPU]
//
// PLAIN is `plain`, a bounded queue as everybody writes it (Vyukov's: a number in each cell), or
// `shared`, the layout of nearmetal, whose participants say what they are about to do before they
// do it, so that the death of one can be repaired, and who wake others that sleep. A line
// "PAIRS SECONDS" on stdin asks for one run of so many producers, on the first CPU, and as many
// consumers, on the second; it is answered by one line {"operations":N,"ns":ELAPSED,
// "cpu_ns":CPU}. The consumers' sum is checked.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "clock.h"
#include "mpmc.h"

enum { CAPACITY = 65536, PAIRS_MAX = 8, RECORDS_PER_LOOK = 4096 };
static const double LAST = -1;

static struct mpmc queue;
static int plain;
static char **cpus;
static int cpu_count;
static _Atomic uint64_t sent;
static uint64_t deadline;

// The same cells, and nothing but their numbers.
static word *claim(int at, uint32_t ahead, uint32_t *position) {
  uint32_t next = atomic_load_explicit(&queue.words[at], memory_order_relaxed);
  for (;;) {
    word *cell = queue.words + MPMC_CELLS + (next & (CAPACITY - 1)) * 4;
    const uint32_t number = atomic_load_explicit(&cell[0], memory_order_acquire);
    const int32_t behind = (int32_t)(number - next - ahead);
    if (behind < 0) return NULL;
    if (behind > 0) {
      next = atomic_load_explicit(&queue.words[at], memory_order_relaxed);
      continue;
    }
    if (atomic_compare_exchange_weak_explicit(&queue.words[at], &next, next + 1,
                                              memory_order_relaxed, memory_order_relaxed)) {
      *position = next;
      return cell;
    }
  }
}

static int plain_push(double value) {
  uint32_t position;
  word *cell = claim(MPMC_TAIL, 0, &position);
  if (cell == NULL) return 0;
  memcpy((void *)(cell + 2), &value, sizeof value);
  atomic_store_explicit(&cell[0], position + 1, memory_order_release);
  return 1;
}

static int plain_pop(double *value) {
  uint32_t position;
  word *cell = claim(MPMC_HEAD, 1, &position);
  if (cell == NULL) return 0;
  memcpy(value, (void *)(cell + 2), sizeof *value);
  atomic_store_explicit(&cell[0], position + CAPACITY, memory_order_release);
  return 1;
}

// An intent of its own for each thread, as for each participant.
static struct mpmc own_handle(uint32_t index) {
  struct mpmc own = queue;
  own.intent = queue.words + MPMC_INTENTS + (index + 1) * 16;
  atomic_store(&own.intent[MPMC_NAME], index + 1);
  return own;
}

static void place(uint32_t index) {
  if (cpu_count == 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(atoi(cpus[index % (uint32_t)cpu_count]), &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *produce(void *number) {
  const uint32_t index = 2 * (uint32_t)(uintptr_t)number;
  struct mpmc own = own_handle(index);
  uint64_t count = 0;
  place(index);
  do {
    for (int record = 0; record < RECORDS_PER_LOOK; record++) {
      while (!(plain ? plain_push(1) : mpmc_push(&own, 1))) sched_yield();
    }
    count += RECORDS_PER_LOOK;
  } while (now_ns() < deadline);
  while (!(plain ? plain_push(LAST) : mpmc_push(&own, LAST))) sched_yield();
  atomic_fetch_add(&sent, count);
  return NULL;
}

static void *consume(void *number) {
  const uint32_t index = 2 * (uint32_t)(uintptr_t)number + 1;
  struct mpmc own = own_handle(index);
  uint64_t sum = 0;
  place(index);
  for (;;) {
    double value;
    if (!(plain ? plain_pop(&value) : mpmc_pop(&own, &value))) {
      // Not all the time: each look takes the line with the number from the producers.
      for (volatile int pause = 0; pause < 500; pause++) {
      }
      sched_yield();
      continue;
    }
    if (value == LAST) return (void *)(uintptr_t)sum;
    sum += (uint64_t)value;
  }
}

static void run(unsigned pairs, double seconds) {
  pthread_t producers[PAIRS_MAX], consumers[PAIRS_MAX];
  uint64_t sum = 0;
  const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
  deadline = start + (uint64_t)(seconds * 1e9);
  atomic_store(&sent, 0);
  for (uintptr_t i = 0; i < pairs; i++) {
    pthread_create(&consumers[i], NULL, consume, (void *)i);
    pthread_create(&producers[i], NULL, produce, (void *)i);
  }
  for (unsigned i = 0; i < pairs; i++) {
    void *own;
    pthread_join(producers[i], NULL);
    pthread_join(consumers[i], &own);
    sum += (uint64_t)(uintptr_t)own;
  }
  errno = EPROTO;
  if (sum != atomic_load(&sent)) shared_fail("the sum of the records");
  printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)sum,
         (unsigned long long)(now_ns() - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
  fflush(stdout);
}

int main(int count, char **arguments) {
  unsigned pairs;
  double seconds;
  if (count < 2) return 2;
  plain = strcmp(arguments[1], "plain") == 0;
  cpus = arguments + 2;
  cpu_count = count - 2;
  const size_t bytes = (MPMC_CELLS + CAPACITY * 4) * sizeof(word);
  queue.words = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (queue.words == MAP_FAILED) shared_fail("mmap");
  queue.capacity = CAPACITY;
  for (uint32_t cell = 0; cell < CAPACITY; cell++) queue.words[MPMC_CELLS + cell * 4] = cell;
  while (scanf("%u %lf", &pairs, &seconds) == 2) {
    if (pairs < 1 || pairs > PAIRS_MAX) return 2;
    run(pairs, seconds);
  }
  return 0;
}
