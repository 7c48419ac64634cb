#include <salamander/actors/cluster/launch.hpp>

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace salamander::actors {
namespace {

constexpr std::string_view executor_magic = "salamander executor launch 1\n";
constexpr std::string_view driver_magic = "salamander driver launch 1\n";

template <class Launch>
std::string encode(const Launch& what, std::string_view magic) {
  core::byte_buffer bytes;
  core::byte_writer out(bytes);
  out.raw(magic.data(), magic.size());
  core::write_value(out, what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Launch>
Launch decode(const std::string& bytes, std::string_view magic) {
  if (!bytes.starts_with(magic))
    core::throw_error(errc::corrupt_data, "what was said about how to start a process is of another version, or damaged");
  core::byte_reader in(std::as_bytes(std::span(bytes)).subspan(magic.size()));
  auto what = core::read_value<Launch>(in);
  if (in.left() != 0)
    core::throw_error(errc::corrupt_data, "what was said about how to start a process is longer than it says");
  return what;
}

/// What the system would cut short, or take for something else.
void check_text(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const auto has_zero = [](const std::string& one) { return one.find('\0') != std::string::npos; };
  if (std::ranges::any_of(arguments, has_zero) || std::ranges::any_of(environment, has_zero))
    core::throw_error(errc::corrupt_data, "an argument or a variable of the environment has a zero byte");
  for (const auto& one : environment)
    if (one.find('=') == 0 || one.find('=') == std::string::npos)
      core::throw_error(errc::corrupt_data, "a variable of the environment has no name");
}

template <class Number>
Number number_of(const std::map<std::string, std::string>& values, const std::string& name) {
  const auto& text = values.at(name);
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    core::throw_error(errc::corrupt_data, "the placement's " + name + " is no number");
  return value;
}

} // namespace

std::string encode_launch(const executor_launch& what) {
  return encode(what, executor_magic);
}

std::string encode_launch(const driver_launch& what) {
  return encode(what, driver_magic);
}

executor_launch decode_executor_launch(const std::string& bytes) {
  auto what = decode<executor_launch>(bytes, executor_magic);
  if (what.arguments.empty())
    core::throw_error(errc::corrupt_data, "an executor has no name of its program");
  check_text(what.arguments, what.environment);
  return what;
}

driver_launch decode_driver_launch(const std::string& bytes) {
  auto what = decode<driver_launch>(bytes, driver_magic);
  check_text(what.arguments, what.environment);
  for (const auto& [key, value] : what.settings)
    if (key.empty() || key.find_first_of(std::string_view("= \t\r\n#\0", 7)) != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      core::throw_error(errc::corrupt_data, "a setting of a driver is more than a line");
  return what;
}

std::string placement_text(const executor_placement& where) {
  for (const auto* one : {&where.orders, &where.application, &where.directory, &where.work, &where.host})
    if (one->empty() || one->find('\n') != std::string::npos)
      core::throw_error(errc::corrupt_data, "a part of an executor's placement is empty or more than a line");
  std::string text;
  const auto add = [&](const char* name, const std::string& value) { text += std::string(name) + "=" + value + "\n"; };
  add("orders", where.orders);
  add("application", where.application);
  add("executor", std::to_string(where.executor));
  add("incarnation", std::to_string(where.incarnation));
  add("cores", std::to_string(where.cores));
  add("memory", std::to_string(where.memory_bytes));
  add("directory", where.directory);
  add("work", where.work);
  add("host", where.host);
  add("parent", std::to_string(where.parent));
  return text;
}

executor_placement parse_placement(const std::string& text) {
  std::map<std::string, std::string> values;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    const auto line = text.substr(begin, end - begin);
    const auto mark = line.find('=');
    if (end == std::string::npos || mark == std::string::npos)
      core::throw_error(errc::corrupt_data, "a line of the placement has no end or no value");
    if (!values.emplace(line.substr(0, mark), line.substr(mark + 1)).second)
      core::throw_error(errc::corrupt_data, "the placement says " + line.substr(0, mark) + " twice");
    begin = end + 1;
  }
  for (const char* name : {"orders", "application", "executor", "incarnation", "cores", "memory", "directory", "work", "host", "parent"})
    if (const auto at = values.find(name); at == values.end() || at->second.empty())
      core::throw_error(errc::corrupt_data, std::string("the placement does not say ") + name);
  executor_placement where;
  where.orders = values.at("orders");
  where.application = values.at("application");
  where.executor = number_of<std::uint32_t>(values, "executor");
  where.incarnation = number_of<std::uint64_t>(values, "incarnation");
  where.cores = number_of<std::uint32_t>(values, "cores");
  where.memory_bytes = number_of<std::uint64_t>(values, "memory");
  where.directory = values.at("directory");
  where.work = values.at("work");
  where.host = values.at("host");
  where.parent = number_of<std::int64_t>(values, "parent");
  return where;
}

} // namespace salamander::actors
