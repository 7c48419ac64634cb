// Names for code that mean the same in every process of one binary: {module, offset of a trampoline}.
//
// A function is never named by its type: lambdas of two files can share a mangled name. A trampoline is a function template
// instantiated for the user's type; its offset in its module is unique. Trampolines register themselves while the module is
// loaded, so that an offset from outside is only ever called when it is one of them and of the expected kind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace salamander::core {

/// What a trampoline is for; a token of one kind is never called as another.
enum class code_kind : std::uint8_t { node, action, partitioner, cache };

using code_address = void (*)();

/// The name of a trampoline on the wire.
struct code_token {
  std::uint16_t module = 0;
  std::uint64_t offset = 0;
};

/// A part of the process image that holds registered code, with the id that the linker gave it.
struct code_module {
  std::string build_id; ///< lower-case hexadecimal; empty if the file was linked without --build-id
  std::string path;

  friend bool operator==(const code_module& a, const code_module& b) {
    return a.build_id == b.build_id;
  }
};

/// Called by static initialisation. Threads: any.
bool register_code(code_address address, code_kind kind);

/// The modules that hold registered code, in a fixed order for this process; tokens index it. Threads: any.
const std::vector<code_module>& code_modules();

/// Errors: errc::internal for an address that was never registered.
code_token token_of_code(code_address address, code_kind kind);

/// The address behind a token of *this* process's module table.
/// Errors: errc::code_refused when the module is unknown or the offset is not a registered trampoline of that kind.
code_address code_at(code_token token, code_kind kind);

/// Compares another process's module table with this one's.
/// Returns an empty text when they are the same build, else one that names both ids and paths.
std::string describe_build_mismatch(const std::vector<code_module>& theirs);

/// Makes `Function` callable by token; naming this variable instantiates and registers it.
template <auto Function, code_kind Kind>
inline const bool code_registered = register_code(reinterpret_cast<code_address>(Function), Kind);

template <auto Function, code_kind Kind>
code_token token_for() {
  static_cast<void>(code_registered<Function, Kind>);
  return token_of_code(reinterpret_cast<code_address>(Function), Kind);
}

} // namespace salamander::core
