// Messages between the processes of a standalone cluster, beside the reports and orders of scheduler/cluster/protocol.hpp.
//
// Connections go from workers, drivers and submitters to masters; answers come back over them. Nobody else listens.
#pragma once

#include <salamander/actors/messages.hpp>
#include <salamander/scheduler/cluster/protocol.hpp>

namespace salamander::actors {

namespace cluster = scheduler::cluster;

/// Bytes of a stored file travel in pieces of this size.
inline constexpr std::size_t piece_bytes_max = 512U << 10;

// -- answers of any master ----------------------------------------------------

/// This master does not lead; ask another one.
struct not_leading {
  static constexpr const char* wire_name = "salamander.not_leading";
  std::string leader; ///< "host:port" if it is known
  template <class F>
  void fields(F&& f) {
    f(leader);
  }
};

// -- stored files -------------------------------------------------------------

struct fetch_piece {
  static constexpr const char* wire_name = "salamander.fetch_piece";
  std::string sha256;
  std::uint64_t offset = 0;
  template <class F>
  void fields(F&& f) {
    f(sha256, offset);
  }
};

/// An answer to fetch_piece, or a part of what a driver or submitter was asked for.
struct piece {
  static constexpr const char* wire_name = "salamander.piece";
  std::string sha256;
  std::uint64_t offset = 0;
  std::uint64_t total = 0; ///< 0: there is no such file
  std::string bytes;
  template <class F>
  void fields(F&& f) {
    f(sha256, offset, total, bytes);
  }
};

/// How far a file that is being sent has come; `received` = total: it is stored and was verified.
struct piece_stored {
  static constexpr const char* wire_name = "salamander.piece_stored";
  std::string sha256;
  std::uint64_t received = 0;
  std::string failure; ///< "the disk is full"
  template <class F>
  void fields(F&& f) {
    f(sha256, received, failure);
  }
};

// -- submitters ---------------------------------------------------------------
// Each request has a number of its sender's; sent again with the same number and token it means the same.

struct submit_driver {
  static constexpr const char* wire_name = "salamander.submit_driver";
  std::uint32_t protocol = cluster::cluster_protocol_version;
  std::uint64_t request = 0;
  std::string token;
  cluster::driver_description what;
  template <class F>
  void fields(F&& f) {
    f(protocol, request, token, what);
  }
};

struct driver_submitted {
  static constexpr const char* wire_name = "salamander.driver_submitted";
  std::uint64_t request = 0;
  std::string driver;                        ///< "driver-20261121225500-0003"; empty: see the others
  std::vector<cluster::stored_file> missing; ///< send these, then ask again
  std::string refused;
  template <class F>
  void fields(F&& f) {
    f(request, driver, missing, refused);
  }
};

/// Ends a driver ("driver-...") or an application ("app-...").
struct kill_on_cluster {
  static constexpr const char* wire_name = "salamander.kill_on_cluster";
  std::uint64_t request = 0;
  std::string id;
  std::string reason;
  template <class F>
  void fields(F&& f) {
    f(request, id, reason);
  }
};

struct request_done {
  static constexpr const char* wire_name = "salamander.request_done";
  std::uint64_t request = 0;
  bool done = false;
  std::string text;
  template <class F>
  void fields(F&& f) {
    f(request, done, text);
  }
};

struct ask_status {
  static constexpr const char* wire_name = "salamander.ask_status";
  std::uint64_t request = 0;
  std::string id; ///< of one driver or application; empty: all
  template <class F>
  void fields(F&& f) {
    f(request, id);
  }
};

struct status_told {
  static constexpr const char* wire_name = "salamander.status_told";
  std::uint64_t request = 0;
  cluster::cluster_summary what;
  template <class F>
  void fields(F&& f) {
    f(request, what);
  }
};

// -- logs ---------------------------------------------------------------------
// From a submitter to the master, from there to the worker, and back the same way.

struct read_log {
  static constexpr const char* wire_name = "salamander.read_log";
  std::uint64_t request = 0;
  std::string id;                             ///< application or driver
  std::uint32_t executor = cluster::no_limit; ///< no_limit: the driver's
  std::string stream;                         ///< "stdout" or "stderr"
  std::int64_t offset = -1;                   ///< within what is kept; negative: that many bytes before its end
  std::uint32_t bytes_max = 64U << 10;
  template <class F>
  void fields(F&& f) {
    f(request, id, executor, stream, offset, bytes_max);
  }
};

struct log_read {
  static constexpr const char* wire_name = "salamander.log_read";
  std::uint64_t request = 0;
  std::string text;
  std::uint64_t offset = 0; ///< of the first byte of the text
  std::uint64_t end = 0;    ///< of what is kept now
  std::string failure;
  std::uint32_t process = 0; ///< the executor, or which attempt of the driver: each has a log of its own
  bool runs = false;         ///< it may write more; else all that it wrote is there
  template <class F>
  void fields(F&& f) {
    f(request, text, offset, end, failure, process, runs);
  }
};

// -- interfaces ---------------------------------------------------------------

/// All that can be reached on a master with the cluster's credentials; every answer goes to the sender.
using master_door = caf::typed_actor<caf::reacts_to<cluster::worker_report>,      // answered by worker_orders
                                     caf::reacts_to<cluster::application_report>, // answered by application_grants
                                     caf::reacts_to<cluster::application_ended>,  // answered by application_grants that say so
                                     caf::reacts_to<fetch_piece>,                 // answered by piece
                                     caf::reacts_to<piece>,                       // answered by piece_stored
                                     caf::reacts_to<submit_driver>,               // answered by driver_submitted
                                     caf::reacts_to<kill_on_cluster>,             // answered by request_done
                                     caf::reacts_to<ask_status>,                  // answered by status_told
                                     caf::reacts_to<read_log>,                    // to the worker; answered by log_read
                                     caf::reacts_to<log_read>>;                   // from the worker; to who asked

/// What a worker hears from a master. Any request may be answered by not_leading instead.
using worker_line =
    caf::typed_actor<caf::reacts_to<not_leading>, caf::reacts_to<cluster::worker_orders>, caf::reacts_to<piece>, caf::reacts_to<read_log>>;

/// What a driver hears from a master.
using application_line =
    caf::typed_actor<caf::reacts_to<not_leading>, caf::reacts_to<cluster::application_grants>, caf::reacts_to<piece_stored>>;

/// What a submitter hears from a master.
using submitter_line = caf::typed_actor<caf::reacts_to<not_leading>, caf::reacts_to<driver_submitted>, caf::reacts_to<piece_stored>,
                                        caf::reacts_to<request_done>, caf::reacts_to<status_told>, caf::reacts_to<log_read>>;

} // namespace salamander::actors

namespace salamander::scheduler::cluster {
using actors::inspect; // the framework looks for it beside the message
} // namespace salamander::scheduler::cluster

CAF_BEGIN_TYPE_ID_BLOCK(salamander_cluster, caf::id_block::salamander::end)
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::not_leading))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::scheduler::cluster::worker_report))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::scheduler::cluster::worker_orders))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::scheduler::cluster::application_report))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::scheduler::cluster::application_grants))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::scheduler::cluster::application_ended))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::fetch_piece))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::piece))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::piece_stored))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::submit_driver))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::driver_submitted))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::kill_on_cluster))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::request_done))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::ask_status))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::status_told))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::read_log))
CAF_ADD_TYPE_ID(salamander_cluster, (salamander::actors::log_read))
CAF_END_TYPE_ID_BLOCK(salamander_cluster)
