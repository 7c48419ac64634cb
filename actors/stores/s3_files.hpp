// Files in S3, and in stores that speak as it does.
#pragma once

#include <salamander/rdd/file_system.hpp>

namespace salamander::actors {

/// `s3://bucket/key`. Keys with a "/" in them are listed as directories. An attempt is a multipart upload to the part's own key: no reader sees
/// it until the driver completes it, and those that do not count are aborted, so that nothing is copied or renamed.
class s3_files final : public core::file_system {
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
