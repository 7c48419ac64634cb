#include <salamander/rdd/file_listing.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

#include <algorithm>
#include <climits>
#include <fnmatch.h>

namespace salamander::core {
namespace {

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

/// A path that a pattern names, with what it stands for where that is known.
struct match {
  std::string path;
  std::optional<file_status> status;

  bool operator<(const match& other) const {
    return path < other.path;
  }
};

/// Expands patterns in one store.
class matcher {
public:
  explicit matcher(const file_system& files) : files_(files) {}

  /// Paths that match `rest` below `base`, which is empty or ends with a slash.
  void match_below(const std::string& base, std::string_view rest) {
    if (base.size() >= PATH_MAX)
      return; // no file has such a name
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    const auto after =
        slash == std::string_view::npos ? std::string_view{} : rest.substr(std::min(rest.find_first_not_of('/', slash), rest.size()));
    const auto separator = slash == std::string_view::npos ? "" : "/";
    const auto descend = [&](const std::string& name, const std::optional<file_status>& known) {
      const auto path = base + name + separator;
      if (!after.empty())
        match_below(path, after);
      else if (auto status = known ? known : files_.status(path))
        found_.push_back({path, status});
    };
    if (!has_wildcard(part)) {
      descend(without_backslashes(part), std::nullopt);
      return;
    }
    const auto pattern = std::string(part);
    for (const auto& [name, status] : files_.list(base))
      if ((!is_hidden(name) || name[0] == part[0]) && ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0)
        descend(name, status);
  }

  void add_exactly(const std::string& path) {
    if (auto status = files_.status(path))
      found_.push_back({path, status});
  }

  /// Sorted, each path once.
  std::vector<match> take() {
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.path == b.path; }), found_.end());
    return std::move(found_);
  }

private:
  const file_system& files_;
  std::vector<match> found_;
};

/// Adds the file, or the files of the directory. `listed`: found in a directory, where anything else is passed over.
void add_path(const file_system& store, const std::string& path, std::optional<file_status> status, bool listed,
              std::vector<input_file>& files) {
  if (!status && !(status = store.status(path)))
    return; // a dangling link, or gone since the directory was read
  if (status->what == file_status::kind::file) {
    files.push_back({path, status->size, status->any_offset});
  } else if (status->what == file_status::kind::directory && !listed) {
    const auto base = path.ends_with('/') ? path : path + "/";
    for (const auto& entry : store.list(base))
      if (!is_hidden(entry.name))
        add_path(store, base + entry.name, entry.status, true, files);
  } else if (!listed) {
    throw_error(errc::invalid_argument, "cannot read " + path + ": it is neither a file nor a directory");
  }
}

/// What one part of the list names.
std::vector<match> matches_of(const file_system& store, const std::string& pattern) {
  matcher found(store);
  if (!store.has_patterns()) {
    found.add_exactly(without_backslashes(pattern));
    return found.take();
  }
  const auto scheme = scheme_of(pattern);
  const auto prefix = scheme.empty() ? std::string() : std::string(scheme) + "://";
  for (const auto& expanded : expand_braces(pattern)) {
    const auto plain = std::string_view(expanded).substr(prefix.size());
    const auto root = plain.starts_with('/') ? prefix + "/" : prefix;
    const auto first = std::min(plain.find_first_not_of('/'), plain.size());
    if (first == plain.size())
      found.add_exactly(root);
    else
      found.match_below(root, plain.substr(first));
  }
  return found.take();
}

} // namespace

std::vector<input_file> list_files(std::string_view paths) {
  std::vector<input_file> files;
  for (const auto& part : split_list(paths)) {
    if (part.empty())
      throw_error(errc::invalid_argument, "an input path must not be empty (in '" + std::string(paths) + "')");
    const auto pattern = plain_path(part);
    const auto& store = file_system_of(pattern);
    const auto found = matches_of(store, pattern);
    if (found.empty())
      throw_error(errc::input_not_found,
                  (store.has_patterns() && has_wildcard(pattern) ? "Input pattern matches no files: " : "Input path does not exist: ") +
                      pattern);
    for (const auto& one : found)
      add_path(store, one.path, one.status, false, files);
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
    const bool whole = packing != compression::none || !file.any_offset;
    if (file.size == 0)
      continue;
    if (splits.size() + (whole ? 0 : file.size / size) >= splits_max)
      throw_error(errc::invalid_argument, "the input would be cut into more than " + std::to_string(splits_max) +
                                              " partitions; ask for fewer, or raise salamander.files.maxPartitionBytes");
    std::uint64_t offset = 0;
    // A rest of up to 1.1 ranges is one range: no partition is left with a few lines only.
    while (!whole && file.size - offset > size + size / 10) {
      splits.push_back({file.path, offset, size, packing});
      offset += size;
    }
    if (offset < file.size)
      splits.push_back({file.path, offset, file.size - offset, packing});
  }
  return splits;
}

} // namespace salamander::core
