// What goes through a queue between two processes, each on a CPU of its own (arguments).
//
// A line "CASE SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}; ends when stdin is closed. Cases: one (records
// published one by one), batch (32 at a time), kilobyte (messages of 1 KiB), spin and futex (a
// record there and back). With an argument more, each publication also looks for a sleeper.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "clock.h"
#include "spsc.h"

enum { RECORDS = 65536, BATCH = 32, KILOBYTE = 1024, LOOK = 65536 };
enum { ONE = 1, BATCHES, KILOBYTES, SPIN, FUTEX };

static struct spsc there, back, messages;
static word *control;

static void pin(const char *cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(atoi(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) shared_fail("sched_setaffinity");
}

static struct spsc queue_at(uint8_t *base, uint32_t capacity) {
  struct spsc queue = {.words = (word *)base, .bytes = base + SPSC_HEADER};
  queue.records = (double *)queue.bytes;
  queue.capacity = capacity;
  queue.mask = capacity - 1;
  return queue;
}

static double pop_spinning(struct spsc *queue) {
  while (queue->next == queue->limit) spsc_filled(queue);
  const double value = queue->records[queue->next++ & queue->mask];
  if (queue->next % BATCH == 0 || queue->next == queue->limit) spsc_release_quietly(queue);
  return value;
}

// Does not look all the time: each look takes the line with the count from the producer.
static double pop_now_and_then(struct spsc *queue) {
  while (queue->next == queue->limit && spsc_filled(queue) == 0) {
    for (volatile int pause = 0; pause < 500; pause++) {
    }
  }
  return pop_spinning(queue);
}

static double pop_sleeping(struct spsc *queue) {
  if (queue->next == queue->limit) spsc_wait(queue, 0);
  const double value = queue->records[queue->next++ & queue->mask];
  spsc_release_quietly(queue);
  return value;
}

static int waking;

static void push_quietly(struct spsc *queue, double value) {
  while (!spsc_stage(queue, value)) {
  }
  if (waking) spsc_publish(queue);
  else spsc_publish_quietly(queue);
}

static void push_waking(struct spsc *queue, double value) {
  while (!spsc_stage(queue, value)) {
  }
  spsc_publish(queue);
}

// Takes messages until an empty one.
static void take_messages(void) {
  static uint8_t copy[KILOBYTE];
  for (;;) {
    uint32_t length;
    const void *from = message_next(&messages, &length);
    if (from == NULL) continue;
    memcpy(copy, from, length);
    message_done(&messages, length);
    spsc_release_quietly(&messages);
    if (length == 0) return;
  }
}

// The other process: does one case after the other.
static void serve(void) {
  volatile double sum = 0;
  for (;;) {
    uint32_t what;
    while ((what = atomic_load(control)) == 0) syscall(SYS_futex, control, FUTEX_WAIT, 0, NULL);
    double total = 0, value;
    if (what == KILOBYTES) {
      take_messages();
    } else if (what == ONE || what == BATCHES) {
      while ((value = pop_now_and_then(&there)) >= 0) total += value;
    } else if (what == SPIN) {
      while ((value = pop_spinning(&there)) >= 0) push_quietly(&back, value);
    } else {
      while ((value = pop_sleeping(&there)) >= 0) push_waking(&back, value);
    }
    sum += total;
    atomic_store(control, 0);
  }
}

static void send_message(uint32_t length) {
  static uint8_t bytes[KILOBYTE];
  void *to;
  while ((to = message_claim(&messages, length)) == NULL) {
  }
  memcpy(to, bytes, length);
  message_commit(&messages, length);
  spsc_publish_quietly(&messages);
}

// Some operations of a case; answers how many.
static uint64_t work(uint32_t what) {
  uint64_t done = 0;
  if (what == ONE) {
    for (; done < LOOK; done++) push_quietly(&there, 1);
  } else if (what == BATCHES) {
    for (; done < LOOK; done += BATCH) {
      for (int index = 0; index < BATCH; index++) {
        while (!spsc_stage(&there, 1)) {
        }
      }
      if (waking) spsc_publish(&there);
      else spsc_publish_quietly(&there);
    }
  } else if (what == KILOBYTES) {
    for (; done < LOOK / 64; done++) send_message(KILOBYTE);
  } else {
    for (; done < LOOK / 256; done++) {
      if (what == SPIN) {
        push_quietly(&there, 1);
        pop_spinning(&back);
      } else {
        push_waking(&there, 1);
        pop_sleeping(&back);
      }
    }
  }
  return done;
}

int main(int count, char **words) {
  const char *const names[] = {"", "one", "batch", "kilobyte", "spin", "futex"};
  const size_t bytes = 4 << 20;
  if (count < 3) return 2;
  waking = count > 3;
  uint8_t *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (base == MAP_FAILED) shared_fail("mmap");
  control = (word *)base;
  there = queue_at(base + 4096, RECORDS);
  back = queue_at(base + (1 << 20), RECORDS);
  messages = queue_at(base + (2 << 20), 1 << 20);
  const pid_t peer = fork();
  pin(words[peer == 0 ? 2 : 1]);
  if (peer == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve();
  }
  char name[16];
  double seconds;
  while (scanf("%15s %lf", name, &seconds) == 2) {
    uint32_t what = ONE;
    while (what <= FUTEX && strcmp(name, names[what]) != 0) what++;
    if (what > FUTEX) return 2;
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid()) + cpu_ns(peer);
    atomic_store(control, what);
    syscall(SYS_futex, control, FUTEX_WAKE, 1);
    uint64_t done = 0;
    while (now_ns() < start + (uint64_t)(seconds * 1e9)) done += work(what);
    if (what == KILOBYTES) send_message(0);
    else if (what == FUTEX) push_waking(&there, -1);
    else push_quietly(&there, -1);
    while (atomic_load(control) != 0) {
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)done,
           (unsigned long long)(now_ns() - start),
           (unsigned long long)(cpu_ns(getpid()) + cpu_ns(peer) - cpu));
    fflush(stdout);
  }
  kill(peer, SIGKILL);
  return 0;
}
