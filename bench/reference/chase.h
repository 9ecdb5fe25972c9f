// A chase through memory with a load from every ordinary page in turn, a circle in random order.
#ifndef NEARMETAL_REFERENCE_CHASE_H
#define NEARMETAL_REFERENCE_CHASE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"

#define PAGE 4096u
#define LINE 64u
#define LOADS_PER_LOOK 16384u

// In words: one place in each page, in a line of the cache that differs from page to page.
static inline uint32_t place_of(uint32_t page) {
  return (page * (PAGE / 4)) + ((page * 2654435761u) >> 26) * (LINE / 4);
}

// One circle through all pages in random order (Sattolo's shuffle): as in _lib/chase.ts.
static inline void link_pages(uint32_t *words, uint32_t pages) {
  uint32_t *order = malloc(pages * sizeof *order);
  if (!order) exit(1);
  for (uint32_t page = 0; page < pages; page++) order[page] = page;
  uint32_t random = 2463534242u;
  for (uint32_t index = pages - 1; index > 0; index--) {
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    const uint32_t other = random % index, page = order[index];
    order[index] = order[other];
    order[other] = page;
  }
  for (uint32_t index = 0; index < pages; index++) {
    words[place_of(order[index])] = place_of(order[(index + 1) % pages]);
  }
  free(order);
}

static inline uint32_t chase(const volatile uint32_t *words, uint32_t from, uint32_t loads) {
  uint32_t at = from;
  for (uint32_t load = 0; load < loads; load++) at = words[at];
  return at;
}

// A line "SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}; answers what to end with when stdin is closed.
static inline int chase_on_request(uint32_t *words, uint32_t pages) {
  link_pages(words, pages);
  uint32_t at = chase(words, place_of(0), pages);
  if (at != place_of(0)) return 3;
  double seconds;
  while (scanf("%lf", &seconds) == 1) {
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, loads = 0;
    while (now < end) {
      at = chase(words, at, LOADS_PER_LOOK);
      loads += LOADS_PER_LOOK;
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)loads,
           (unsigned long long)(now - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  return 0;
}

#endif
