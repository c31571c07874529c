/* measure PROGRAM [ARGUMENT...]: runs it and prints "STATUS CPU_US WALL_US PEAK_KB" to descriptor 3.
 *
 * CPU time is user and system time of the process and all it waited for; the peak is of resident memory. Linux counts the
 * peak of whoever forked into it until exec, so the one who forks has to be small: this, and not an interpreter. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long to_us(struct timeval time) {
  return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char** argv) {
  if (argc < 2) return fputs("usage: measure PROGRAM [ARGUMENT...]\n", stderr), 2;
  const long long begin = now_us();
  const pid_t child = fork();
  if (child < 0) return perror("measure: fork"), 2;
  if (child == 0) {
    close(3);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    _exit(127);
  }
  int status = 0;
  struct rusage used;
  if (wait4(child, &status, 0, &used) != child) return perror("measure: wait4"), 2;
  const long long wall = now_us() - begin;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return dprintf(3, "%d %lld %lld %ld\n", code, to_us(used.ru_utime) + to_us(used.ru_stime), wall, used.ru_maxrss) < 0;
}
