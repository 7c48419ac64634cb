// Which defect of the machines is switched on. Each thread has its own.
#pragma once

#include <salamander/scheduler/cluster/planted.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace salamander::sim::cluster {

using defect = scheduler::cluster::defect;

void plant(defect which) noexcept;
std::string_view name_of(defect which) noexcept;
std::optional<defect> defect_of(std::string_view name) noexcept;
std::vector<defect> all_defects();

} // namespace salamander::sim::cluster
