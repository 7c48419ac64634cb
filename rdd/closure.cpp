#include <salamander/rdd/closure.hpp>

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/error.hpp>

#include <cstdio>
#include <fstream>

namespace salamander {

call_site call_site::from(const source_location& where) {
  std::string_view path = where.file_name();
  if (const auto slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  return {std::string(path), where.line()};
}

std::string call_site::text() const {
  return file + ':' + std::to_string(line);
}

namespace core {
namespace {

struct mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string name;
};

std::vector<mapping> memory_map() {
  std::vector<mapping> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    mapping one;
    int name_at = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %*s %n", &one.begin, &one.end, &name_at) < 2)
      continue;
    if (name_at > 0 && static_cast<std::size_t>(name_at) < line.size())
      one.name = line.substr(static_cast<std::size_t>(name_at));
    all.push_back(std::move(one));
  }
  return all;
}

std::string kind_of(const mapping& where) {
  if (where.name == "[stack]")
    return "the stack (a local variable, or `this` of one)";
  if (where.name.empty() || where.name == "[heap]")
    return "allocated memory (`this`, a string_view, a span or a raw pointer)";
  return "the program image " + where.name + " (a string literal, a global or a function)";
}

} // namespace

void refuse_pointers(const void* closure, std::size_t size, const char* operation, const source_location& where) {
  if (size < sizeof(std::uintptr_t))
    return;
  std::vector<mapping> map;
  for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= size; at += sizeof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, static_cast<const std::byte*>(closure) + at, sizeof word);
    // User space ends at 2^47, and the first page is never mapped: most numbers need no look at the map.
    if (word < 4096 || word >> 47 != 0)
      continue;
    if (map.empty())
      map = memory_map();
    for (const auto& one : map)
      if (word >= one.begin && word < one.end)
        throw_error(errc::closure_refused,
                    std::string("the function given to ") + operation + " at " + call_site::from(where).text() +
                        " captures a pointer into " + kind_of(one) + ", at byte " + std::to_string(at) +
                        " of its captures; another process cannot follow it. Capture the value itself, or pass it by sal::bind_front");
  }
}

} // namespace core
} // namespace salamander
