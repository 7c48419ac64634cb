#include <salamander/rdd/output_directory.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

#include <cstdio>

namespace salamander::core {

std::string part_name(std::uint32_t partition, compression packing) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return std::string(name) + suffix_of(packing);
}

std::string absolute_output_path(const std::string& path) {
  // Executors of other processes may have another working directory.
  auto whole = file_system_of(path).absolute(path);
  while (whole.size() > 1 && (whole.ends_with('/') || whole.ends_with("/.")))
    whole.pop_back();
  return whole;
}

/// What goes wrong on the driver is told with the place in the program.
template <class F>
void output_directory::described(F&& f) const {
  try {
    f();
  } catch (const error& failure) {
    throw placed_error(failure.code(), std::string(operation_) + " at " + site_.text() + ": " + failure.what());
  }
}

output_directory::output_directory(const std::string& path, const char* operation, const call_site& site, compression packing,
                                   const output_way& how)
    : operation_(operation), site_(site), packing_(packing), how_(how), path_(plain_path(path)) {
  described([&] {
    if (path_.empty())
      throw_error(errc::invalid_argument, "the path is empty");
    files_ = &file_system_of(path_);
    path_ = absolute_output_path(path_);
    if (how_.anew)
      files_->end_output(path_, path_, true);
    attempts_ = files_->begin_output(path_, how_);
  });
}

output_directory::~output_directory() {
  if (!committed_)
    files_->end_output(path_, attempts_, !how_.still_ours || how_.still_ours());
}

void output_directory::commit(const std::vector<written_part>& parts) {
  described([&] {
    if (how_.still_ours && !how_.still_ours())
      throw_error(errc::context_stopped, "another start of this driver writes " + path_ + " now");
    for (const auto& part : parts)
      files_->publish(attempts_, part.staged, path_, part_name(part.partition, packing_), how_);
    files_->seal_output(path_, "_SUCCESS", how_);
  });
  committed_ = true;
  files_->end_output(path_, attempts_, false);
}

} // namespace salamander::core
