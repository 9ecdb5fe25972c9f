// Datagrams over loopback, sent and received by one thread in rounds: sendmmsg and recvmmsg.
//
// A line "SIZE OFFLOAD SECONDS" on stdin asks for a run, and is answered by one line of JSON. With
// OFFLOAD 1 the kernel cuts what is sent (UDP_SEGMENT), and gives it back in one piece (UDP_GRO).
#define _GNU_SOURCE
#include "clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

// A round fits the receive buffer that everybody may have.
enum { ROUND = 256, ROUND_BYTES = 200000, BUFFER = 212992 };
enum { BATCH = 64, MOST = 65507, SEGMENTS = 64, SLOT = 65600 };

static char *slots;
static char payload[MOST];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static char out_control[CMSG_SPACE(sizeof(uint16_t))], in_control[BATCH][CMSG_SPACE(sizeof(int))];
static struct sockaddr_in target, senders[BATCH];
static int receiver, sender, poller;

static void give_up(const char *what) {
  perror(what);
  exit(1);
}

static int bound(struct sockaddr_in *address) {
  socklen_t length = sizeof(*address);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (fd < 0 || bind(fd, (struct sockaddr *)address, length)) give_up("bind");
  if (getsockname(fd, (struct sockaddr *)address, &length)) give_up("getsockname");
  return fd;
}

static void open_all(int offload) {
  struct sockaddr_in own;
  receiver = bound(&target);
  sender = bound(&own);
  poller = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  const int buffer = BUFFER;
  if (setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer))) give_up("SO_RCVBUF");
  if (setsockopt(receiver, IPPROTO_UDP, UDP_GRO, &offload, sizeof(offload))) give_up("UDP_GRO");
  if (epoll_ctl(poller, EPOLL_CTL_ADD, receiver, &event)) give_up("epoll_ctl");
}

static void close_all(void) {
  close(receiver);
  close(sender);
  close(poller);
}

// Sends `count` times `bytes`, cut into segments where `segment` is not 0.
static void send_round(unsigned count, size_t bytes, uint16_t segment) {
  while (count > 0) {
    const unsigned batch = count < BATCH ? count : BATCH;
    for (unsigned i = 0; i < batch; i++) {
      out_parts[i] = (struct iovec){payload, bytes};
      struct msghdr *message = &out[i].msg_hdr;
      *message = (struct msghdr){.msg_name = &target, .msg_namelen = sizeof(target)};
      message->msg_iov = &out_parts[i];
      message->msg_iovlen = 1;
      if (!segment) continue;
      message->msg_control = out_control;
      message->msg_controllen = sizeof(out_control);
      struct cmsghdr *control = CMSG_FIRSTHDR(message);
      control->cmsg_level = IPPROTO_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(segment));
      memcpy(CMSG_DATA(control), &segment, sizeof(segment));
    }
    int sent = sendmmsg(sender, out, batch, MSG_DONTWAIT);
    if (sent < 0) give_up("sendmmsg");
    count -= (unsigned)sent;
  }
}

static size_t receive_some(void) {
  for (unsigned i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){slots + (size_t)i * SLOT, SLOT};
    in[i].msg_hdr = (struct msghdr){.msg_name = &senders[i],
                                    .msg_namelen = sizeof(senders[i]),
                                    .msg_iov = &in_parts[i],
                                    .msg_iovlen = 1,
                                    .msg_control = in_control[i],
                                    .msg_controllen = sizeof(in_control[i])};
  }
  int received = recvmmsg(receiver, in, BATCH, MSG_DONTWAIT, NULL);
  if (received < 0 && errno == EAGAIN) return 0;
  if (received < 0) give_up("recvmmsg");
  size_t bytes = 0;
  for (int i = 0; i < received; i++) bytes += in[i].msg_len;
  return bytes;
}

static void run(unsigned size, int offload, double seconds) {
  const unsigned segments = MOST / size < SEGMENTS ? MOST / size : SEGMENTS;
  const unsigned each = offload ? segments : 1;
  const unsigned most = ROUND_BYTES / size < ROUND ? ROUND_BYTES / size : ROUND;
  const unsigned sends = most / each;
  open_all(offload);
  uint64_t operations = 0;
  const uint64_t cpu = cpu_ns(getpid()), begin = now_ns();
  const uint64_t end = begin + (uint64_t)(seconds * 1e9);
  do {
    size_t left = (size_t)sends * each * size;
    send_round(sends, (size_t)each * size, offload ? (uint16_t)size : 0);
    while (left > 0) {
      struct epoll_event event;
      if (epoll_wait(poller, &event, 1, 5000) <= 0) give_up("a datagram was lost");
      left -= receive_some();
    }
    operations += (uint64_t)sends * each;
  } while (now_ns() < end);
  printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)operations,
         (unsigned long long)(now_ns() - begin), (unsigned long long)(cpu_ns(getpid()) - cpu));
  fflush(stdout);
  close_all();
}

int main(void) {
  char line[128];
  slots = malloc((size_t)BATCH * SLOT);
  while (fgets(line, sizeof(line), stdin)) {
    unsigned size = 0;
    int offload = 0;
    double seconds = 0;
    if (sscanf(line, "%u %d %lf", &size, &offload, &seconds) != 3) return 2;
    run(size, offload, seconds);
  }
  return 0;
}
