/**
 * flood DEVICE MAC HOST PORT KIND PACKETS_PER_SECOND SECONDS [CAPTURE]: a flood of UDP over IPv4 out of DEVICE to the Ethernet address MAC,
 * its sources spoofed all over 198.18.0.0/15. Frames are written as they are, past routes, filters and queues of this host.
 *
 *   reset   the first packet of a client without wrapping, every one another session
 *   twice   the same, and each of them once more after a second, as a client would
 *   random  any bytes behind the first byte of every kind of control and data packet
 *   replay  datagrams of CAPTURE (each a big-endian u16 length, then the bytes) over and over
 *
 * flood nowhere DEVICE PORT: opens a TUN device and a UDP port that swallow whatever comes, until it is stopped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, PAYLOAD = 1500 };

struct __attribute__((packed)) frame {
  struct ether_header ethernet;
  struct iphdr ip;
  struct udphdr udp;
  unsigned char payload[PAYLOAD];
};

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

/** The same for the same number. */
static uint64_t dice(uint64_t number) {
  number += 0x9e3779b97f4a7c15ull;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ull;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebull;
  return number ^ (number >> 31);
}

static unsigned char capture[1 << 22];
static size_t captured, at;

static size_t replay(unsigned char *to) {
  if (at + 2 > captured) at = 0;
  size_t length = capture[at] << 8 | capture[at + 1];
  if (length == 0 || at + 2 + length > captured || length > PAYLOAD) exit(3);
  memcpy(to, capture + at + 2, length);
  at += 2 + length;
  return length;
}

static size_t any(unsigned char *to, uint64_t number) {
  static const unsigned char first[] = {0x38, 0x50, 0x20, 0x28, 0x48, 0x18, 0x58, 0x30};
  uint64_t bytes = dice(~number);
  size_t length = 14 + bytes % 100;
  for (size_t i = 0; i < length; i += 8) {
    bytes = dice(bytes);
    memcpy(to + i, &bytes, 8);
  }
  to[0] = first[number % sizeof first];
  return length;
}

static size_t reset(unsigned char *to, uint64_t number) {
  uint64_t session = dice(~number) | 1;
  memset(to, 0, 14);
  to[0] = 0x38;
  memcpy(to + 1, &session, 8);
  return 14;
}

static uint16_t checksum(const void *header) {
  uint16_t words[sizeof(struct iphdr) / 2];
  memcpy(words, header, sizeof words);
  uint32_t sum = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) sum += words[i];
  sum = (sum & 0xffff) + (sum >> 16);
  return ~((sum & 0xffff) + (sum >> 16));
}

/** The frame `number` stands for; its length. */
static size_t make(struct frame *frame, char kind, uint64_t number) {
  size_t length = kind == 'p' ? replay(frame->payload) : kind == 'n' ? any(frame->payload, number) : reset(frame->payload, number);
  uint64_t who = dice(number);
  frame->ip.saddr = htonl(0xc6120000u + who % 0x20000);
  frame->udp.source = htons(1024 + (who >> 20) % 60000);
  frame->udp.len = htons(sizeof frame->udp + length);
  frame->ip.tot_len = htons(sizeof frame->ip + sizeof frame->udp + length);
  frame->ip.check = 0;
  frame->ip.check = checksum((unsigned char *)frame + offsetof(struct frame, ip));
  return offsetof(struct frame, payload) + length;
}

/** Nobody reads either, so the kernel throws away what comes once their queues are full. */
static int swallow(const char *device, const char *port) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  int tun = open("/dev/net/tun", O_RDWR), in = socket(AF_INET, SOCK_DGRAM, 0);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0 || bind(in, (struct sockaddr *)&here, sizeof here) != 0) return 4;
  puts("nowhere is open");
  fflush(stdout);
  return pause();
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "nowhere") == 0) return swallow(words[2], words[3]);
  if (count < 8) return 2;
  const struct ether_addr *mac = ether_aton(words[2]);
  unsigned device = if_nametoindex(words[1]);
  char kind = words[5][2];
  double rate = atof(words[6]), seconds = atof(words[7]);
  if (mac == NULL || device == 0) return 2;
  if (count > 8) {
    FILE *file = fopen(words[8], "rb");
    if (!file) return 2;
    captured = fread(capture, 1, sizeof capture, file);
    fclose(file);
  }
  int out = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = device};
  if (out < 0 || bind(out, (struct sockaddr *)&to, sizeof to) != 0) return 4;
  setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
  static struct frame frames[BATCH];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    struct frame *frame = &frames[i];
    memcpy(frame->ethernet.ether_dhost, mac, sizeof *mac);
    frame->ethernet.ether_shost[0] = 2;
    frame->ethernet.ether_type = htons(ETHERTYPE_IP);
    frame->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = inet_addr(words[3])};
    frame->udp.dest = htons(atoi(words[4]));
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  signal(SIGTERM, stop);
  uint64_t made = 0, sent = 0, again = kind == 'i' ? rate / 2 : 0;
  puts("flood begins");
  fflush(stdout);
  double began = now(), elapsed = 0;
  while (!stopped && elapsed < seconds) {
    if ((double)made > elapsed * rate) {
      nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    } else {
      for (int i = 0; i < BATCH; i++, made++) {
        uint64_t number = again == 0 ? made : made / 2 - (made % 2 && made / 2 >= again ? again : 0);
        parts[i] = (struct iovec){&frames[i], make(&frames[i], kind, number)};
      }
      // What the device has no room for is gone, as on any network.
      int done = sendmmsg(out, messages, BATCH, 0);
      if (done > 0) sent += done;
      else if (errno != ENOBUFS && errno != EAGAIN) return 5;
    }
    elapsed = now() - began;
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("flood sent %.0f a second with %.0f %% of a CPU\n", sent / elapsed, 100 * cpu / elapsed);
  return 0;
}
