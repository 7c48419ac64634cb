// Finds the master to talk to among those of a cluster.
#pragma once

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/cluster/messages.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace salamander::actors {

/// "salamander-cluster/1": masters, workers, drivers and submitters of other versions are refused.
std::string cluster_protocol();

/// Looks for a master that can be connected to, on a thread of its own. Whether it leads is for the caller to find out, by asking.
/// Threads: any.
class master_line {
public:
  /// `on_found` is called by the line's thread each time a connection was made; `on_trouble`, at most once a minute, with what is wrong
  /// while none can be; `on_failure` at each attempt that failed, with whether all masters were found to have other credentials one after
  /// the other: then looking on is of no use. Looks at once.
  master_line(actor_host& host, std::vector<net::address> masters, std::function<void(const master_door&)> on_found,
              std::function<void(const std::string&)> on_trouble, std::function<void(const std::string&, bool hopeless)> on_failure = {});
  master_line(const master_line&) = delete;
  master_line& operator=(const master_line&) = delete;
  /// Waits for an attempt that is under way: at most its deadline of 2 s.
  ~master_line();

  /// The one that was found does not lead, is gone or silent: looks again, at `hint` ("host:port") first, which it has said and which need
  /// not be one of the masters that were named; without a hint at the next one. No effect while it is looking.
  void seek(const std::string& hint = {});

private:
  void follow(const std::string& hint);
  void run();

  actor_host& host_;
  const std::size_t named_;
  std::vector<net::address> masters_; ///< those that were named, then the one of the newest hint if it was not
  const std::function<void(const master_door&)> on_found_;
  const std::function<void(const std::string&)> on_trouble_;
  const std::function<void(const std::string&, bool)> on_failure_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool looking_ = true;
  std::size_t next_ = 0;
  std::thread thread_;
};

/// Reads "salamander://host:port[,host:port...]". Errors: errc::bad_master_url.
std::vector<net::address> masters_of(const std::string& url);

} // namespace salamander::actors
