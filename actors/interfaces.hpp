// The protocol book: every actor's interface, one line for each message.
//
//   user thread --submit_job--> scheduler_actor --run_tasks--> executor_actor            (local master)
//                                                              = in this process
//   user thread --submit_job--> scheduler_actor --run_tasks--> executor_link --TLS, numbered_order--> executor_actor in its process
//                                               <--tasks_reported--           <--TLS, numbered_report--
//               supervisor_actor <--register_executor-- executor_actor, spawns the executor_link, starts and buries processes
//
// The scheduler's part of the executor's interface (executor_port, in messages.hpp because a message carries it):
//   run_stage        plan and inputs of a stage attempt; once for each executor, before its first task
//   run_tasks        attempts to run; each is answered by one report
//   cancel_attempts  attempts whose reports nobody needs; they still report
//   forget_stage     a stage that will run no more tasks
//   drop_dataset     cached partitions of a dataset; answered by dataset_dropped
//   drop_shuffle     map outputs of a shuffle
//   drop_result      a kept result that was fetched or is not wanted; a map output that is not wanted
//   drop_broadcast   the copy of a broadcast value; answered by dataset_dropped
//   meet_peers       where others serve their blocks
//   take_blocks      blocks of an executor that leaves are to be kept here; answered by blocks_taken
//   barrier_passed   tasks that wait at a barrier go on, or fail
//   leave            the executor ends
#pragma once

#include <salamander/actors/messages.hpp>

namespace salamander::actors {

/// What the scheduler hears from executors: in local mode from the executor itself, else from links.
using executor_inbox = caf::typed_actor<caf::reacts_to<heartbeat>,       // alive; load and cache size
                                        caf::reacts_to<tasks_reported>,  // attempts that ended, with small results; evicted blocks
                                        caf::reacts_to<dataset_dropped>, // answer to drop_dataset and drop_broadcast
                                        caf::reacts_to<barrier_reached>, // a task waits; answered by barrier_passed or cancel_attempts
                                        caf::reacts_to<blocks_taken>>;   // answer to take_blocks

/// Runs tasks: in the driver's process for local masters, else in an executor's. Orders come bare in the first case and numbered in
/// the second.
using executor_actor = executor_port::extend<caf::reacts_to<numbered_order>,  // an order, which counts once and in its turn
                                             caf::reacts_to<messages_seen>,   // which numbered reports have arrived
                                             caf::reacts_to<welcome>,         // registration accepted; the sender is our link
                                             caf::reacts_to<refused>,         // registration refused; the process ends
                                             caf::reacts_to<heartbeat_seen>,  // the driver lives
                                             caf::reacts_to<driver_found>,    // from its process: another connection
                                             caf::reacts_to<reports_waiting>, // from the task threads
                                             caf::reacts_to<beat>>;           // time for a heartbeat

/// What an executor in a process of its own sends its driver.
using link_door = caf::typed_actor<caf::reacts_to<heartbeat>,       // answered by heartbeat_seen
                                   caf::reacts_to<numbered_report>, // a report, which counts once and in its turn
                                   caf::reacts_to<messages_seen>>;  // which numbered orders have arrived

/// Stands for one remote executor on the driver; after the executor's death it refuses and counts what still comes.
using executor_link = executor_port::extend_with<link_door>::extend<caf::reacts_to<held_message>, // own clock: injected delays
                                                                    caf::reacts_to<check_time>,   // own clock
                                                                    caf::reacts_to<found_ended>,  // own look: its process is not there
                                                                    caf::reacts_to<greet>,        // from the supervisor: welcome it again
                                                                    caf::reacts_to<fence>>;       // from the supervisor: it is dead

/// All that a stranger with our certificate can reach on a driver.
using driver_door = caf::typed_actor<caf::reacts_to<register_executor>>; // answered by welcome (from the link) or refused

/// Introduces executors to the scheduler and buries them.
using executors_owner = driver_door::extend<caf::reacts_to<link_lost>,     // from a link: nobody talks to that executor any more
                                            caf::reacts_to<kill_executor>, // from the scheduler: it is excluded
                                            caf::reacts_to<check_time>,    // own clock
                                            caf::reacts_to<shut_down>>;    // executors leave, then the actor ends

/// Of a local cluster: starts processes of this machine, and replaces them.
using supervisor_actor = executors_owner::extend<caf::reacts_to<process_ended>, // from the launcher: now it is dead for certain
                                                 caf::reacts_to<restart_due>>;  // own clock: the restart policy allows the next one

/// Of a standalone cluster: takes the executors that its master grants.
using application_actor = executors_owner::extend<caf::reacts_to<master_event>,     // from the contact to the masters
                                                  caf::reacts_to<executors_wanted>, // from the scheduler: dynamic allocation
                                                  caf::reacts_to<beat>>;            // own clock

/// Shell of scheduler::driver_scheduler.
using scheduler_actor = executor_inbox::extend<caf::reacts_to<submit_job>,         // by users' threads
                                               caf::reacts_to<cancel_job>,         //
                                               caf::reacts_to<cancel_all_jobs>,    //
                                               caf::reacts_to<executor_ready>,     // from the supervisor: it registered
                                               caf::reacts_to<executor_gone>,      // from the supervisor: its process is dead
                                               caf::reacts_to<executor_silent>,    // from a link: suspect, or recovered
                                               caf::reacts_to<executor_leaves>,    // from its owner: its worker leaves
                                               caf::reacts_to<executors_given_up>, // from the supervisor: none will come
                                               caf::reacts_to<result_fetched>,     // from the fetching thread
                                               caf::reacts_to<unpersist_dataset>,  // by users' threads
                                               caf::reacts_to<release_shuffle>,    // by users' threads
                                               caf::reacts_to<forget_broadcast>,   // by users' threads
                                               caf::reacts_to<count_cached>,       // by users' threads
                                               caf::reacts_to<wake>,               // own clock, asked for by the state machine
                                               caf::reacts_to<beat>,               // own clock: dynamic allocation looks at the load
                                               caf::reacts_to<shut_down>>;         // running jobs fail, then the actor ends

} // namespace salamander::actors
