#include <salamander/actors/stores/ranged_source.hpp>

#include <salamander/actors/stores/http.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <cstring>

namespace salamander::actors {

ranged_source::ranged_source(std::string path, std::uint64_t offset, std::uint64_t must_reach, fetch_range fetch)
    : path_(std::move(path)), start_(offset), next_(offset), must_reach_(must_reach), fetch_(std::move(fetch)) {}

std::size_t ranged_source::read(char* to, std::size_t size) {
  if (used_ == window_.size() && !at_end_) {
    auto wanted = std::uint64_t{range_bytes_};
    if (next_ < must_reach_)
      wanted = std::min(wanted, must_reach_ - next_);
    else
      wanted = range_bytes_min; // the rest of a line
    fetch_(next_, static_cast<std::size_t>(wanted), window_);
    used_ = 0;
    at_end_ = window_.size() < wanted;
    range_bytes_ = std::min(range_bytes_ * 2, range_bytes_max);
    if (at_end_ && next_ + window_.size() < must_reach_)
      core::throw_error(errc::io_error, shown_url(path_) + " became shorter while it was read: it ends at byte " +
                                            std::to_string(next_ + window_.size()) + ", and had at least " + std::to_string(must_reach_) +
                                            " when it was listed");
  }
  const auto got = std::min(size, window_.size() - used_);
  std::memcpy(to, window_.data() + used_, got);
  used_ += got;
  next_ += got;
  return got;
}

} // namespace salamander::actors
