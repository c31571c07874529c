# Cross-compiling for macOS on arm64: SPORE_MACOS_ROOT is the folder that scripts/check-macos makes, with the compiler's
# programs in bin and the headers of the libraries in include. What is linked is looked at and never run.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
# The compiler checks run in projects of their own, which see nothing but what is named here.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SPORE_MACOS_ROOT)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # a program would first need the whole C++ library built

set(CMAKE_C_COMPILER ${SPORE_MACOS_ROOT}/bin/cc)
set(CMAKE_CXX_COMPILER ${SPORE_MACOS_ROOT}/bin/c++)
set(CMAKE_ASM_COMPILER ${SPORE_MACOS_ROOT}/bin/cc)
set(CMAKE_AR ${SPORE_MACOS_ROOT}/bin/ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${SPORE_MACOS_ROOT}/bin/ranlib CACHE FILEPATH "")
