# Cross-building for arm64 Linux with Debian's compiler and the sysroot that scripts/arm64-sysroot makes.
# SPORE_SYSROOT (variable or environment) names another sysroot.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

if(NOT SPORE_SYSROOT)
  if(DEFINED ENV{SPORE_SYSROOT})
    set(SPORE_SYSROOT $ENV{SPORE_SYSROOT})
  else()
    execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../arm64-sysroot
      OUTPUT_VARIABLE SPORE_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "scripts/arm64-sysroot failed; its messages are above")
    endif()
  endif()
endif()
# The compiler checks run in projects of their own, which see nothing but what is named here.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SPORE_SYSROOT)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT ${SPORE_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Libraries of libraries are found as the guest's loader will find them.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${SPORE_SYSROOT}/lib/aarch64-linux-gnu:${SPORE_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(CMAKE_MODULE_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})

set(CMAKE_FIND_ROOT_PATH ${SPORE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${SPORE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${SPORE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${SPORE_SYSROOT}/usr/share/pkgconfig)

# Tests run under user-mode emulation.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static;-L;${SPORE_SYSROOT})
