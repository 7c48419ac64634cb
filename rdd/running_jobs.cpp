#include <salamander/rdd/running_jobs.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <thread>

namespace salamander::core {
namespace {

thread_local bool in_background = false;

std::string property(const job_properties& all, const char* key) {
  const auto found = all.find(key);
  return found == all.end() ? std::string() : found->second;
}

} // namespace

void background_action::cancel(const std::string& reason) {
  std::shared_ptr<job_handle> running;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_)
      return;
    cancelled_ = reason;
    running = newest_;
  }
  if (running)
    running->cancel(reason);
}

job_report background_action::progress() const {
  std::shared_ptr<job_handle> newest;
  {
    const std::lock_guard lock(mutex_);
    newest = newest_;
  }
  return newest ? newest->report() : job_report{};
}

std::optional<std::string> running_jobs::refusal(const job_properties& properties, const std::shared_ptr<background_action>& of) {
  if (of) {
    const std::lock_guard lock(of->mutex_);
    if (of->cancelled_)
      return of->cancelled_;
  }
  const std::lock_guard lock(mutex_);
  const auto found = cancelled_groups_.find(property(properties, job_group_key));
  return found == cancelled_groups_.end() ? std::nullopt : std::optional(found->second);
}

void running_jobs::add(const std::shared_ptr<job_handle>& job, const job_properties& properties,
                       const std::shared_ptr<background_action>& of) {
  std::optional<std::string> doomed;
  {
    const std::lock_guard lock(mutex_);
    jobs_.erase(std::remove_if(jobs_.begin(), jobs_.end(), [](const auto& one) { return one.handle.expired(); }), jobs_.end());
    jobs_.push_back({job, property(properties, job_group_key), tags_of(property(properties, job_tags_key))});
    if (const auto found = cancelled_groups_.find(jobs_.back().group); found != cancelled_groups_.end())
      doomed = found->second;
  }
  if (of) {
    const std::lock_guard lock(of->mutex_);
    of->newest_ = job;
    if (of->cancelled_)
      doomed = of->cancelled_;
  }
  if (doomed)
    job->cancel(*doomed);
}

template <class Which>
std::vector<std::shared_ptr<job_handle>> running_jobs::find(Which&& which) {
  std::vector<std::shared_ptr<job_handle>> found;
  const std::lock_guard lock(mutex_);
  for (const auto& one : jobs_)
    if (which(one))
      if (auto job = one.handle.lock())
        found.push_back(std::move(job));
  return found;
}

void running_jobs::cancel_group(const std::string& group, const std::string& reason, bool future_jobs_too) {
  if (future_jobs_too) {
    const std::lock_guard lock(mutex_);
    cancelled_groups_.insert_or_assign(group, reason);
  }
  for (const auto& job : find([&](const running_job& one) { return one.group == group; }))
    job->cancel(reason);
}

void running_jobs::cancel_tag(const std::string& tag, const std::string& reason) {
  for (const auto& job : find([&](const running_job& one) { return one.tags.count(tag) != 0; }))
    job->cancel(reason);
}

void running_jobs::start(std::function<void()> body) {
  {
    const std::lock_guard lock(mutex_);
    ++threads_;
  }
  try {
    std::thread([self = shared_from_this(), body = std::move(body)]() mutable {
      in_background = true;
      body();
      body = nullptr; // what it holds goes before this is counted as over
      const std::lock_guard lock(self->mutex_);
      --self->threads_;
      self->changed_.notify_all();
    }).detach();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    --threads_;
    throw;
  }
}

void running_jobs::wait_for_threads() {
  if (in_background)
    return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return threads_ == 0; });
}

void check_tag(const std::string& tag, const char* operation) {
  if (tag.empty())
    throw_error(errc::invalid_argument, std::string(operation) + ": a job tag cannot be an empty string");
  if (tag.find(',') != std::string::npos)
    throw_error(errc::invalid_argument, std::string(operation) + ": the job tag \"" + tag + "\" contains a comma");
}

std::set<std::string> tags_of(const std::string& text) {
  std::set<std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    all.insert(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

std::string text_of(const std::set<std::string>& tags) {
  std::string text;
  for (const auto& tag : tags)
    text += (text.empty() ? "" : ",") + tag;
  return text;
}

} // namespace salamander::core
