#include <salamander/rdd/error.hpp>

#include <array>

namespace salamander {
namespace {

struct code_info {
  std::string_view text;
  retry_class retry;
};

constexpr std::array codes{
    code_info{"invalid argument", retry_class::never},
    code_info{"empty collection", retry_class::never},
    code_info{"function cannot travel", retry_class::never},
    code_info{"unknown configuration key", retry_class::never},
    code_info{"bad configuration value", retry_class::never},
    code_info{"bad master URL", retry_class::never},
    code_info{"salamander::init was not called", retry_class::never},
    code_info{"used inside a task", retry_class::never},
    code_info{"context stopped", retry_class::never},
    code_info{"input not found", retry_class::never},
    code_info{"output exists", retry_class::never},
    code_info{"input/output error", retry_class::task},
    code_info{"corrupt data", retry_class::task},
    code_info{"task failed", retry_class::task},
    code_info{"task timeout", retry_class::task},
    code_info{"executor lost", retry_class::task},
    code_info{"fetch failed", retry_class::stage},
    code_info{"stage aborted", retry_class::never},
    code_info{"job cancelled", retry_class::never},
    code_info{"out of memory", retry_class::resource},
    code_info{"out of disk", retry_class::resource},
    code_info{"result too large", retry_class::never},
    code_info{"wrong type", retry_class::never},
    code_info{"malformed row", retry_class::never},
    code_info{"not serializable", retry_class::never},
    code_info{"code refused", retry_class::never},
    code_info{"build mismatch", retry_class::never},
    code_info{"no executors", retry_class::resource},
    code_info{"used after it was destroyed", retry_class::never},
    code_info{"internal error", retry_class::never},
};
static_assert(codes.size() == static_cast<std::size_t>(errc::count_), "every code needs a text and a retry class");

} // namespace

std::string_view to_string(errc code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < codes.size() ? codes[index].text : "unknown";
}

retry_class retry_class_of(errc code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < codes.size() ? codes[index].retry : retry_class::never;
}

error::error(errc code, const std::string& text) : std::runtime_error(text), code_(code) {}

error::error(errc code, const std::string& text, std::vector<attempt_failure> attempts)
    : std::runtime_error(text), code_(code), attempts_(std::move(attempts)) {}

namespace core {

void throw_error(errc code, const std::string& text) {
  throw error(code, text);
}

} // namespace core
} // namespace salamander
