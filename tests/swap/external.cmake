# The CMakeLists.txt of a plugin author, as docs/sdk.md shows it: two plugins, and nothing but the installed SDK. The second
# one takes the target and the rules apart.
cmake_minimum_required(VERSION 3.25)
project(swap-plugins LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(sporehost 1.0 CONFIG REQUIRED)
sporehost_add_plugin(policy-half policy-half.cpp)
add_library(virtio-mem MODULE virtio-mem.cpp)
target_link_libraries(virtio-mem PRIVATE sporehost::sdk)
sporehost_plugin_properties(virtio-mem)
message(STATUS "plugins go to ${SPOREHOST_PLUGIN_DIR}")
