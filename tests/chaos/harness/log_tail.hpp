// The last lines of each process's messages.
#pragma once

#include <deque>
#include <map>
#include <string>

namespace chaos {

class log_tail {
public:
  /// A line of the application's standard error: the driver's and its executors' are mixed in it, each line with a name.
  void add(const std::string& line);
  void clear();
  std::string text() const;

private:
  std::map<std::string, std::deque<std::string>> by_process_;
};

} // namespace chaos
