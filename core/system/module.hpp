// Parts of the program that few starts need, each in a shared object of its own.
//
// Each library that the program is linked with costs every start time and memory, also the starts (nearly all) that
// make no use of it. So what needs such libraries lies in a module, lib/sporehost/NAME.so, that is loaded when the part
// is first used. A module is a part of the program and no plugin: both are of one build, which a version says.
//
// A module defines one function, extern "C", that returns its table: a struct of function pointers whose first member
// is `const char* version`, set to SPORE_MODULE_VERSION.
#pragma once

#include <sporehost/result.hpp>

namespace sporehost {

struct ModuleName {
  const char* file;    // "sporehost-https.so"
  const char* entry;   // the function that returns the table
  const char* purpose; // what cannot be done without it, the beginning of a message: "a download"
};

// The table of the module, loaded now if it was not before; it stays until the process ends. [any] Errors:
// SPORE_E_NOT_FOUND, SPORE_E_INTERNAL it does not load, SPORE_E_UNSUPPORTED it is of another version.
[[nodiscard]] spore::Result<const void*> load_module_table(const ModuleName& name);

// The same for a table type with a static member `name`.
template <typename Table>
[[nodiscard]] spore::Result<const Table*> load_module() {
  SPORE_TRY(const void* table, load_module_table(Table::name));
  return static_cast<const Table*>(table);
}

} // namespace sporehost
