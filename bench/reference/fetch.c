// A closed-loop HTTP client: each connection asks for the same file again and again.
//
// While it warms up it compares every byte with the file. While it measures it has the kernel drop
// them (MSG_TRUNC), and counts: so the server is what is measured, not who reads.
// Arguments: PORT PATH-IN-URL FILE CONNECTIONS WARM-UP SECONDS SERVER-PID.
#define _GNU_SOURCE
#include "clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 4096, PIECE = 1 << 18, EVENTS = 256 };

struct connection {
  int fd;
  size_t header;  // bytes of a header that is not whole yet
  int in_body;
  uint64_t at;  // in the body
  char text[HEADER + 1];
};

static struct connection *connections;
static unsigned connection_count;
static const char *expected;
static uint64_t size;
static char request[512], piece[PIECE];
static int request_length, verifying = 1;
static unsigned long long responses, all, bytes;

static void broken(const char *what) {
  fprintf(stderr, "fetch: %s after %llu responses and %llu bytes\n", what, responses, bytes);
  exit(1);
}

static void ask(struct connection *connection) {
  connection->header = 0;
  connection->in_body = 0;
  connection->at = 0;
  if (send(connection->fd, request, (size_t)request_length, MSG_NOSIGNAL) != request_length) {
    broken("the request was not taken");
  }
}

static void compare(const struct connection *connection, const char *part, size_t length) {
  if (connection->at + length > size) broken("the body is too long");
  if (memcmp(part, expected + connection->at, length) != 0) broken("a wrong byte came");
}

static void advance(struct connection *connection, size_t length) {
  connection->at += length;
  bytes += length;
  if (connection->at < size) return;
  responses++;
  all++;
  ask(connection);
}

// Of a header: what came behind it is the beginning of the body.
static void take_header(struct connection *connection) {
  char *text = connection->text;
  const size_t room = HEADER - connection->header;
  const ssize_t received = recv(connection->fd, text + connection->header, room, MSG_DONTWAIT);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) broken("the server closed");
  connection->header += (size_t)received;
  text[connection->header] = 0;
  const char *end = strstr(text, "\r\n\r\n");
  if (!end && connection->header == HEADER) broken("the header is too long");
  if (!end) return;
  const char *length = strcasestr(text, "\r\ncontent-length:");
  if (strncmp(text, "HTTP/1.1 200", 12) != 0) broken("the status is not 200");
  if (!length || length > end || strtoull(length + 17, NULL, 10) != size) {
    broken("the length is not the file's");
  }
  const size_t rest = connection->header - (size_t)(end + 4 - text);
  connection->in_body = 1;
  compare(connection, end + 4, rest);
  advance(connection, rest);
}

static void take_body(struct connection *connection) {
  const uint64_t left = size - connection->at;
  const size_t length = left < PIECE ? (size_t)left : PIECE;
  const int flags = MSG_DONTWAIT | (verifying ? 0 : MSG_TRUNC);
  const ssize_t received = recv(connection->fd, piece, length, flags);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) broken("the server closed");
  if (verifying) compare(connection, piece, (size_t)received);
  advance(connection, (size_t)received);
}

static void connect_all(int poller, int port) {
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  address.sin_port = htons((uint16_t)port);
  for (unsigned i = 0; i < connection_count; i++) {
    struct connection *connection = &connections[i];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) broken("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = i}};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) broken("epoll_ctl");
    ask(connection);
  }
}

// Until `end` is over and, while it verifies, each byte of the file has been compared once.
static uint64_t run(int poller, uint64_t end) {
  struct epoll_event events[EVENTS];
  for (;;) {
    const uint64_t now = now_ns();
    if (now >= end && (!verifying || responses > 0)) return now;
    const int ready = epoll_wait(poller, events, EVENTS, 5000);
    if (ready == 0) broken("nothing came for 5 s");
    for (int i = 0; i < ready; i++) {
      struct connection *connection = &connections[events[i].data.u32];
      if (connection->in_body) take_body(connection);
      else take_header(connection);
    }
  }
}

static void map(const char *path) {
  struct stat status;
  const int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status)) broken(path);
  size = (uint64_t)status.st_size;
  if (size == 0) broken("the file is empty");
  expected = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
  if (expected == MAP_FAILED) broken("mmap");
  close(file);
}

int main(int count, char **arguments) {
  if (count != 8) {
    fprintf(stderr, "usage: fetch PORT PATH FILE CONNECTIONS WARM-UP SECONDS SERVER-PID\n");
    return 2;
  }
  const char *form = "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n";
  request_length = snprintf(request, sizeof(request), form, arguments[2]);
  if (request_length >= (int)sizeof(request)) return 2;
  map(arguments[3]);
  connection_count = (unsigned)atoi(arguments[4]);
  connections = calloc(connection_count, sizeof(*connections));
  if (!connections) broken("calloc");
  const pid_t server = atoi(arguments[7]);
  const int poller = epoll_create1(0);
  connect_all(poller, atoi(arguments[1]));
  run(poller, now_ns() + (uint64_t)(atof(arguments[5]) * 1e9));

  verifying = 0;
  responses = 0;
  bytes = 0;
  const uint64_t cpu = cpu_ns(server), own_cpu = cpu_ns(getpid()), start = now_ns();
  const uint64_t end = run(poller, start + (uint64_t)(atof(arguments[6]) * 1e9));
  const uint64_t server_used = cpu_ns(server) - cpu, own_used = cpu_ns(getpid()) - own_cpu;
  printf("{\"responses\":%llu,\"all\":%llu,\"bytes\":%llu,\"ns\":%llu,", responses, all, bytes,
         (unsigned long long)(end - start));
  printf("\"server_cpu_ns\":%llu,\"client_cpu_ns\":%llu}\n", (unsigned long long)server_used,
         (unsigned long long)own_used);
  return 0;
}
