// A file over HTTP the classic way: non-blocking sockets under one epoll, sendfile(2).
//
// Every request gets the file of the argument, opened for it; the connection is kept. Prints its
// port; ends with stdin.
#define _GNU_SOURCE
#include "poller.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { CONNECTIONS = 1024, EVENTS = 256, REQUEST = 4096 };

struct connection {
  int file;  // -1: none on the way
  off_t offset, left;
  size_t received;
  char request[REQUEST];
};

static struct connection *connections[CONNECTIONS];
static const char *path;

static void forget(int fd) {
  if (connections[fd]->file >= 0) close(connections[fd]->file);
  free(connections[fd]);
  connections[fd] = NULL;
  close(fd);
}

static void begin_connection(int fd) {
  connections[fd] = calloc(1, sizeof(struct connection));
  if (!connections[fd]) give_up("calloc");
  connections[fd]->file = -1;
}

// False when the client is gone: a proxy may pass on its last request, and then its end.
static int begin(int fd) {
  struct connection *connection = connections[fd];
  struct stat status;
  char header[256];
  connection->received = 0;
  connection->file = open(path, O_RDONLY | O_CLOEXEC);
  if (connection->file < 0 || fstat(connection->file, &status)) give_up(path);
  connection->offset = 0;
  connection->left = status.st_size;
  const int length = snprintf(header, sizeof(header),
                              "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                              "Content-Length: %lld\r\n\r\n",
                              (long long)status.st_size);
  // An empty socket has room for so little.
  return send(fd, header, (size_t)length, MSG_NOSIGNAL | MSG_MORE) == length;
}

// 1: all was sent; 0: the socket is full; -1: it is broken.
static int go_on(int fd) {
  struct connection *connection = connections[fd];
  while (connection->left > 0) {
    const size_t length = (size_t)connection->left;
    const ssize_t sent = sendfile(fd, connection->file, &connection->offset, length);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent <= 0) return -1;
    connection->left -= sent;
  }
  close(connection->file);
  connection->file = -1;
  return 1;
}

static void on_readable(int fd) {
  struct connection *connection = connections[fd];
  char *request = connection->request;
  const size_t room = REQUEST - 1 - connection->received;
  const ssize_t received = recv(fd, request + connection->received, room, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) {
    forget(fd);
    return;
  }
  connection->received += (size_t)received;
  request[connection->received] = 0;
  if (!strstr(request, "\r\n\r\n")) return;
  const int state = begin(fd) ? go_on(fd) : -1;
  if (state < 0) forget(fd);
  else if (state == 0) watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
}

static void on_writable(int fd) {
  const int state = go_on(fd);
  if (state < 0) forget(fd);
  else if (state > 0) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

int main(int count, char **arguments) {
  static struct epoll_event events[EVENTS];
  char ignored;
  if (count != 2) return 2;
  path = arguments[1];
  int listener = listen_on_loopback(SOCK_NONBLOCK);
  open_poller(listener);
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(listener, CONNECTIONS, begin_connection);
      else if (fd == 0) { if (read(0, &ignored, 1) <= 0) return 0; }
      else if (connections[fd]->file >= 0) on_writable(fd);
      else on_readable(fd);
    }
  }
}
