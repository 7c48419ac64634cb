#include <salamander/rdd/context.hpp>

#include <salamander/rdd/file_listing.hpp>

#include <filesystem>

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

std::uint32_t partition_spec::checked(std::int64_t count) {
  if (count < 0 || count > 0x7fffffff)
    throw_error(errc::invalid_argument, "number of partitions (" + std::to_string(count) + ") must be from 0, the default, to 2147483647");
  return static_cast<std::uint32_t>(count);
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
  stop();
}

void context::stop() {
  if (app_->stopped())
    return;
  app_->stop();
  const std::lock_guard lock(active_mutex);
  active.store(false);
}

std::uint32_t context::checked(const char* operation, std::int64_t partitions, const where_t& where) const {
  if (partitions < 1 || partitions > 0x7fffffff)
    core::throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() +
                                                  ": positive number of partitions required, but got " + std::to_string(partitions));
  return static_cast<std::uint32_t>(partitions);
}

rdd<std::int64_t> context::range(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t partitions, where_t where) const {
  if (step == 0)
    core::throw_error(errc::invalid_argument, "range at " + call_site::from(where).text() + ": step cannot be 0");
  const auto count = partitions == -1 ? app_->default_parallelism() : checked("range", partitions, where);
  // In unsigned arithmetic, so that the whole span of the type is allowed.
  std::uint64_t records = 0;
  if (step > 0 && start < end)
    records = (static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start) - 1) / static_cast<std::uint64_t>(step) + 1;
  else if (step < 0 && start > end)
    records = (static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(end) - 1) / (0 - static_cast<std::uint64_t>(step)) + 1;
  return rdd<std::int64_t>(std::make_shared<core::range_node>(app_->header("range", where, count), start, step, records), app_);
}

rdd<std::int64_t> context::range(std::int64_t end, where_t where) const {
  return range(0, end, 1, -1, where);
}

rdd<std::string_view> context::text_file(const std::string& path, std::uint32_t partitions_min, where_t where) const {
  app_->check_usable("text_file", where);
  auto files = core::list_files(path);
  for (auto& file : files) // executors of other processes may have another working directory
    file.path = std::filesystem::absolute(file.path).string();
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  auto splits = core::plan_splits(files, wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header("text_file", where, static_cast<std::uint32_t>(splits.size()));
  return rdd<std::string_view>(std::make_shared<core::text_node>(std::move(header), std::move(splits)), app_);
}

} // namespace salamander
