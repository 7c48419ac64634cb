// Files of this machine, and of what it mounts.
#pragma once

#include <salamander/rdd/file_system.hpp>

namespace salamander::core {

/// Attempts are files under <directory>/_temporary, published by rename.
class local_files final : public file_system {
public:
  std::optional<file_status> status(const std::string& path) const override;
  std::vector<directory_entry> list(const std::string& directory) const override;
  std::string absolute(const std::string& path) const override;
  std::unique_ptr<byte_source> open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const override;

  std::string begin_output(const std::string& directory, const output_way& how) const override;
  std::unique_ptr<staged_file> stage(const std::string& attempts, const std::string& name, std::uint64_t attempt,
                                     const output_way& how) const override;
  void publish(const std::string& attempts, const std::string& staged, const std::string& directory, const std::string& name,
               const output_way& how) const override;
  void seal_output(const std::string& directory, const std::string& mark, const output_way& how) const override;
  void end_output(const std::string& directory, const std::string& attempts, bool all) const noexcept override;
};

} // namespace salamander::core
