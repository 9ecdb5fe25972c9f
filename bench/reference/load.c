// An echo client that verifies every byte and says how fast they came back.
//
// Closed loop: each connection keeps DEPTH messages on the way. Open loop, with a RATE: messages go
// at fixed times, whatever has come back, and latency counts from the time at which each was due. A
// server that stalls is so charged for all that had to wait, not only for what was on the way
// (coordinated omission). Each stream is a window that moves over one block
// of random bytes, from a start of its own: lost, doubled, swapped or misrouted bytes all show.
// Arguments: PORT CONNECTIONS SIZE DEPTH WARM-UP SECONDS [SERVER-PID [RATE]], RATE in messages/s.
#define _GNU_SOURCE
#include "clock.h"
#include "histogram.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// A prime, so that no message size divides it and equal offsets come back late.
enum { PERIOD = 65521, SLACK = 65536, EVENTS = 256 };

struct connection {
  int fd;
  unsigned seed;
  uint64_t sent, received;  // bytes
  uint64_t asked;           // bytes of all messages that were allowed to go
  uint64_t *sent_at;        // when each message on the way was allowed, by its number % depth
};

static unsigned char pattern[PERIOD + SLACK];
static unsigned char incoming[SLACK];
static struct connection *connections;
static unsigned connection_count, size, depth;
static unsigned long long messages, all;
static struct histogram latencies;
static int measuring, stopping;
// Open loop: message `n` of all is due at `opened` + n * `gap` ns, on connection n % count.
static double gap;
static uint64_t opened, due_count;

static void broken(const char *what, unsigned id, uint64_t offset) {
  fprintf(stderr, "load: %s on connection %u at byte %llu\n", what, id, (unsigned long long)offset);
  printf("{\"messages\":%llu,\"errors\":1,\"error\":\"%s on connection %u at byte %llu\"}\n",
         messages, what, id, (unsigned long long)offset);
  exit(1);
}

static const unsigned char *window(const struct connection *connection, uint64_t offset) {
  return pattern + (connection->seed + offset) % PERIOD;
}

static void fill_pattern(void) {
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (unsigned i = 0; i < PERIOD; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    pattern[i] = (unsigned char)(state >> 32);
  }
  for (unsigned i = PERIOD; i < PERIOD + SLACK; i++) pattern[i] = pattern[i - PERIOD];
}

// Sends what is allowed, until the socket is full; the edge-triggered event resumes it.
static void pump(unsigned id) {
  struct connection *connection = &connections[id];
  while (connection->sent < connection->asked) {
    uint64_t length = connection->asked - connection->sent;
    if (length > SLACK) length = SLACK;
    ssize_t sent = send(connection->fd, window(connection, connection->sent), length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) broken(strerror(errno), id, connection->sent);
    connection->sent += (uint64_t)sent;
  }
}

static uint64_t due_at(uint64_t number) { return opened + (uint64_t)((double)number * gap); }

// Counts the messages that these bytes complete, and allows as many new ones.
static void account(struct connection *connection, uint64_t length, uint64_t now) {
  const uint64_t before = connection->received / size;
  connection->received += length;
  const uint64_t after = connection->received / size;
  for (uint64_t message = before; message < after; message++) {
    if (gap > 0) {
      const uint64_t number = message * connection_count + (uint64_t)(connection - connections);
      if (measuring) histogram_add(&latencies, now - due_at(number));
      continue;
    }
    uint64_t *sent_at = &connection->sent_at[message % depth];
    if (measuring) histogram_add(&latencies, now - *sent_at);
    *sent_at = now;
  }
  messages += after - before;
  all += after - before;
  if (!stopping && gap == 0) connection->asked += (after - before) * size;
}

static void drain(unsigned id) {
  struct connection *connection = &connections[id];
  for (;;) {
    ssize_t length = recv(connection->fd, incoming, sizeof(incoming), 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length < 0) broken(strerror(errno), id, connection->received);
    if (length == 0) broken("the server closed", id, connection->received);
    if (connection->received + (uint64_t)length > connection->sent) {
      broken("more came back than was sent", id, connection->received);
    }
    const unsigned char *expected = window(connection, connection->received);
    if (memcmp(incoming, expected, (size_t)length) != 0) {
      uint64_t at = 0;
      while (incoming[at] == expected[at]) at++;
      broken("a wrong byte came back", id, connection->received + at);
    }
    account(connection, (uint64_t)length, now_ns());
    if ((size_t)length < sizeof(incoming)) return;
  }
}

static void connect_all(int poller, int port) {
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  address.sin_port = htons((uint16_t)port);
  for (unsigned id = 0; id < connection_count; id++) {
    struct connection *connection = &connections[id];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
      broken(strerror(errno), id, 0);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->fd = fd;
    connection->seed = (unsigned)((id + 1) * 2654435761u) % PERIOD;
    connection->sent_at = calloc(depth, sizeof(uint64_t));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = id}};
    // Non-blocking from here on: the connect was allowed to wait.
    if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) {
      broken(strerror(errno), id, 0);
    }
  }
}

static int all_came_back(void) {
  for (unsigned id = 0; id < connection_count; id++) {
    if (connections[id].received < connections[id].asked) return 0;
  }
  return 1;
}

// Lets go what is due by now.
static void send_due(uint64_t now) {
  for (; due_at(due_count) <= now; due_count++) {
    const unsigned id = (unsigned)(due_count % connection_count);
    connections[id].asked += size;
    pump(id);
  }
}

// Runs until `end`, or, once stopping, until nothing is on the way; answers the time it ended.
static uint64_t run(int poller, uint64_t end) {
  struct epoll_event events[EVENTS];
  for (;;) {
    const uint64_t now = now_ns();
    if (stopping ? all_came_back() : now >= end) return now;
    const int open_loop = gap > 0 && !stopping;
    if (open_loop) send_due(now);
    // A timer would be late: the next message is due in microseconds.
    int ready = epoll_wait(poller, events, EVENTS, open_loop ? 0 : 5000);
    if (ready == 0 && !open_loop) broken("nothing came back for 5 s", 0, connections[0].received);
    for (int i = 0; i < ready; i++) {
      const unsigned id = events[i].data.u32;
      drain(id);
      pump(id);
    }
  }
}

static void begin(void) {
  const uint64_t now = now_ns();
  if (gap > 0) {
    opened = now;
    return;
  }
  for (unsigned id = 0; id < connection_count; id++) {
    connections[id].asked = (uint64_t)depth * size;
    for (unsigned i = 0; i < depth; i++) connections[id].sent_at[i] = now;
    pump(id);
  }
}

int main(int count, char **arguments) {
  if (count < 7) {
    fprintf(stderr,
            "usage: load PORT CONNECTIONS SIZE DEPTH WARM-UP SECONDS [SERVER-PID [RATE]]\n");
    return 2;
  }
  connection_count = (unsigned)atoi(arguments[2]);
  size = (unsigned)atoi(arguments[3]);
  depth = (unsigned)atoi(arguments[4]);
  const pid_t server = count > 7 ? atoi(arguments[7]) : 0;
  const double rate = count > 8 ? atof(arguments[8]) : 0;
  if (!connection_count || !size || !depth) return 2;
  if (rate > 0) gap = 1e9 / rate;
  connections = calloc(connection_count, sizeof(*connections));
  int poller = epoll_create1(0);
  fill_pattern();
  connect_all(poller, atoi(arguments[1]));
  begin();
  run(poller, now_ns() + (uint64_t)(atof(arguments[5]) * 1e9));

  measuring = 1;
  messages = 0;
  const uint64_t server_cpu = cpu_ns(server), own_cpu = cpu_ns(getpid()), start = now_ns();
  const uint64_t end = run(poller, start + (uint64_t)(atof(arguments[6]) * 1e9));
  const uint64_t server_used = cpu_ns(server) - server_cpu, own_used = cpu_ns(getpid()) - own_cpu;
  const unsigned long long measured = messages;
  measuring = 0;
  stopping = 1;
  run(poller, 0);

  printf("{\"messages\":%llu,\"ns\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,",
         measured, (unsigned long long)(end - start), (double)histogram_at(&latencies, 0.5) / 1e3,
         (double)histogram_at(&latencies, 0.99) / 1e3,
         (double)histogram_at(&latencies, 0.999) / 1e3);
  printf("\"all\":%llu,\"server_cpu_ns\":%llu,\"client_cpu_ns\":%llu,\"errors\":0}\n", all,
         (unsigned long long)server_used, (unsigned long long)own_used);
  return 0;
}
