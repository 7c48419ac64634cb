#include <salamander/scheduler/stage.hpp>

namespace salamander::scheduler {

task_set* stage::set_of(std::uint32_t attempt) {
  if (current && current->attempt() == attempt)
    return current.get();
  for (const auto& zombie : zombies)
    if (zombie->attempt() == attempt)
      return zombie.get();
  return nullptr;
}

void stage::retire_current() {
  if (current && current->running() > 0)
    zombies.push_back(std::move(current));
  current.reset();
  copies.wanted.clear();
  unschedulable_since.reset();
}

void stage::drop_empty_zombies() {
  std::erase_if(zombies, [](const auto& zombie) { return zombie->running() == 0; });
}

std::string stage::title(std::uint32_t attempt) const {
  return "stage " + std::to_string(id.value) + "." + std::to_string(attempt) + " (" + dataset->title() + ")";
}

} // namespace salamander::scheduler
