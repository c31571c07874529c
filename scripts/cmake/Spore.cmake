# How every target of the project is compiled, and the few functions that declare them.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(SPORE_PLUGIN_DIR ${CMAKE_BINARY_DIR}/plugins)
set(SPORE_SANITIZE "" CACHE STRING "Value for -fsanitize=, or empty")
set(SPORE_TEST_PREFIX "" CACHE STRING "What the names of tests begin with, where several build trees are tested at once")
option(SPORE_GROWN "Build the host as if a later minor version had made every struct of the ABI longer, and the plugins as they are" OFF)
option(SPORE_FUZZER "Build the fuzz targets with libFuzzer (clang), and everything else so that it can see what they reach" OFF)

find_package(Threads REQUIRED)
find_program(SPORE_CCACHE ccache)
if(SPORE_CCACHE) # what it keeps serves every clone, whatever folder that is in
  set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${SPORE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()

add_compile_options(-Wall -Wextra -Werror $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2> -fstack-protector-strong)
if(NOT APPLE)
  add_link_options($<$<NOT:$<CONFIG:Debug>>:-Wl,--compress-debug-sections=zlib>)
endif()
if(SPORE_SANITIZE)
  add_compile_options(-fsanitize=${SPORE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SPORE_SANITIZE})
endif()

if(SPORE_GROWN) # what names the fields of today's structs names not all of them
  add_compile_options(-Wno-missing-field-initializers)
endif()

if(SPORE_FUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Makes a part of the host, or a test that is one, know of a later version's fields: see SPORE_LATER_FIELDS in abi.h.
function(spore_grow name)
  if(SPORE_GROWN)
    target_compile_definitions(${name} PUBLIC SPORE_GROWN)
  endif()
endfunction()

# spore_library(NAME SOURCES a.cpp ... [LIBS target ...]): one folder of the core, as a static library.
function(spore_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC sporehost_sdk ${ARG_LIBS})
  spore_grow(${name})
endfunction()

# spore_module(NAME SOURCES a.cpp ... [LIBS target ...]): a part of the program that is loaded on first use; see
# core/system/module.hpp.
function(spore_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  if(NOT SPORE_FUZZER AND NOT APPLE) # whose counters are the program's; and whose linker refuses by itself
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  target_compile_definitions(${name} PRIVATE SPORE_MODULE_VERSION="${PROJECT_VERSION}")
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/sporehost)
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/sporehost)
endfunction()

# spore_plugin(NAME SOURCES a.cpp ... [LIBS target ...]): one plugin. It sees the SDK and nothing else of the core.
function(spore_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  sporehost_add_plugin(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${SPORE_PLUGIN_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  set_property(GLOBAL APPEND PROPERTY SPORE_PLUGINS ${name})
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/sporehost/plugins)
endfunction()

# spore_test(NAME SOURCES a.cpp ... [LIBS target ...] [LABEL tier] [TRIALS]): one GoogleTest program, one ctest entry a case.
# With TRIALS, the cases that have "Trial" in their names get the label soak, and scripts/soak sets their time limit.
# Parameters do not show in the names: some print as bytes with addresses in them, which differ from run to run.
function(spore_test name)
  cmake_parse_arguments(ARG "TRIALS" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE sporehost_sdk ${ARG_LIBS} GTest::gtest_main GTest::gmock)
  set(others "")
  if(ARG_TRIALS)
    set(others TEST_FILTER "-*Trial*")
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX "${SPORE_TEST_PREFIX}"
      TEST_FILTER "*Trial*" PROPERTIES LABELS soak)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX "${SPORE_TEST_PREFIX}"
    ${others} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
