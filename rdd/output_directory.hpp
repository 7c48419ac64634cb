// Output that is there whole or not at all: every way of saving a dataset commits here.
//
//   local and hdfs:                                              s3:
//   <path>/_temporary/part-00003-<attempt>  while tasks write    a multipart upload
//   <path>/part-00003                       once the job is done, of the attempt that counted
//   <path>/_SUCCESS                         last
#pragma once

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/compression.hpp>
#include <salamander/rdd/output_way.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace salamander::core {

class file_system;

/// "part-00003.gz"
std::string part_name(std::uint32_t partition, compression packing);

/// The one name of an output directory. `path`: without the file: scheme. Errors: as file_system_of.
std::string absolute_output_path(const std::string& path);

/// One finished attempt at a part file, as its task reports it.
struct written_part {
  std::uint32_t partition = 0;
  std::string staged;      ///< see staged_file
  std::uint64_t bytes = 0; ///< as they lie in the file
  std::uint64_t records = 0;
};

/// The driver's side of an output directory. Used by one thread.
class output_directory {
public:
  /// Makes the directory. `operation`: for errors. Errors: errc::output_exists; errc::out_of_disk, errc::io_error.
  output_directory(const std::string& path, const char* operation, const call_site& site, compression packing = compression::none,
                   const output_way& how = {});
  output_directory(const output_directory&) = delete;
  output_directory& operator=(const output_directory&) = delete;
  /// Removes the directory unless it was committed.
  ~output_directory();

  /// Where tasks write; see part_writer.
  const std::string& attempts() const noexcept {
    return attempts_;
  }
  /// Gives the parts their final names and writes _SUCCESS. Errors: errc::out_of_disk, errc::io_error; nothing stays then.
  void commit(const std::vector<written_part>& parts);

private:
  template <class F>
  void described(F&& f) const;

  const char* operation_;
  call_site site_;
  compression packing_;
  output_way how_;
  std::string path_;
  std::string attempts_;
  const file_system* files_ = nullptr;
  bool committed_ = false;
};

} // namespace salamander::core
