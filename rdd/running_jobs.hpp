// Which jobs of an application run, by their properties, and the actions that run in threads of their own.
#pragma once

#include <salamander/rdd/engine.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace salamander::core {

using job_properties = std::map<std::string, std::string>;

/// Property keys with a meaning.
inline constexpr const char* job_group_key = "salamander.jobGroup.id";
inline constexpr const char* job_description_key = "salamander.job.description";
inline constexpr const char* job_tags_key = "salamander.job.tags"; ///< separated by commas

/// One action in a thread of its own: its jobs can be cancelled together. Threads: any.
class background_action {
public:
  void cancel(const std::string& reason);
  job_report progress() const;

private:
  friend class running_jobs;

  mutable std::mutex mutex_;
  std::optional<std::string> cancelled_;
  std::shared_ptr<job_handle> newest_;
};

/// Threads: any.
class running_jobs : public std::enable_shared_from_this<running_jobs> {
public:
  /// Why a job with these properties is not to be started: its action or its group was cancelled.
  std::optional<std::string> refusal(const job_properties& properties, const std::shared_ptr<background_action>& of);
  /// Notes a job that was submitted with these properties by `of`, an action in the background or null.
  /// It is cancelled at once if its action or group was.
  void add(const std::shared_ptr<job_handle>& job, const job_properties& properties, const std::shared_ptr<background_action>& of);

  void cancel_group(const std::string& group, const std::string& reason, bool future_jobs_too);
  void cancel_tag(const std::string& tag, const std::string& reason);

  /// Runs `body` in a thread of its own.
  void start(std::function<void()> body);
  /// Returns when no thread started by `start` runs any more; at once when called by one of them.
  void wait_for_threads();

private:
  struct running_job {
    std::weak_ptr<job_handle> handle;
    std::string group;
    std::set<std::string> tags;
  };
  template <class Which>
  std::vector<std::shared_ptr<job_handle>> find(Which&& which);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<running_job> jobs_;
  std::map<std::string, std::string> cancelled_groups_; ///< and the reason
  std::size_t threads_ = 0;
};

/// Tags as they are in a property. Errors: errc::invalid_argument for an empty tag and for one with a comma.
std::set<std::string> tags_of(const std::string& text);
std::string text_of(const std::set<std::string>& tags);
void check_tag(const std::string& tag, const char* operation);

} // namespace salamander::core
