#include <salamander/rdd/file_listing.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salamander::core {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_read(const std::string& path, int reason) {
  throw_error(errc::io_error, "cannot read " + path + ": " + std::strerror(reason));
}

/// Calls f(position, depth of braces) for each character that no backslash protects.
template <class F>
void for_each_active(std::string_view text, F&& f) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
      continue;
    }
    if (text[i] == '}' && depth > 0)
      --depth;
    f(i, depth);
    if (text[i] == '{')
      ++depth;
  }
}

/// The parts between commas that are in no braces.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for_each_active(text, [&](std::size_t i, int depth) {
    if (text[i] == ',' && depth == 0) {
      parts.emplace_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  });
  parts.emplace_back(text.substr(begin));
  return parts;
}

/// The first pair of braces that are in no others, from `from` on; {npos, npos}: there is none.
std::pair<std::size_t, std::size_t> first_braces(std::string_view pattern, std::size_t from) {
  auto open = std::string::npos;
  for (int depth = 0; from < pattern.size(); ++from) {
    if (pattern[from] == '\\') {
      ++from;
    } else if (pattern[from] == '{') {
      if (depth++ == 0)
        open = from;
    } else if (pattern[from] == '}' && depth > 0 && --depth == 0) {
      return {open, from};
    }
  }
  return {std::string::npos, std::string::npos};
}

/// a{b,c{d,e}}f -> abf, acdf, acef. Limits: all texts on the way to them, together, have pattern_bytes_max bytes.
std::vector<std::string> expand_braces(const std::string& pattern) {
  std::vector<std::string> expanded;
  std::vector<std::pair<std::string, std::size_t>> open{{pattern, 0}}; // up to that character there are no more braces
  std::size_t bytes = 0;
  while (!open.empty()) {
    auto [text, from] = std::move(open.back());
    open.pop_back();
    const auto [begin, end] = first_braces(text, from);
    if (end == std::string::npos) {
      expanded.push_back(std::move(text));
      continue;
    }
    for (const auto& choice : split_list(std::string_view(text).substr(begin + 1, end - begin - 1))) {
      bytes += text.size() - (end - begin) + choice.size();
      if (bytes > pattern_bytes_max)
        throw_error(errc::invalid_argument, "the braces of an input pattern stand for too many paths: " + pattern.substr(0, 200));
      open.emplace_back(text.substr(0, begin) + choice + text.substr(end + 1), begin);
    }
  }
  return expanded;
}

bool has_wildcard(std::string_view text) {
  bool found = false;
  for_each_active(text, [&](std::size_t i, int) { found = found || text[i] == '*' || text[i] == '?' || text[i] == '['; });
  return found;
}

std::string without_backslashes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      ++i;
    plain += text[i];
  }
  return plain;
}

bool is_hidden(std::string_view name) {
  return name.starts_with('_') || name.starts_with('.');
}

/// Names in a directory, sorted bytewise. Empty for what is no directory.
std::vector<std::string> names_in(const std::string& directory) {
  std::error_code failure;
  std::vector<std::string> names;
  fs::directory_iterator entries(directory.empty() ? "." : directory, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure))
    names.push_back(entries->path().filename().string());
  if (failure && failure != std::errc::no_such_file_or_directory && failure != std::errc::not_a_directory)
    cannot_read(directory.empty() ? "." : directory, failure.value());
  std::sort(names.begin(), names.end());
  return names;
}

/// Paths that match `rest` below `base`, which is empty or ends with a slash.
void match_below(const std::string& base, std::string_view rest, std::vector<std::string>& found) {
  if (base.size() >= PATH_MAX)
    return; // no file has such a name
  const auto slash = rest.find('/');
  const auto part = rest.substr(0, slash);
  const auto after =
      slash == std::string_view::npos ? std::string_view{} : rest.substr(std::min(rest.find_first_not_of('/', slash), rest.size()));
  const auto separator = slash == std::string_view::npos ? "" : "/";
  const auto descend = [&](const std::string& name) {
    struct stat ignored {};
    const auto path = base + name + separator;
    if (!after.empty())
      match_below(path, after, found);
    else if (::stat(path.c_str(), &ignored) == 0 || (errno != ENOENT && errno != ENOTDIR))
      found.push_back(path);
  };
  if (!has_wildcard(part)) {
    descend(without_backslashes(part));
    return;
  }
  const auto pattern = std::string(part);
  for (const auto& name : names_in(base))
    if ((!is_hidden(name) || name[0] == part[0]) && ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0)
      descend(name);
}

/// The path without a file: scheme.
std::string_view local_path(std::string_view text) {
  const auto colon = text.find("://");
  if (text.starts_with("file:/")) {
    text.remove_prefix(5);
    while (text.starts_with("//"))
      text.remove_prefix(1);
  } else if (colon != std::string_view::npos && text.substr(0, colon).find('/') == std::string_view::npos) {
    throw_error(errc::invalid_argument,
                "cannot read '" + std::string(text) + "': only files of this machine can be read (a path, or file:/path)");
  }
  return text;
}

/// Adds the file, or the files of the directory. `listed`: found in a directory, where anything else is passed over.
void add_path(const std::string& path, bool listed, std::vector<input_file>& files) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (listed && errno == ENOENT)
      return; // a dangling link, or gone since the directory was read
    cannot_read(path, errno);
  }
  if (S_ISREG(status.st_mode)) {
    if (::access(path.c_str(), R_OK) != 0)
      cannot_read(path, errno);
    files.push_back({path, static_cast<std::uint64_t>(status.st_size)});
  } else if (S_ISDIR(status.st_mode) && !listed) {
    const auto base = path.ends_with('/') ? path : path + "/";
    for (const auto& name : names_in(base))
      if (!is_hidden(name))
        add_path(base + name, true, files);
  } else if (!listed) {
    throw_error(errc::invalid_argument, "cannot read " + path + ": it is neither a file nor a directory");
  }
}

} // namespace

compression compression_of(std::string_view path) noexcept {
  if (path.ends_with(".gz"))
    return compression::gzip;
  return path.ends_with(".zst") ? compression::zstd : compression::none;
}

std::vector<input_file> list_files(std::string_view paths) {
  std::vector<input_file> files;
  for (const auto& part : split_list(paths)) {
    if (part.empty())
      throw_error(errc::invalid_argument, "an input path must not be empty (in '" + std::string(paths) + "')");
    const auto pattern = std::string(local_path(part));
    std::vector<std::string> found;
    for (const auto& expanded : expand_braces(pattern)) {
      const auto root = expanded.starts_with('/') ? std::string("/") : std::string();
      const auto first = std::min(expanded.find_first_not_of('/'), expanded.size());
      if (first == expanded.size())
        found.push_back(root);
      else
        match_below(root, std::string_view(expanded).substr(first), found);
    }
    if (found.empty())
      throw_error(errc::input_not_found,
                  (has_wildcard(pattern) ? "Input pattern matches no files: " : "Input path does not exist: ") + pattern);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    for (const auto& path : found)
      add_path(path, false, files);
  }
  return files;
}

std::vector<file_split> plan_splits(const std::vector<input_file>& files, std::uint32_t partitions_min, std::uint64_t partition_bytes_max) {
  if (partition_bytes_max == 0)
    throw_error(errc::invalid_argument, "the longest byte range of a partition must be at least one byte");
  std::uint64_t total = 0;
  for (const auto& file : files)
    total += file.size;
  const auto goal = total / std::max<std::uint64_t>(1, partitions_min);
  const auto size = std::max<std::uint64_t>(1, std::min(goal, partition_bytes_max));

  std::vector<file_split> splits;
  for (const auto& file : files) {
    const auto packing = compression_of(file.path);
    if (file.size == 0)
      continue;
    if (splits.size() + (packing == compression::none ? file.size / size : 0) >= splits_max)
      throw_error(errc::invalid_argument, "the input would be cut into more than " + std::to_string(splits_max) +
                                              " partitions; ask for fewer, or raise salamander.files.maxPartitionBytes");
    std::uint64_t offset = 0;
    // A rest of up to 1.1 ranges is one range: no partition is left with a few lines only.
    while (packing == compression::none && file.size - offset > size + size / 10) {
      splits.push_back({file.path, offset, size, packing});
      offset += size;
    }
    if (offset < file.size)
      splits.push_back({file.path, offset, file.size - offset, packing});
  }
  return splits;
}

} // namespace salamander::core
