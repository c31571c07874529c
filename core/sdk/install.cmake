# The component `sdk` of an installation, with what find_package and pkg-config look for. All of it lies in include and
# share, and finds the rest from where it lies itself, so the tree may be moved.

# Whoever looks for the SDK asks for a version of the ABI.
foreach(part MAJOR MINOR)
  file(STRINGS include/sporehost/abi.h line REGEX "^#define SPORE_ABI_${part} ")
  string(REGEX MATCH "[0-9]+" SPOREHOST_ABI_${part} "${line}")
endforeach()
set(SPOREHOST_ABI_VERSION ${SPOREHOST_ABI_MAJOR}.${SPOREHOST_ABI_MINOR})

set(SPOREHOST_SDK_DIR ${CMAKE_INSTALL_DATADIR}/sporehost)
set(SPOREHOST_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/sporehost/plugins) # where an installed host looks
set(SPOREHOST_CMAKE_DIR ${CMAKE_INSTALL_DATADIR}/cmake/sporehost)
if(APPLE) # whose linker has no version scripts, and refuses by itself what is missing
  set(SPOREHOST_LINK_FLAGS -bundle)
else()
  set(SPOREHOST_LINK_FLAGS "-shared -Wl,-z,defs -Wl,--version-script=\${map}")
endif()

include(CMakePackageConfigHelpers)
configure_package_config_file(sporehost-config.cmake.in sporehost-config.cmake INSTALL_DESTINATION ${SPOREHOST_CMAKE_DIR}
  PATH_VARS SPOREHOST_SDK_DIR SPOREHOST_PLUGIN_DIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sporehost-config-version.cmake VERSION ${SPOREHOST_ABI_VERSION}
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
configure_file(sporehost-sdk.pc.in sporehost-sdk.pc @ONLY)

install(TARGETS sporehost_sdk EXPORT sporehost-targets COMPONENT sdk)
set_target_properties(sporehost_sdk PROPERTIES EXPORT_NAME sdk)
install(EXPORT sporehost-targets NAMESPACE sporehost:: DESTINATION ${SPOREHOST_CMAKE_DIR} COMPONENT sdk)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sporehost-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/sporehost-config-version.cmake
  DESTINATION ${SPOREHOST_CMAKE_DIR} COMPONENT sdk)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sporehost-sdk.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig COMPONENT sdk)
install(DIRECTORY include/sporehost DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
install(FILES SporehostPlugin.cmake plugin.map DESTINATION ${SPOREHOST_SDK_DIR} COMPONENT sdk)
install(DIRECTORY templates DESTINATION ${SPOREHOST_SDK_DIR} COMPONENT sdk)
# What the headers and templates point to.
set(root ${CMAKE_CURRENT_SOURCE_DIR}/../..)
install(FILES ${root}/docs/sdk.md ${root}/docs/memory-policies.md ${root}/LICENSE ${root}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/sporehost COMPONENT sdk)
