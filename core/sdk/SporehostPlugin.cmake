# For plugin builds, the project's own and strangers'.

# sporehost_plugin_properties(TARGET): makes a MODULE target a well-formed sporehost plugin.
#
# The version script hides everything but the entry point. Hidden visibility alone would still export GNU_UNIQUE
# symbols (statics of inline functions and templates), and a plugin that has one is never unloaded.
function(sporehost_plugin_properties target)
  # Set here, as the callers' folders do not see the variables of this one.
  set(SPOREHOST_PLUGIN_MAP ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden
    C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${SPOREHOST_PLUGIN_MAP})
  if(NOT APPLE)
    target_link_options(${target} PRIVATE -Wl,--version-script=${SPOREHOST_PLUGIN_MAP} -Wl,-z,defs)
  endif()
endfunction()

# sporehost_add_plugin(NAME a.cpp ...): the plugin NAME.so, built from these sources against the SDK.
function(sporehost_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE sporehost::sdk)
  sporehost_plugin_properties(${name})
endfunction()
