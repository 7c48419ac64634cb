// Files behind HTTP servers, to be read.
#pragma once

#include <salamander/rdd/file_system.hpp>

namespace salamander::actors {

/// `http://` and `https://`. Servers tell no directories, so that a path is one file. Those that send no ranges have their files read whole,
/// by one task. User and password come from ~/.netrc; in a URL they are refused, because paths are shown.
class http_files final : public core::file_system {
public:
  std::optional<core::file_status> status(const std::string& path) const override;
  std::vector<core::directory_entry> list(const std::string& directory) const override;
  bool has_patterns() const noexcept override {
    return false;
  }
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
