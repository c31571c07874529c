/* plug_run RESULT COMMAND...: runs a VMM whose guest runs plug_watch and says what its process used in the meantime.
 *
 * RESULT becomes a JSON object: the guest's own count, and by how much these have grown between plug_watch's two lines: the
 * process' processor time (the guest's included, which Linux counts as the vCPU thread's), the kernel's part of it, and that
 * of the threads that are no vCPU; then, at the second line, KVM's count of large pages (-1: not told) and the huge pages
 * behind mappings of 1 GiB and more. The command's output goes to standard error. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct used {
  long cpu_ms, kernel_ms, others_us;
};

static FILE* open_of(long pid, const char* name) {
  char path[400];
  snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
  return fopen(path, "r");
}

/* Fields 14 and 15 of /proc/PID/stat, in clock ticks; the name in field 2 may hold anything but ends with ')'. */
static void read_times(long pid, struct used* out) {
  char text[2048];
  FILE* file = open_of(pid, "stat");
  if (file == NULL) return;
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  const char* rest = strrchr(text, ')');
  long ticks[16] = {0};
  int field = 2;
  for (char* word = rest ? strtok((char*)rest + 1, " ") : NULL; word && ++field < 16; word = strtok(NULL, " "))
    ticks[field] = strtol(word, NULL, 10);
  const long tick_ms = 1000 / sysconf(_SC_CLK_TCK);
  out->cpu_ms = (ticks[14] + ticks[15]) * tick_ms;
  out->kernel_ms = ticks[15] * tick_ms;
}

/* sporehost calls its vCPUs "vcpu0", QEMU "CPU 0/KVM". */
static int is_vcpu(long pid, const char* task) {
  char name[300], comm[64] = "";
  snprintf(name, sizeof name, "task/%s/comm", task);
  FILE* file = open_of(pid, name);
  if (file == NULL) return 1;
  if (fgets(comm, sizeof comm, file) == NULL) comm[0] = '\0';
  fclose(file);
  return strncmp(comm, "vcpu", 4) == 0 || strncmp(comm, "CPU ", 4) == 0;
}

static long others_us(long pid) {
  char path[64];
  long long total = 0;
  snprintf(path, sizeof path, "/proc/%ld/task", pid);
  DIR* tasks = opendir(path);
  if (tasks == NULL) return 0;
  for (struct dirent* task; (task = readdir(tasks)) != NULL;) {
    if (!isdigit((unsigned char)task->d_name[0]) || is_vcpu(pid, task->d_name)) continue;
    char name[300];
    long long ns = 0;
    snprintf(name, sizeof name, "task/%s/schedstat", task->d_name);
    FILE* file = open_of(pid, name);
    if (file == NULL) continue;
    if (fscanf(file, "%lld", &ns) == 1) total += ns;
    fclose(file);
  }
  closedir(tasks);
  return total / 1000;
}

static struct used sample(long pid) {
  struct used now = {0};
  read_times(pid, &now);
  now.others_us = others_us(pid);
  return now;
}

static long pages_2m(void) {
  long count = -1;
  FILE* file = fopen("/sys/kernel/debug/kvm/pages_2m", "r");
  if (file == NULL) return -1;
  if (fscanf(file, "%ld", &count) != 1) count = -1;
  fclose(file);
  return count;
}

/* Neighbours with the same rights are one mapping, so the region's plugged part is one, and larger than boot memory. */
static long huge_kb(long pid) {
  char line[512];
  unsigned long start, end, size = 0;
  long kb, total = 0;
  FILE* smaps = open_of(pid, "smaps");
  if (smaps == NULL) return -1;
  while (fgets(line, sizeof line, smaps) != NULL) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) size = end - start;
    if (sscanf(line, "AnonHugePages: %ld", &kb) == 1 && size >> 30 != 0) total += kb;
  }
  fclose(smaps);
  return total;
}

int main(int argc, char** argv) {
  int out[2], status = 0;
  if (argc < 3) return fputs("usage: plug_run RESULT COMMAND...\n", stderr), 2;
  if (pipe2(out, O_CLOEXEC) != 0) return perror("plug_run: pipe"), 2;
  const pid_t child = fork();
  if (child < 0) return perror("plug_run: fork"), 2;
  if (child == 0) {
    dup2(out[1], 1);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  close(out[1]);
  FILE* lines = fdopen(out[0], "r");
  char line[4096];
  struct used begin = {0}, end = {0};
  long guest_us = -1, pages = -1, huge = -1;
  while (fgets(line, sizeof line, lines) != NULL) {
    if (strstr(line, "plug-watch: begin")) begin = sample(child);
    const char* told = strstr(line, "plug-watch: end ");
    if (told) {
      end = sample(child);
      guest_us = strtol(told + 16, NULL, 10);
      pages = pages_2m();
      huge = huge_kb(child);
    }
    fputs(line, stderr);
  }
  waitpid(child, &status, 0);
  FILE* result = fopen(argv[1], "w");
  if (result == NULL) return perror(argv[1]), 2;
  fprintf(result,
          "{\"status\": %d, \"plug_us\": %ld, \"cpu_ms\": %ld, \"kernel_ms\": %ld, \"others_us\": %ld, "
          "\"pages_2m\": %ld, \"huge_kb\": %ld}\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), guest_us, end.cpu_ms - begin.cpu_ms,
          end.kernel_ms - begin.kernel_ms, end.others_us - begin.others_us, pages, huge);
  return fclose(result) != 0;
}
