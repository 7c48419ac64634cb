#include <salamander/rdd/context.hpp>

#include <salamander/rdd/file_system.hpp>

#include <exception>

namespace salamander {
namespace {

std::atomic<bool> initialised{false};
std::atomic<bool> active{false};
std::mutex active_mutex;
std::string active_site;

} // namespace

namespace core {

bool init_was_called() noexcept {
  return initialised.load();
}

std::string active_context_site() {
  const std::lock_guard lock(active_mutex);
  return active.load() ? active_site : std::string();
}

std::uint32_t partition_spec::checked(std::int64_t count, const source_location& where) {
  if (count < 0 || count > 0x7fffffff)
    throw_error(errc::invalid_argument, "number of partitions (" + std::to_string(count) + ") at " + call_site::from(where).text() +
                                            " must be positive, or 0 for the default where there is one, and at most 2147483647");
  return static_cast<std::uint32_t>(count);
}

void check_number(std::size_t n, const char* operation, const source_location& where) {
  const auto given = static_cast<std::int64_t>(n);
  if (given < 0)
    throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() +
                                            ": Negative number of elements requested: " + std::to_string(given));
}

} // namespace core

void init(int argc, char** argv) {
  initialised.store(true);
  core::serve_if_executor(argc, argv);
}

context::context(config settings, where_t where) {
  const auto site = call_site::from(where);
  if (core::inside_task())
    core::throw_error(errc::nested_use, "a context was created at " + site.text() +
                                            " inside a function that runs in a task; contexts exist on the driver only");
  const std::lock_guard lock(active_mutex);
  if (active.load())
    core::throw_error(errc::invalid_argument, "a context was created at " + site.text() + " while the one created at " + active_site +
                                                  " is active; only one may run in a process: stop that one first");
  app_ = std::make_shared<core::application>(std::move(settings), site);
  active_site = site.text();
  active.store(true);
}

context::~context() {
  if (std::uncaught_exceptions() > exceptions_before_ && !app_->stopped())
    app_->runner().note_failure("an exception left the scope of its context");
  end("left its scope");
}

void context::stop(where_t where) {
  end("stopped at " + call_site::from(where).text());
}

void context::end(const std::string& how) {
  if (app_->stopped())
    return;
  app_->stop(how);
  const std::lock_guard lock(active_mutex);
  active.store(false);
}

std::uint32_t context::checked(const char* operation, std::int64_t partitions, const where_t& where) const {
  if (partitions < 1 || partitions > 0x7fffffff)
    core::throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() +
                                                  ": positive number of partitions required, but got " + std::to_string(partitions));
  return static_cast<std::uint32_t>(partitions);
}

void context::set_job_group(const std::string& group, const std::string& description) const {
  if (group.empty())
    core::throw_error(errc::invalid_argument, "set_job_group: the group has no name");
  app_->set_local_property(core::job_group_key, group);
  set_job_description(description);
}

void context::clear_job_group() const {
  app_->set_local_property(core::job_group_key, std::nullopt);
  set_job_description("");
}

void context::set_job_description(const std::string& description) const {
  app_->set_local_property(core::job_description_key, description.empty() ? std::nullopt : std::optional(description));
}

void context::cancel_job_group(const std::string& group, const std::string& reason) const {
  app_->jobs().cancel_group(group, reason.empty() ? "the job group " + group + " was cancelled" : reason, false);
}

void context::cancel_job_group_and_future_jobs(const std::string& group, const std::string& reason) const {
  app_->jobs().cancel_group(group, reason.empty() ? "the job group " + group + " was cancelled" : reason, true);
}

void context::add_job_tag(const std::string& tag) const {
  core::check_tag(tag, "add_job_tag");
  auto tags = job_tags();
  tags.insert(tag);
  app_->set_local_property(core::job_tags_key, core::text_of(tags));
}

void context::remove_job_tag(const std::string& tag) const {
  core::check_tag(tag, "remove_job_tag");
  auto tags = job_tags();
  tags.erase(tag);
  app_->set_local_property(core::job_tags_key, tags.empty() ? std::nullopt : std::optional(core::text_of(tags)));
}

std::set<std::string> context::job_tags() const {
  return core::tags_of(app_->local_property(core::job_tags_key).value_or(""));
}

void context::clear_job_tags() const {
  app_->set_local_property(core::job_tags_key, std::nullopt);
}

void context::cancel_jobs_with_tag(const std::string& tag, const std::string& reason) const {
  core::check_tag(tag, "cancel_jobs_with_tag");
  app_->jobs().cancel_tag(tag, reason.empty() ? "jobs with the tag " + tag + " were cancelled" : reason);
}

rdd<std::int64_t> context::range(std::int64_t start, std::int64_t end, std::int64_t step, std::optional<std::int64_t> partitions,
                                 where_t where) const {
  if (step == 0)
    core::throw_error(errc::invalid_argument, "range at " + call_site::from(where).text() + ": step cannot be 0");
  const auto count = partitions ? checked("range", *partitions, where) : app_->default_parallelism();
  // In unsigned arithmetic, so that the whole span of the type is allowed.
  std::uint64_t records = 0;
  if (step > 0 && start < end)
    records = (static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start) - 1) / static_cast<std::uint64_t>(step) + 1;
  else if (step < 0 && start > end)
    records = (static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(end) - 1) / (0 - static_cast<std::uint64_t>(step)) + 1;
  return rdd<std::int64_t>(std::make_shared<core::range_node>(app_->header("range", where, count), start, step, records), app_);
}

rdd<std::int64_t> context::range(std::int64_t end, where_t where) const {
  return range(0, end, 1, {}, where);
}

rdd<std::string_view> context::text_file(const std::string& path, std::uint32_t partitions_min, where_t where) const {
  app_->check_usable("text_file", where);
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  auto splits = core::plan_splits(listed(path), wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header("text_file", where, static_cast<std::uint32_t>(splits.size()));
  return rdd<std::string_view>(std::make_shared<core::text_node>(std::move(header), std::move(splits)), app_);
}

std::vector<core::input_file> context::listed(const std::string& path) const {
  auto files = core::list_files(path);
  for (auto& file : files) // executors of other processes may have another working directory
    file.path = core::file_system_of(file.path).absolute(file.path);
  return files;
}

template <class Bytes>
rdd<std::pair<std::string, Bytes>> context::whole_files(const std::string& path, std::uint32_t partitions_min, bool unpack,
                                                        const char* operation, const where_t& where) const {
  app_->check_usable(operation, where);
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  auto packed = core::pack_files(listed(path), wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header(operation, where, static_cast<std::uint32_t>(packed.size()));
  return rdd<std::pair<std::string, Bytes>>(std::make_shared<core::whole_files_node<Bytes>>(std::move(header), std::move(packed), unpack),
                                            app_);
}

rdd<std::pair<std::string, std::string>> context::whole_text_files(const std::string& path, std::uint32_t partitions_min,
                                                                   where_t where) const {
  return whole_files<std::string>(path, partitions_min, true, "whole_text_files", where);
}

rdd<std::pair<std::string, std::vector<std::byte>>> context::binary_files(const std::string& path, std::uint32_t partitions_min,
                                                                          where_t where) const {
  return whole_files<std::vector<std::byte>>(path, partitions_min, false, "binary_files", where);
}

rdd<std::string_view> context::binary_records(const std::string& path, std::uint64_t record_bytes, std::uint32_t partitions_min,
                                              where_t where) const {
  constexpr const char* operation = "binary_records";
  app_->check_usable(operation, where);
  if (record_bytes == 0)
    core::throw_error(errc::invalid_argument, "binary_records at " + call_site::from(where).text() + ": records of 0 bytes");
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  auto splits =
      core::plan_record_splits(listed(path), record_bytes, wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header(operation, where, static_cast<std::uint32_t>(splits.size()));
  return rdd<std::string_view>(std::make_shared<core::binary_records_node>(std::move(header), std::move(splits), record_bytes), app_);
}

} // namespace salamander
