#include <salamander/actors/log.hpp>

#include <salamander/rdd/error.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdio>
#include <mutex>

namespace salamander::actors {
namespace {

/// Writes each line with one call, so that lines of several processes do not mix.
class stderr_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  void set_preamble(std::function<void()> clear) {
    const std::lock_guard lock(mutex_);
    clear_ = std::move(clear);
  }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (clear_)
      clear_();
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override {
    std::fflush(stderr);
  }

private:
  std::function<void()> clear_;
};

struct log_target {
  std::shared_ptr<stderr_sink> sink = std::make_shared<stderr_sink>();
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger = make("driver");
  log_level least = log_level::warn;

  std::shared_ptr<spdlog::logger> make(std::string who) {
    auto made = std::make_shared<spdlog::logger>(std::move(who), sink);
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %L salamander %n: %v");
    return made;
  }
};

/// Never destroyed: threads may log while the program ends.
log_target& target() {
  static auto* const instance = new log_target; // NOLINT: lives as long as the process
  return *instance;
}

constexpr std::array<std::string_view, 6> names{"trace", "debug", "info", "warn", "error", "off"};
constexpr std::array levels{spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                            spdlog::level::warn,  spdlog::level::err,   spdlog::level::off};

} // namespace

log_level parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return static_cast<log_level>(i);
  core::throw_error(errc::bad_config_value, "salamander.log.level is \"" + std::string(name) +
                                                "\", but can only be trace, debug, info, warn, "
                                                "error or off");
}

void set_log_level(log_level least) {
  auto& to = target();
  const std::lock_guard lock(to.mutex);
  to.least = least;
  to.logger->set_level(levels[static_cast<std::size_t>(least)]);
}

void set_log_name(std::string who) {
  auto& to = target();
  const std::lock_guard lock(to.mutex);
  to.logger = to.make(std::move(who));
  to.logger->set_level(levels[static_cast<std::size_t>(to.least)]);
}

void set_log_preamble(std::function<void()> clear) {
  target().sink->set_preamble(std::move(clear));
}

void log(log_level level, const std::string& text) {
  auto& to = target();
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(to.mutex);
    logger = to.logger;
  }
  logger->log(levels[static_cast<std::size_t>(level)], "{}", text);
}

} // namespace salamander::actors
