// Takes part in nearmetal's shared memory. Arguments: the memory's descriptor, and one of
//   echo IN OUT        sends each message of IN back through OUT, its bytes reversed, until IN ends
//   flood NAME START   sends numbered messages from START on, until it is killed
//   drain NAME         takes numbered messages and looks at each, until the queue ends
//   pour NAME ID       puts ID * 2^24 and the numbers behind it into an MpmcQueue, until killed
//   take NAME          takes records out of an MpmcQueue, until killed
//   count NAME DATA    adds 1 to two words of DATA with the mutex held, until killed
#define _GNU_SOURCE
#include "mpmc.h"
#include "spsc.h"

static void ready(void) {
  puts("ready");
  fflush(stdout);
}

static void push(struct spsc *out, const void *bytes, uint32_t length) {
  void *to;
  while ((to = message_claim(out, length)) == NULL) message_wait_for_room(out, length);
  memcpy(to, bytes, length);
  message_commit(out, length);
  spsc_publish(out);
}

static void echo(struct shared *shared, char **names) {
  struct spsc in = spsc_open(shared, names[0], "SPSM", SPSC_CONSUMER);
  struct spsc out = spsc_open(shared, names[1], "SPSM", SPSC_PRODUCER);
  uint64_t messages = 0;
  while (spsc_wait(&in, 100)) {
    uint32_t length;
    const uint8_t *from;
    while ((from = message_next(&in, &length)) != NULL) {
      uint8_t reversed[length + 1];
      for (uint32_t at = 0; at < length; at++) reversed[at] = from[length - 1 - at];
      message_done(&in, length);
      spsc_release(&in);
      push(&out, reversed, length);
      messages++;
    }
  }
  spsc_end(&out);
  printf("%llu\n", (unsigned long long)messages);
}

// A number, and as many bytes as it says, each of which says it again.
static uint32_t numbered(uint8_t *bytes, uint32_t number) {
  const uint32_t length = 4 + number % 200;
  memset(bytes, (int)(number & 255), length);
  memcpy(bytes, &number, 4);
  return length;
}

static void flood(struct shared *shared, char **words) {
  struct spsc out = spsc_open(shared, words[0], "SPSM", SPSC_PRODUCER);
  ready();
  uint8_t bytes[256];
  for (uint32_t number = (uint32_t)atol(words[1]);; number++) {
    push(&out, bytes, numbered(bytes, number));
  }
}

static void drain(struct shared *shared, char **words) {
  struct spsc in = spsc_open(shared, words[0], "SPSM", SPSC_CONSUMER);
  ready();
  uint8_t expected[256];
  uint32_t number = 0, first = 1;
  while (spsc_wait(&in, 100)) {
    uint32_t length;
    const uint8_t *from = message_next(&in, &length);
    if (from == NULL) continue;
    uint32_t found;
    memcpy(&found, from, 4);
    errno = EBADMSG;
    if (!first && found != number) shared_fail("a number is missing");
    if (length != numbered(expected, found) || memcmp(from, expected, length) != 0) {
      shared_fail("a message is torn");
    }
    first = 0;
    number = found + 1;
    message_done(&in, length);
    spsc_release(&in);
  }
}

static void pour(struct shared *shared, char **words) {
  struct mpmc queue = mpmc_open(shared, words[0]);
  ready();
  for (double value = atof(words[1]) * (1 << 24);; value++) {
    while (!mpmc_push(&queue, value)) {
    }
  }
}

static void take(struct shared *shared, char **words) {
  struct mpmc queue = mpmc_open(shared, words[0]);
  ready();
  for (double value;;) mpmc_pop(&queue, &value);
}

static void count_up(struct shared *shared, char **words) {
  word *mutex = shared_words(shared, shared_find(shared, words[0], "MUTX"));
  volatile uint32_t *data =
      (volatile uint32_t *)(shared->base + shared_find(shared, words[1], "SPSM") + SPSC_HEADER);
  ready();
  for (;;) {
    while (!mutex_try(shared, mutex)) {
    }
    data[0]++;
    for (volatile int pause = 0; pause < 200; pause++) {
    }
    data[1]++;
    mutex_unlock(mutex);
  }
}

int main(int count, char **words) {
  const struct {
    const char *name;
    int arguments;
    void (*run)(struct shared *shared, char **words);
  } commands[] = {{"echo", 2, echo}, {"flood", 2, flood}, {"drain", 1, drain},
                {"pour", 2, pour}, {"take", 1, take},   {"count", 2, count_up}};
  for (size_t index = 0; count > 2 && index < sizeof commands / sizeof *commands; index++) {
    if (strcmp(words[2], commands[index].name) != 0) continue;
    if (count != 3 + commands[index].arguments) return 2;
    struct shared shared = shared_attach(atoi(words[1]));
    commands[index].run(&shared, words + 3);
    shared_leave(&shared);
    return 0;
  }
  return 2;
}
