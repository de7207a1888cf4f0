/**
 * flood DEVICE-SOURCE HOST PORT KIND PACKETS_PER_SECOND SECONDS [CAPTURE]: a flood of UDP over a raw IPv4 socket, its sources spoofed
 * all over 198.18.0.0/15 unless KIND says otherwise.
 *
 *   reset   the first packet of a client without wrapping, every one another session
 *   random  any bytes behind the first byte of every kind of control and data packet
 *   replay  datagrams of CAPTURE (each a big-endian u16 length, then the bytes) over and over, from spoofed sources
 *   echo    the same from DEVICE-SOURCE ADDRESS:PORT that stands in front of CAPTURE, as if its client sent them again
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 1600, HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr) };

static uint64_t state = 88172645463325252ull;
static uint64_t dice(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static volatile sig_atomic_t stopped;
static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned char capture[1 << 22];
static size_t captured, at;

static size_t replay(unsigned char *to) {
  if (at + 2 > captured) at = 0;
  size_t length = capture[at] << 8 | capture[at + 1];
  if (length == 0 || at + 2 + length > captured || length > ROOM - HEADERS) exit(3);
  memcpy(to, capture + at + 2, length);
  at += 2 + length;
  return length;
}

static size_t any(unsigned char *to) {
  static const unsigned char first[] = {0x38, 0x50, 0x20, 0x28, 0x48, 0x18, 0x58, 0x30};
  size_t length = 14 + dice() % 100;
  for (size_t i = 0; i < length; i++) to[i] = dice();
  to[0] = first[dice() % sizeof first];
  return length;
}

static size_t reset(unsigned char *to) {
  uint64_t session = dice();
  memset(to, 0, 14);
  to[0] = 0x38;
  memcpy(to + 1, &session, 8);
  return 14;
}

int main(int count, char **words) {
  if (count < 7) return 2;
  const char *kind = words[4];
  uint32_t source = ntohl(inet_addr(words[1])), target = inet_addr(words[2]);
  uint16_t from_port = 0;
  double rate = atof(words[5]), seconds = atof(words[6]);
  if (count > 7) {
    FILE *file = fopen(words[7], "rb");
    if (!file) return 2;
    captured = fread(capture, 1, sizeof capture, file);
    fclose(file);
  }
  int echo = strcmp(kind, "echo") == 0;
  if (echo && count > 8) from_port = atoi(words[8]);
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (raw < 0) return 4;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = target};
  static unsigned char packets[BATCH][ROOM];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  double began = now();
  uint64_t sent = 0;
  signal(SIGTERM, stop);
  while (!stopped && now() - began < seconds) {
    if ((double)sent > (now() - began) * rate) {
      usleep(500);
      continue;
    }
    for (int i = 0; i < BATCH; i++) {
      unsigned char *packet = packets[i];
      size_t length = *kind == 'r' && kind[2] == 's' ? reset(packet + HEADERS)
                      : *kind == 'r' && kind[1] == 'a' ? any(packet + HEADERS)
                                                       : replay(packet + HEADERS);
      struct iphdr *ip = (struct iphdr *)packet;
      struct udphdr *udp = (struct udphdr *)(ip + 1);
      *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = target};
      ip->saddr = htonl(echo ? source : 0xc6120000u + dice() % 0x20000);
      ip->tot_len = htons(HEADERS + length);
      udp->source = htons(from_port ? from_port : 1024 + dice() % 60000);
      udp->dest = htons(atoi(words[3]));
      udp->len = htons(sizeof *udp + length);
      udp->check = 0;
      parts[i] = (struct iovec){packet, HEADERS + length};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int done = sendmmsg(raw, messages, BATCH, 0);
    if (done > 0) sent += done;
  }
  printf("flood sent %.0f a second\n", sent / (now() - began));
  return 0;
}
