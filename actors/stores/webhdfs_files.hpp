// Files in HDFS.
#pragma once

#include <salamander/rdd/file_system.hpp>

namespace salamander::actors {

/// `hdfs://host/path` and `webhdfs://host:port/path`, through WebHDFS. Attempts are files under <directory>/_temporary, published by rename.
class webhdfs_files final : public core::file_system {
public:
  std::optional<core::file_status> status(const std::string& path) const override;
  std::vector<core::directory_entry> list(const std::string& directory) const override;
  std::string absolute(const std::string& path) const override {
    return path;
  }
  std::unique_ptr<core::byte_source> open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const override;

  std::string begin_output(const std::string& directory, const core::output_way& how) const override;
  std::unique_ptr<core::staged_file> stage(const std::string& attempts, const std::string& name, std::uint64_t attempt,
                                           const core::output_way& how) const override;
  void publish(const std::string& attempts, const std::string& staged, const std::string& directory, const std::string& name,
               const core::output_way& how) const override;
  void seal_output(const std::string& directory, const std::string& mark, const core::output_way& how) const override;
  void end_output(const std::string& directory, const std::string& attempts, bool all) const noexcept override;
};

} // namespace salamander::actors
