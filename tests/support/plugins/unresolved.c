/* Calls a function that exists nowhere. */
#include <sporehost/abi.h>

const spore_plugin* nowhere_to_be_found(void);

const spore_plugin* sporehost_plugin_entry(void);
const spore_plugin* sporehost_plugin_entry(void) {
  return nowhere_to_be_found();
}
