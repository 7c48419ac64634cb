// The file system that saves write to: attempt files, and their final names once the job is done.
#pragma once

#include "record.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace salamander::sim {

/// As rdd/output_directory.hpp does it: an attempt writes <path>/_temporary/part-<p>-<task>, the driver renames the ones that counted and
/// removes the others.
class output_disk {
public:
  /// False: the directory of attempts is gone.
  bool create(const std::string& path, const std::string& file);
  void write(const std::string& path, const std::string& file, const records& what);
  void remove(const std::string& path, const std::string& file);

  void begin(const std::string& path);
  /// Renames; false when one of the files is not there. The attempts that did not count go.
  bool commit(const std::string& path, const std::vector<std::pair<std::uint32_t, std::string>>& parts);
  void abandon(const std::string& path);

  struct directory {
    bool open = false; ///< attempts may be written
    bool success = false;
    std::map<std::string, records> attempts;
    std::map<std::uint32_t, records> parts;
    std::uint32_t renames = 0;
  };
  const directory* find(const std::string& path) const;
  std::size_t attempt_files() const;

private:
  std::map<std::string, directory> directories_;
};

} // namespace salamander::sim
