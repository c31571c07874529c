# What find_package gives scripts/check-macos: for each library a target with the headers alone. A program linked with
# these leaves their functions to be looked up when it is loaded.
function(spore_headers_only)
  foreach(name ${ARGN})
    if(NOT TARGET ${name})
      add_library(${name} INTERFACE IMPORTED GLOBAL)
      target_include_directories(${name} SYSTEM INTERFACE ${SPORE_MACOS_ROOT}/include)
    endif()
  endforeach()
endfunction()

# find_package(NAME ...): Threads is the system's own; pkg_check_modules comes with PkgConfig.
macro(spore_provide method name)
  if("${name}" STREQUAL "Threads")
    find_package(Threads BYPASS_PROVIDER ${ARGN})
  else()
    spore_headers_only(Poco::Foundation Poco::Util Poco::Net Poco::NetSSL Poco::Crypto yaml-cpp nlohmann_json::nlohmann_json
      valijson spdlog::spdlog_header_only fmt::fmt ZLIB::ZLIB LibLZMA::LibLZMA)
    set(${name}_FOUND TRUE)
  endif()
endmacro()

function(pkg_check_modules prefix)
  spore_headers_only(PkgConfig::${prefix})
endfunction()

cmake_language(SET_DEPENDENCY_PROVIDER spore_provide SUPPORTED_METHODS FIND_PACKAGE)
set(SPORE_FDT_INCLUDE ${SPORE_MACOS_ROOT}/include CACHE PATH "")
set(SPORE_FDT_LIBRARY "" CACHE STRING "")
