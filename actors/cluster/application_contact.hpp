// A driver's line to the masters of its cluster.
#pragma once

#include <salamander/actors/cluster/messages.hpp>
#include <salamander/actors/net/addresses.hpp>

#include <functional>
#include <memory>

namespace salamander::actors {

/// What the contact tells; called by its own threads.
struct contact_events {
  std::function<void(bool connected)> changed;
  std::function<void(cluster::application_grants)> granted;
  std::function<void(const piece_stored&)> stored;
  std::function<void(const std::string&)> refused; ///< the masters have other credentials
};

/// An actor system of its own, with the cluster's credentials: those of the application are for its executors only.
/// Threads: any. Faults: looks for another master when one is gone or does not lead; what is said meanwhile is lost, and reports are
/// said again anyway.
class application_contact {
public:
  /// Errors: errc::io_error when the credentials cannot be used.
  application_contact(const std::filesystem::path& credentials_directory, std::vector<net::address> masters, const contact_events& events);
  application_contact(const application_contact&) = delete;
  application_contact& operator=(const application_contact&) = delete;
  ~application_contact();

  void say(cluster::application_report what);
  void say(cluster::application_ended what);
  void say(piece what);
  /// The master at hand is silent: looks for another one.
  void seek();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
