#include <salamander/rdd/text_output.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_task.hpp>
#include <salamander/rdd/fault_tolerance.hpp>
#include <salamander/rdd/task_context.hpp>

#include <cstdio>
#include <filesystem>

namespace salamander::core {
namespace fs = std::filesystem;
namespace {

std::string part_name(std::uint32_t partition) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return name;
}

/// What goes wrong on the driver is told with the place in the program.
template <class F>
void described(const call_site& site, F&& f) {
  try {
    f();
  } catch (const error& failure) {
    throw placed_error(failure.code(), "save_as_text_file at " + site.text() + ": " + failure.what());
  }
}

std::string plain_path(const std::string& path) {
  constexpr std::string_view scheme = "file:";
  if (!path.starts_with(scheme))
    return path;
  const auto rest = path.substr(scheme.size());
  return rest.starts_with("///") ? rest.substr(2) : rest;
}

} // namespace

text_part_writer::text_part_writer(const std::string& directory, std::uint32_t partition, std::uint64_t attempt, const output_way& how)
    : part_{partition, part_name(partition) + (fault_tolerance ? "-" + std::to_string(attempt) : ""), 0, 0},
      path_(directory + "/" + part_.file), file_(path_, *how.disk), sync_(how.sync) {
  buffer_.reserve(buffer_bytes);
}

void text_part_writer::flush() {
  if (const auto* task = current_task(); task != nullptr && task->faults != nullptr && !buffer_.empty())
    if (const int injected = task->faults->write(); injected != 0)
      throw_disk_error("write the file", path_, injected, buffer_.size());
  file_.write(buffer_);
  part_.bytes += buffer_.size();
  buffer_.clear();
}

written_part text_part_writer::close() {
  flush();
  file_.finish(sync_);
  return part_;
}

text_output::text_output(const std::string& path, const call_site& site, const output_way& how)
    : path_(plain_path(path)), site_(site), how_(how) {
  if (path_.empty())
    throw_error(errc::invalid_argument, "save_as_text_file at " + site.text() + ": the path is empty");
  std::error_code failed;
  if (fs::exists(fs::symlink_status(path_, failed)))
    throw_error(errc::output_exists,
                "save_as_text_file at " + site.text() + ": output directory " + path_ + " already exists; remove it or choose another");
  // Executors of other processes may have another working directory.
  path_ = fs::absolute(path_).lexically_normal().string();
  while (path_.size() > 1 && path_.back() == '/')
    path_.pop_back();
  attempts_ = fault_tolerance ? path_ + "/_temporary" : path_;
  fs::create_directories(attempts_, failed);
  if (!failed)
    return;
  std::error_code ignored;
  fs::remove(path_, ignored); // it may be there without its attempts
  described(site, [&] { throw_disk_error("create the directory", attempts_, failed.value()); });
}

text_output::~text_output() {
  if (committed_)
    return;
  remove_attempts();
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void text_output::remove_attempts() noexcept {
  if (attempts_ == path_)
    return;
  // Attempts that nobody waits for may still run. Under another name they do not find the directory, and it does not fill while it is
  // being emptied.
  std::error_code ignored;
  const auto discarded = path_ + "/_discarded";
  fs::rename(attempts_, discarded, ignored);
  fs::remove_all(discarded, ignored);
}

void text_output::commit(const std::vector<written_part>& parts) {
  described(site_, [&] {
    for (const auto& part : parts)
      if (fault_tolerance)
        rename_file(attempts_ + "/" + part.file, path_ + "/" + part_name(part.partition), *how_.disk);
    if (how_.sync)
      sync_directory(path_, *how_.disk);
    output_file(path_ + "/_SUCCESS", *how_.disk).finish(how_.sync);
    if (how_.sync)
      sync_directory(path_, *how_.disk);
  });
  committed_ = true;
  remove_attempts();
}

} // namespace salamander::core
