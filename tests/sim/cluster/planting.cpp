#include "planting.hpp"

#include <array>

namespace salamander {
namespace {

using sim::cluster::defect;

thread_local defect switched_on = defect::none;

constexpr std::array<std::string_view, static_cast<std::size_t>(defect::count_)> names{
    "none",
    "takes_over_early",
    "attempt_not_written",
    "end_not_written",
    "token_forgotten",
    "old_orders_obeyed",
    "buried_comes_back",
    "reports_not_counted",
    "failed_is_retried",
};

} // namespace

bool scheduler::cluster::planted(defect which) noexcept {
  return which == switched_on;
}

void sim::cluster::plant(defect which) noexcept {
  switched_on = which;
}

std::string_view sim::cluster::name_of(defect which) noexcept {
  return names[static_cast<std::size_t>(which)];
}

std::optional<defect> sim::cluster::defect_of(std::string_view name) noexcept {
  for (const auto one : all_defects())
    if (name == name_of(one))
      return one;
  return std::nullopt;
}

std::vector<defect> sim::cluster::all_defects() {
  std::vector<defect> all;
  for (std::size_t at = 1; at < names.size(); ++at)
    all.push_back(static_cast<defect>(at));
  return all;
}

} // namespace salamander
