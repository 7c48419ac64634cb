// Defects of the simulator's build; see probes.hpp. Each is asked for in exactly one place.
SALAMANDER_DEFECT(late_result_accepted)          // attempts of a stage that was rolled back still count
SALAMANDER_DEFECT(lost_outputs_stay)             // the map outputs of a dead executor stay registered
SALAMANDER_DEFECT(lost_task_forgotten)           // a task that was running on a dead executor is not queued again
SALAMANDER_DEFECT(one_failure_too_many)          // a task may fail once more than it may
SALAMANDER_DEFECT(dead_executor_preferred)       // cached blocks of a dead executor count as there
SALAMANDER_DEFECT(suspect_gets_tasks)            // a suspected executor is sent new tasks
SALAMANDER_DEFECT(changed_inputs_overlooked)     // a stage that has lost inputs launches tasks all the same
SALAMANDER_DEFECT(unreadable_output_stays)       // a map output that could not be fetched stays registered
SALAMANDER_DEFECT(old_attempt_runs_twice)        // a task that still runs from an earlier attempt of its stage is started again
SALAMANDER_DEFECT(loser_not_cancelled)           // of two attempts the slower one goes on, and counts
SALAMANDER_DEFECT(failed_copy_restarts_task)     // a task is started again although its other attempt goes on
SALAMANDER_DEFECT(copy_on_same_executor)         // a second attempt is sent to where the first one runs
SALAMANDER_DEFECT(excluded_executor_used)        // strict rules about executors with failures are not kept
SALAMANDER_DEFECT(contents_not_compared)         // a map output that was made again is not compared with the one that was read
SALAMANDER_DEFECT(rollback_forgets_a_consumer)   // a stage that read contents which have changed is not rolled back
SALAMANDER_DEFECT(results_not_withdrawn)         // results made from contents which have changed stay delivered
SALAMANDER_DEFECT(caches_survive_rollback)       // cached blocks made from contents which have changed stay
SALAMANDER_DEFECT(indeterminate_in_part)         // a stage that is declared indeterminate runs only its lost tasks again
SALAMANDER_DEFECT(gang_launched_in_part)         // a barrier stage is launched when only some of its tasks find a free core
SALAMANDER_DEFECT(channel_delivers_duplicates)   // a message that arrives twice counts twice
SALAMANDER_DEFECT(channel_confirms_one_too_many) // a missing message is confirmed as if it had arrived
SALAMANDER_DEFECT(channel_resends_another)       // under a missing message's number its neighbour is sent
SALAMANDER_DEFECT(fenced_session_delivers)       // what an executor says after its death still counts
SALAMANDER_DEFECT(queue_runs_duplicates)         // an order that an executor gets twice runs twice
SALAMANDER_DEFECT(restart_intensity_off_by_one)  // one restart more than allowed within the window
SALAMANDER_DEFECT(restart_after_stop)            // an executor is replaced although the application ends
SALAMANDER_DEFECT(released_before_moved)         // a leaving executor ends before what it holds has moved
SALAMANDER_DEFECT(moved_inputs_not_renewed)      // a map output has moved, and running stages go on sending readers to its old place
SALAMANDER_DEFECT(damaged_block_accepted)        // a block whose checksum is wrong is handed out
