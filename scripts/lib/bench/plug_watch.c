/* plug_watch FROM_KB TO_KB [poweroff]: in a guest, how long its memory takes to grow.
 *
 * Prints "plug-watch: begin" when MemTotal has reached FROM_KB and "plug-watch: end N us" when it has reached TO_KB, N
 * by this guest's monotonic clock in between. A first look that already finds FROM_KB is an error: the count would start
 * too late. With `poweroff` it is a guest's PID 1, whose end is the guest's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 10, OVERDUE_US = 120 * 1000000, LINGER_MS = 500 };

static long long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static unsigned long long total_kb(void) {
  struct sysinfo info;
  return sysinfo(&info) == 0 ? (unsigned long long)info.totalram * info.mem_unit >> 10 : 0;
}

static void wait_ms(long ms) {
  const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

static int watch(unsigned long long from, unsigned long long to) {
  const long long started = now_us();
  if (total_kb() >= from) return puts("plug-watch: too late: the memory was there before the first look"), 1;
  while (total_kb() < from) {
    if (now_us() - started > OVERDUE_US) return puts("plug-watch: the memory did not come"), 1;
    wait_ms(LOOK_EVERY_MS);
  }
  const long long begin = now_us();
  puts("plug-watch: begin");
  while (total_kb() < to) {
    if (now_us() - begin > OVERDUE_US) return puts("plug-watch: the memory did not all come"), 1;
    wait_ms(LOOK_EVERY_MS);
  }
  printf("plug-watch: end %lld us\n", now_us() - begin);
  wait_ms(LINGER_MS); /* whoever measures from outside looks at this guest's process now */
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return fputs("usage: plug_watch FROM_KB TO_KB [poweroff]\n", stderr), 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  const int status = watch(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
  if (argc > 3 && strcmp(argv[3], "poweroff") == 0) reboot(RB_POWER_OFF);
  return status;
}
