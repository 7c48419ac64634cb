#include <salamander/actors/cluster/submitter.hpp>

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/rdd/error.hpp>

#include <deque>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;
using answer = std::variant<not_leading, driver_submitted, piece_stored, request_done, status_told, log_read>;

constexpr std::chrono::seconds transport_silence_max{20};
constexpr std::chrono::milliseconds end_grace{1000};
/// Then the request is sent again: the one that was asked may be cut off.
constexpr std::chrono::milliseconds one_answer_max{2500};
constexpr std::chrono::milliseconds repeat_pause{100};

/// What the actor and the line have heard, for the thread that asks.
struct inbox {
  std::mutex mutex;
  std::condition_variable changed;
  master_door master;
  std::deque<answer> answers;
  std::string trouble = "no master has been reached";
  bool hopeless = false; ///< the trouble will not go away

  template <class Message>
  void put(const Message& message) {
    const std::lock_guard lock(mutex);
    answers.emplace_back(message);
    changed.notify_all();
  }
};

submitter_line::behavior_type run_submitter(submitter_line::pointer self, const std::shared_ptr<inbox>& in) {
  const auto keep = [in](const auto& message) { in->put(message); };
  self->set_default_handler(caf::drop);
  return {
      [=](const not_leading& message) { keep(message); },  [=](const driver_submitted& message) { keep(message); },
      [=](const piece_stored& message) { keep(message); }, [=](const request_done& message) { keep(message); },
      [=](const status_told& message) { keep(message); },  [=](const log_read& message) { keep(message); },
  };
}

} // namespace

class submitter::impl {
public:
  impl(const std::filesystem::path& directory, std::vector<net::address> masters, std::chrono::milliseconds answer_max,
       const std::function<void(const std::string&)>& on_trouble)
      : answer_max_(answer_max), host_(network_settings{client_credentials(directory), transport_silence_max, cluster_protocol()}),
        actor_(host_.system().spawn(run_submitter, in_)), line_(std::make_unique<master_line>(
                                                              host_, std::move(masters),
                                                              [in = in_](const master_door& door) {
                                                                const std::lock_guard lock(in->mutex);
                                                                in->master = door;
                                                                in->hopeless = false;
                                                                in->changed.notify_all();
                                                              },
                                                              [on_trouble](const std::string& trouble) {
                                                                if (on_trouble)
                                                                  on_trouble(trouble);
                                                              },
                                                              [in = in_](const std::string& trouble, bool hopeless) {
                                                                const std::lock_guard lock(in->mutex);
                                                                in->trouble = trouble;
                                                                in->hopeless = hopeless;
                                                                in->changed.notify_all();
                                                              })) {}
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    line_.reset();
    {
      const std::lock_guard lock(in_->mutex);
      in_->master = nullptr;
    }
    if (!host_.end({caf::actor_cast<caf::actor>(actor_)}, end_grace))
      host_.abandon();
    actor_ = nullptr;
  }

  std::uint64_t next_number() {
    return ++number_;
  }

  /// Sends a request until an answer fits; `fits(const Answer&)`.
  template <class Answer, class Request, class Fits>
  Answer ask(const Request& request, const Fits& fits) {
    const auto deadline = clock::now() + answer_max_;
    std::unique_lock lock(in_->mutex);
    for (;;) {
      in_->changed.wait_until(lock, deadline, [&] { return in_->master != nullptr || in_->hopeless; });
      if (!in_->master && in_->hopeless)
        core::throw_error(errc::io_error, in_->trouble + "; use the folder \"client\" that \"salamander keygen\" made together with the "
                                                         "masters' (--credentials, SALAMANDER_CREDENTIALS, salamander.credentials)");
      if (!in_->master)
        core::throw_error(errc::no_executors, "the cluster does not answer: " + in_->trouble);
      in_->answers.clear();
      caf::send_as(actor_, in_->master, request);
      const auto again = std::min(deadline, clock::now() + one_answer_max);
      std::string hint;
      for (bool waiting = true; waiting;) {
        waiting = in_->changed.wait_until(lock, again, [&] { return !in_->answers.empty(); });
        for (; !in_->answers.empty(); in_->answers.pop_front()) {
          if (const auto* const fitting = std::get_if<Answer>(&in_->answers.front()); fitting && fits(*fitting))
            return *fitting;
          if (const auto* const other = std::get_if<not_leading>(&in_->answers.front())) {
            hint = other->leader;
            in_->trouble =
                "the masters that answer stand by" + (hint.empty() ? "" : "; the one at " + hint + " leads, and does not answer");
            waiting = false;
          }
        }
      }
      if (clock::now() >= deadline)
        core::throw_error(errc::no_executors, "the cluster does not answer: " + in_->trouble);
      in_->master = nullptr;
      lock.unlock();
      std::this_thread::sleep_for(repeat_pause);
      line_->seek(hint);
      lock.lock();
    }
  }

  void answer_within(std::chrono::milliseconds time) noexcept {
    answer_max_ = time;
  }

private:
  std::chrono::milliseconds answer_max_;
  const std::shared_ptr<inbox> in_ = std::make_shared<inbox>();
  actor_host host_;
  submitter_line actor_;
  std::unique_ptr<master_line> line_;
  std::uint64_t number_ = 0;
};

submitter::submitter(const std::filesystem::path& credentials_directory, std::vector<net::address> masters,
                     std::chrono::milliseconds answer_max, std::function<void(const std::string&)> on_trouble) {
  on_own_thread([&] { impl_ = std::make_unique<impl>(credentials_directory, std::move(masters), answer_max, on_trouble); });
}

submitter::~submitter() {
  on_own_thread([this] { impl_.reset(); });
}

void submitter::answer_within(std::chrono::milliseconds time) noexcept {
  impl_->answer_within(time);
}

cluster::cluster_summary submitter::status(const std::string& id) {
  const auto number = impl_->next_number();
  return impl_->ask<status_told>(ask_status{number, id}, [=](const status_told& one) { return one.request == number; }).what;
}

std::string submitter::kill(const std::string& id, const std::string& reason) {
  const auto number = impl_->next_number();
  const auto done =
      impl_->ask<request_done>(kill_on_cluster{number, id, reason}, [=](const request_done& one) { return one.request == number; });
  if (!done.done)
    core::throw_error(errc::invalid_argument, done.text);
  return done.text;
}

std::string submitter::submit(const std::string& token, const cluster::driver_description& what, const std::vector<program_file>& files) {
  submit_driver request;
  request.token = token;
  request.what = what;
  for (;;) {
    request.request = impl_->next_number();
    const auto told = impl_->ask<driver_submitted>(request, [&](const driver_submitted& one) { return one.request == request.request; });
    if (!told.refused.empty())
      core::throw_error(errc::invalid_argument, "the cluster refuses this program: " + told.refused);
    if (!told.driver.empty())
      return told.driver;
    for (const auto& missing : told.missing)
      for (const auto& one : files)
        if (one.what.sha256 == missing.sha256)
          for (std::uint64_t offset = 0; offset < one.what.bytes;) {
            const auto stored = impl_->ask<piece_stored>(read_piece(one, offset), [&](const piece_stored& answer) {
              return answer.sha256 == one.what.sha256 && (answer.received > offset || !answer.failure.empty());
            });
            if (!stored.failure.empty())
              core::throw_error(errc::io_error, "the master cannot store " + one.path.string() + ": " + stored.failure);
            offset = stored.received;
          }
  }
}

log_read submitter::read(read_log what) {
  what.request = impl_->next_number();
  auto told = impl_->ask<log_read>(what, [&](const log_read& one) { return one.request == what.request; });
  if (!told.failure.empty())
    core::throw_error(errc::input_not_found, told.failure);
  return told;
}

} // namespace salamander::actors
