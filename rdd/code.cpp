#include <salamander/rdd/code.hpp>

#include <salamander/rdd/error.hpp>

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace salamander::core {
namespace {

struct loaded_module {
  code_module module;
  std::uintptr_t base = 0;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> executable; ///< [begin, end)
};

struct registry {
  std::mutex mutex;
  std::unordered_map<std::uintptr_t, code_kind> entries;
  std::vector<loaded_module> modules;
  std::vector<code_module> table;
  std::size_t resolved = 0;
};

registry& the_registry() {
  static registry instance;
  return instance;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string build_id_of(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& header = info.dlpi_phdr[i];
    if (header.p_type != PT_NOTE)
      continue;
    const auto* at = reinterpret_cast<const unsigned char*>(info.dlpi_addr + header.p_vaddr);
    const auto* const end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const auto* const name = at + sizeof note;
      const auto* const data = name + ((note.n_namesz + 3U) & ~3U);
      if (data + note.n_descsz > end)
        break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return hex(data, note.n_descsz);
      at = data + ((note.n_descsz + 3U) & ~3U);
    }
  }
  return {};
}

std::string own_path() {
  char buffer[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : "unknown";
}

int collect_module(dl_phdr_info* info, std::size_t, void* out) {
  loaded_module found;
  found.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0)
      found.executable.emplace_back(found.base + header.p_vaddr, found.base + header.p_vaddr + header.p_memsz);
  }
  found.module.build_id = build_id_of(*info);
  found.module.path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : own_path();
  static_cast<std::vector<loaded_module>*>(out)->push_back(std::move(found));
  return 0;
}

bool holds(const loaded_module& module, std::uintptr_t address) {
  return std::ranges::any_of(module.executable, [&](const auto& part) { return address >= part.first && address < part.second; });
}

/// Keeps only modules that hold registered code; the executable comes first, the others by build-id.
void resolve(registry& all) {
  if (all.resolved == all.entries.size())
    return;
  std::vector<loaded_module> loaded;
  ::dl_iterate_phdr(&collect_module, &loaded);
  for (auto& module : loaded) {
    const bool known = std::ranges::any_of(all.modules, [&](const auto& m) { return m.base == module.base; });
    const bool used = std::ranges::any_of(all.entries, [&](const auto& entry) { return holds(module, entry.first); });
    if (used && !known) {
      all.table.push_back(module.module);
      all.modules.push_back(std::move(module));
    }
  }
  all.resolved = all.entries.size();
}

} // namespace

bool register_code(code_address address, code_kind kind) {
  auto& all = the_registry();
  const std::lock_guard lock(all.mutex);
  all.entries.emplace(reinterpret_cast<std::uintptr_t>(address), kind);
  return true;
}

const std::vector<code_module>& code_modules() {
  auto& all = the_registry();
  const std::lock_guard lock(all.mutex);
  resolve(all);
  return all.table;
}

code_token token_of_code(code_address address, code_kind kind) {
  auto& all = the_registry();
  const std::lock_guard lock(all.mutex);
  const auto where = reinterpret_cast<std::uintptr_t>(address);
  const auto entry = all.entries.find(where);
  if (entry == all.entries.end() || entry->second != kind)
    throw_error(errc::internal, "a function was used that never registered itself");
  resolve(all);
  for (std::size_t i = 0; i < all.modules.size(); ++i)
    if (holds(all.modules[i], where))
      return {static_cast<std::uint16_t>(i), where - all.modules[i].base};
  throw_error(errc::internal, "a registered function lies in no loaded module");
}

code_address code_at(code_token token, code_kind kind) {
  auto& all = the_registry();
  const std::lock_guard lock(all.mutex);
  resolve(all);
  if (token.module >= all.modules.size())
    throw_error(errc::code_refused, "a plan names code of module " + std::to_string(token.module) + ", but this process has " +
                                        std::to_string(all.modules.size()) + " modules with salamander code");
  const auto where = all.modules[token.module].base + token.offset;
  const auto entry = all.entries.find(where);
  if (entry == all.entries.end() || entry->second != kind)
    throw_error(errc::code_refused, "a plan names code at offset " + std::to_string(token.offset) + " of " +
                                        all.modules[token.module].module.path +
                                        ", which is not a function registered for that purpose; nothing was called");
  return reinterpret_cast<code_address>(where);
}

std::string describe_build_mismatch(const std::vector<code_module>& theirs) {
  const auto& ours = code_modules();
  if (ours == theirs && std::ranges::none_of(ours, [](const auto& m) { return m.build_id.empty(); }))
    return {};
  std::string text = "the executor runs another build of this program (rebuild or restart it):";
  const auto list = [&text](const char* who, const std::vector<code_module>& modules) {
    for (const auto& module : modules)
      text += std::string("\n  ") + who + " has build-id " + (module.build_id.empty() ? "(none: link with --build-id)" : module.build_id) +
              " at " + module.path;
    if (modules.empty())
      text += std::string("\n  ") + who + " has no salamander code";
  };
  list("driver", ours);
  list("executor", theirs);
  return text;
}

} // namespace salamander::core
