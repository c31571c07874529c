// Proves that /dev/kvm runs guest code: a VM with one page of real-mode code that writes a byte to a port and halts.
// Prints "kvm_smoke: OK" and ends with 0 when both exits arrive as they should; says what was wrong and ends with 1
// else. Build it static, so that it runs wherever a kernel does: cc -O1 -static -o kvm_smoke tests/support/kvm_smoke.c
// On arm64 the guest stores a byte to an address without memory behind it and the exit is an MMIO one.

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, CODE_GPA = 0x1000, PORT = 0x3f8, MARK = 0x5a, MMIO_GPA = 0x10000000 };

static int check(int value, const char* what) {
  if (value < 0) {
    fprintf(stderr, "kvm_smoke: %s failed: %s\n", what, strerror(errno));
    exit(1);
  }
  return value;
}

#if defined(__x86_64__)

static const uint8_t code[] = {
    0xba, PORT & 0xff, PORT >> 8, // mov dx, PORT
    0xb0, MARK,                   // mov al, MARK
    0xee,                         // out dx, al
    0xf4,                         // hlt
};

static void prepare(int vm, int vcpu) {
  (void)vm;
  struct kvm_sregs sregs;
  check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = CODE_GPA, .rflags = 2};
  check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static int is_mark(const struct kvm_run* run) {
  return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.port == PORT &&
         run->io.size == 1 && run->io.count == 1 && *((const uint8_t*)run + run->io.data_offset) == MARK;
}

static int is_end(const struct kvm_run* run) {
  return run->exit_reason == KVM_EXIT_HLT;
}

#elif defined(__aarch64__)

static const uint32_t code[] = {
    0xd2a00000 | ((MMIO_GPA >> 16) << 5), // movz x0, #MMIO_GPA >> 16, lsl #16
    0x52800001 | (MARK << 5),             // movz w1, #MARK
    0x39000001,                           // strb w1, [x0]
    0xd2800100 | 0,                       // movz x0, #8 (low half of PSCI SYSTEM_OFF)
    0xf2b08000,                           // movk x0, #0x8400, lsl #16
    0xd4000002,                           // hvc #0
};

static void prepare(int vm, int vcpu) {
  struct kvm_vcpu_init init;
  check(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
  init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
  check(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
  uint64_t pc = CODE_GPA;
  struct kvm_one_reg reg = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
                            .addr = (uint64_t)(uintptr_t)&pc};
  check(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG pc");
}

static int is_mark(const struct kvm_run* run) {
  return run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.phys_addr == MMIO_GPA &&
         run->mmio.len == 1 && run->mmio.data[0] == MARK;
}

static int is_end(const struct kvm_run* run) {
  return run->exit_reason == KVM_EXIT_SYSTEM_EVENT && run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN;
}

#else
#error "kvm_smoke knows x86-64 and arm64"
#endif

static void expect_exit(int vcpu, const struct kvm_run* run, int (*expected)(const struct kvm_run*), const char* what) {
  check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
  if (!expected(run)) {
    fprintf(stderr, "kvm_smoke: expected %s, got exit reason %u\n", what, run->exit_reason);
    exit(1);
  }
}

int main(void) {
  const int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
  const int version = check(ioctl(kvm, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
  if (version != KVM_API_VERSION) {
    fprintf(stderr, "kvm_smoke: the API version is %d, not %d\n", version, KVM_API_VERSION);
    return 1;
  }
  const int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  void* page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    check(-1, "mmap of the guest page");
  }
  memcpy(page, code, sizeof(code));
  struct kvm_userspace_memory_region slot = {
      .guest_phys_addr = CODE_GPA, .memory_size = PAGE, .userspace_addr = (uint64_t)(uintptr_t)page};
  check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
  const int vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  const int size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
  const struct kvm_run* run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (run == MAP_FAILED) {
    check(-1, "mmap of kvm_run");
  }
  prepare(vm, vcpu);
  expect_exit(vcpu, run, is_mark, "the guest's byte");
  expect_exit(vcpu, run, is_end, "the guest's end");
  printf("kvm_smoke: OK\n");
  return 0;
}
