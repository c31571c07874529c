// Looks at the guest's memory from inside the guest. Static; the tests' initrd carries it.
//
//   memory_check fill MIB   writes a pattern to that much memory, reads it back, gives it back to the kernel
//   memory_check scan       counts what the pages of plugged memory hold now, free ones included, by /proc/kcore
//
// A process never sees what was in a page before it: the kernel zeroes it first. /proc/kcore shows the kernel's own
// view of all memory, so a page that nobody has touched since it was plugged shows what the host put there.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kPage = 4096, kWords = kPage / sizeof(uint64_t), kChunk = 1 << 20 };
static const uint64_t kPattern = 0x5eed0f5b0ce50057;
// Where plugged memory begins: above 4 GiB on x86-64, behind the 512 MiB at 1 GiB on arm64.
#if defined(__aarch64__)
static const uint64_t kAbove = UINT64_C(0x60000000);
#else
static const uint64_t kAbove = UINT64_C(4) << 30;
#endif

static int fail(const char* what) {
  fprintf(stderr, "memory_check: %s: %s\n", what, strerror(errno));
  return 1;
}

static int fill(size_t mib) {
  const size_t words = (mib << 20) / sizeof(uint64_t);
  uint64_t* memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail("mmap");
  for (size_t i = 0; i < words; i += kWords) {
    for (size_t j = 0; j < kWords; ++j) memory[i + j] = kPattern;
    memory[i + kWords - 1] = i;
  }
  for (size_t i = 0; i < words; i += kWords) {
    for (size_t j = 0; j < kWords - 1; ++j)
      if (memory[i + j] != kPattern) return fprintf(stderr, "memory_check: word %zu is damaged\n", i + j), 1;
    if (memory[i + kWords - 1] != i) return fprintf(stderr, "memory_check: page %zu is another\n", i / kWords), 1;
  }
  printf("filled %zu MiB and read it back\n", mib);
  return 0;
}

struct Counts {
  unsigned long zero, pattern, other;
};

static void look(const uint64_t* page, struct Counts* counts) {
  static const uint64_t zeros[kWords];
  if (page[0] == kPattern && page[1] == kPattern)
    ++counts->pattern;
  else if (memcmp(page, zeros, kPage) == 0)
    ++counts->zero;
  else
    ++counts->other;
}

static int scan_segment(int fd, const Elf64_Phdr* segment, struct Counts* counts) {
  static uint64_t chunk[kChunk / sizeof(uint64_t)];
  for (uint64_t at = 0; at < segment->p_filesz; at += kChunk) {
    const size_t wanted = segment->p_filesz - at < kChunk ? segment->p_filesz - at : kChunk;
    if (pread(fd, chunk, wanted, (off_t)(segment->p_offset + at)) != (ssize_t)wanted) return fail("read /proc/kcore");
    for (size_t i = 0; i + kPage <= wanted; i += kPage) look(chunk + i / sizeof(uint64_t), counts);
  }
  return 0;
}

static int scan(void) {
  struct Counts counts = {0, 0, 0};
  Elf64_Ehdr header;
  const int fd = open("/proc/kcore", O_RDONLY);
  if (fd < 0 || read(fd, &header, sizeof header) != sizeof header) return fail("/proc/kcore");
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof segment);
    if (pread(fd, &segment, sizeof segment, at) != sizeof segment) return fail("/proc/kcore");
    // Only the direct map of RAM has a physical address.
    if (segment.p_type != PT_LOAD || segment.p_paddr == UINT64_MAX || segment.p_paddr < kAbove) continue;
    if (scan_segment(fd, &segment, &counts) != 0) return 1;
  }
  close(fd);
  printf("scan zero=%lu pattern=%lu other=%lu\n", counts.zero, counts.pattern, counts.other);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "fill") == 0) return fill(strtoul(argv[2], NULL, 10));
  if (argc == 2 && strcmp(argv[1], "scan") == 0) return scan();
  fputs("usage: memory_check fill MIB | scan\n", stderr);
  return 2;
}
