// TCP echo the classic way: non-blocking sockets under one epoll.
//
// One receive and one send per readable socket. What a full socket does not take is kept, and the
// socket is asked for room instead of data until it is gone. Prints its port; ends with stdin.
#define _GNU_SOURCE
#include "poller.h"
#include <errno.h>
#include <string.h>

enum { CONNECTIONS = 65536, EVENTS = 1024, SIZE = 65536 };

// Bytes that were received and could not be sent yet; null almost always.
struct rest {
  size_t offset;
  size_t length;
  char bytes[SIZE];
};

static struct rest *rests[CONNECTIONS];
static char buffer[SIZE] __attribute__((aligned(4096)));

static void forget(int fd) {
  free(rests[fd]);
  rests[fd] = NULL;
  close(fd);
}

static void keep(int fd, const char *bytes, size_t length) {
  struct rest *rest = malloc(sizeof(*rest));
  if (!rest) give_up("malloc");
  rest->offset = 0;
  rest->length = length;
  memcpy(rest->bytes, bytes, length);
  rests[fd] = rest;
  watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
}

static void on_readable(int fd) {
  ssize_t received = recv(fd, buffer, SIZE, 0);
  if (received <= 0) {
    if (received == 0 || (errno != EAGAIN && errno != EINTR)) forget(fd);
    return;
  }
  ssize_t sent = send(fd, buffer, (size_t)received, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    forget(fd);
    return;
  }
  if (sent < 0) sent = 0;
  if (sent < received) keep(fd, buffer + sent, (size_t)(received - sent));
}

static void on_writable(int fd) {
  struct rest *rest = rests[fd];
  ssize_t sent = send(fd, rest->bytes + rest->offset, rest->length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) forget(fd);
    return;
  }
  rest->offset += (size_t)sent;
  rest->length -= (size_t)sent;
  if (rest->length > 0) return;
  free(rest);
  rests[fd] = NULL;
  watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

int main(void) {
  static struct epoll_event events[EVENTS];
  char ignored;
  int listener = listen_on_loopback(SOCK_NONBLOCK);
  open_poller(listener);
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(listener, CONNECTIONS, NULL);
      else if (fd == 0) { if (read(0, &ignored, 1) <= 0) return 0; }
      else if (rests[fd]) on_writable(fd);
      else on_readable(fd);
    }
  }
}
