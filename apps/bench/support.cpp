#include "support.hpp"

#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace bench {

arguments::arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json")
      json_ = true;
    else if (argument.starts_with("--")) {
      if (i + 1 == argc)
        throw std::invalid_argument(argument + " needs a value");
      options_.emplace_back(argument.substr(2), argv[++i]);
    } else
      positions_.push_back(argument);
  }
}

const std::string& arguments::position(std::size_t i, std::string_view what) const {
  if (i >= positions_.size())
    throw std::invalid_argument("missing argument: " + std::string(what));
  return positions_[i];
}

std::string arguments::option(std::string_view name, std::string_view otherwise) const {
  for (const auto& [key, value] : options_)
    if (key == name)
      return value;
  return std::string(otherwise);
}

std::size_t arguments::number(std::string_view name, std::size_t otherwise) const {
  const std::string text = option(name, "");
  return text.empty() ? otherwise : std::stoull(text);
}

double arguments::real(std::string_view name, double otherwise) const {
  const std::string text = option(name, "");
  return text.empty() ? otherwise : std::stod(text);
}

std::vector<std::string> arguments::options(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : options_)
    if (key == name)
      values.push_back(value);
  return values;
}

unsigned arguments::threads() const {
  const std::string master = option("master", "local[2]");
  if (!master.starts_with("local[") || !master.ends_with("]"))
    throw std::invalid_argument("--master must be local[N]: " + master);
  return static_cast<unsigned>(std::stoul(master.substr(6)));
}

mapped_file::mapped_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw std::system_error(errno, std::generic_category(), path);
  struct stat status {};
  ::fstat(file, &status);
  size_ = static_cast<std::size_t>(status.st_size);
  void* mapped = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  ::close(file);
  if (mapped == MAP_FAILED)
    throw std::system_error(error, std::generic_category(), path);
  data_ = static_cast<const char*>(mapped);
}

mapped_file::~mapped_file() {
  if (size_ != 0)
    ::munmap(const_cast<char*>(data_), size_);
}

std::string_view slice_at_lines(std::string_view text, unsigned part, unsigned parts) {
  const auto boundary = [&](unsigned i) {
    if (i == 0)
      return std::size_t{0};
    const std::size_t line_end = text.find('\n', text.size() * i / parts);
    return i == parts || line_end == std::string_view::npos ? text.size() : line_end + 1;
  };
  const std::size_t begin = boundary(part);
  return text.substr(begin, boundary(part + 1) - begin);
}

namespace {

template <class T>
T take(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{})
    throw std::runtime_error("not a number: " + std::string(text.substr(0, 40)));
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

} // namespace

double take_number(std::string_view& text) {
  return take<double>(text);
}
std::uint64_t take_integer(std::string_view& text) {
  return take<std::uint64_t>(text);
}

std::vector<matrix> read_rows(const std::string& path, unsigned threads) {
  const mapped_file file(path);
  std::string_view first = file.text().substr(0, file.text().find('\n'));
  std::size_t columns = 0;
  while (first.find_first_not_of(" \t\r") != std::string_view::npos) {
    take_number(first);
    ++columns;
  }
  std::vector<matrix> parts(threads);
  in_parallel(threads, [&](unsigned t) {
    matrix part{columns, {}};
    for_each_line(slice_at_lines(file.text(), t, threads), [&](std::string_view line) {
      for (std::size_t i = 0; i < columns; ++i)
        part.values.push_back(take_number(line));
    });
    parts[t] = std::move(part);
  });
  return parts;
}

std::string exact(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(value));
  return text;
}

std::string rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

} // namespace bench
