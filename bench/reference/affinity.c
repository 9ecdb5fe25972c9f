// The price of asking and setting where a thread runs, of the clocks, and of being moved.
//
// A line "CASE SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}; ends when stdin is closed.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "clock.h"

#define MASK_BYTES 8192
#define WALK_WORDS (256 * 1024 / 4)
#define LINE_WORDS 16

static unsigned long mask[MASK_BYTES / sizeof(unsigned long)];
static unsigned long allowed[MASK_BYTES / sizeof(unsigned long)];
static long allowed_bytes;
static volatile uint64_t sink;
static int words[WALK_WORDS];
static int cpus[2];

static long get(unsigned long *into) {
  return syscall(SYS_sched_getaffinity, 0, MASK_BYTES, into);
}

static void getaffinity(void) { sink += (uint64_t)get(mask); }

// The call alone: whether the kernel gave all of it, as the library finds out, nobody looks.
static void setaffinity(void) { syscall(SYS_sched_setaffinity, 0, allowed_bytes, allowed); }

// As the library does it: what the thread has comes first, of which any part can be given.
static void setaffinity_exactly(void) {
  long bytes = get(mask);
  syscall(SYS_sched_setaffinity, 0, allowed_bytes, allowed);
  for (long at = 0; at < bytes / (long)sizeof *mask; at++) {
    if (allowed[at] & ~mask[at]) abort();
  }
}

static void getcpu_now(void) {
  unsigned cpu, node;
  getcpu(&cpu, &node);
  sink += cpu + node;
}

static void nanoseconds(void) { sink += clock_ns(CLOCK_MONOTONIC_RAW); }

static void ticks(void) {
#if defined(__x86_64__)
  sink += __rdtsc();
#else
  sink += clock_ns(CLOCK_MONOTONIC_RAW);
#endif
}

static void walk(void) {
  int sum = 0;
  for (int at = 0; at < WALK_WORDS; at += LINE_WORDS) sum += words[at]++;
  sink += (uint64_t)sum;
}

static void moved(void) {
  static int turn;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[turn ^= 1], &set);
  sched_setaffinity(0, sizeof set, &set);
  walk();
}

static const struct {
  const char *name;
  void (*work)(void);
  unsigned calls;
} cases[] = {
    {"getaffinity", getaffinity, 1000}, {"setaffinity", setaffinity, 200},
    {"exactly", setaffinity_exactly, 200},
    {"getcpu", getcpu_now, 10000},      {"nanoseconds", nanoseconds, 10000},
    {"ticks", ticks, 10000},            {"warm", walk, 50},
    {"moved", moved, 50},
};

static void find_cpus(void) {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  int found = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus[found++] = cpu;
  }
  if (found == 1) cpus[1] = cpus[0];
}

int main(void) {
  char name[32];
  double seconds;
  find_cpus();
  allowed_bytes = get(allowed);
  while (scanf("%31s %lf", name, &seconds) == 2) {
    unsigned which = 0;
    while (strcmp(cases[which].name, name) != 0) {
      if (++which == sizeof cases / sizeof *cases) return 1;
    }
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, operations = 0;
    while (now < end) {
      for (unsigned call = 0; call < cases[which].calls; call++) cases[which].work();
      operations += cases[which].calls;
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)operations,
           (unsigned long long)(now - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  return 0;
}
