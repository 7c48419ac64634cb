#include "harness/target.hpp"

namespace chaos {

std::vector<std::unique_ptr<target>> all_targets() {
  std::vector<std::unique_ptr<target>> all;
  all.push_back(make_driver_target());
  all.push_back(make_keeper_target());
  all.push_back(make_executor_target());
  all.push_back(make_orders_target());
  all.push_back(make_network_target());
  all.push_back(make_disk_target());
  return all;
}

std::vector<fault_kind> all_kinds(const std::string& part) {
  std::vector<fault_kind> all;
  for (const auto& one : all_targets())
    for (auto& kind : one->kinds())
      if (kind.name.find(part) != std::string::npos)
        all.push_back(std::move(kind));
  return all;
}

} // namespace chaos
