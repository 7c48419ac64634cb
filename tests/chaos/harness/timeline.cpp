#include "harness/timeline.hpp"

#include <cerrno>
#include <system_error>

namespace chaos {
namespace {

constexpr std::size_t recent_max = 120;

} // namespace

timeline::timeline(const std::filesystem::path& file, bool shown) : file_(std::fopen(file.c_str(), "we")), shown_(shown) {
  if (!file_)
    throw std::system_error(errno, std::generic_category(), "cannot create " + file.string());
}

timeline::~timeline() {
  std::fclose(file_);
}

double timeline::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void timeline::note(const std::string& text) {
  char time[32];
  std::snprintf(time, sizeof time, "%9.3f  ", seconds());
  recent_.push_back(time + text);
  if (recent_.size() > recent_max)
    recent_.pop_front();
  std::fprintf(file_, "%s\n", recent_.back().c_str());
  std::fflush(file_);
  if (shown_) {
    std::printf("%s\n", recent_.back().c_str());
    std::fflush(stdout);
  }
}

} // namespace chaos
