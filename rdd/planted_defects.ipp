// Defects of the simulator's build; see probes.hpp. Each is asked for in exactly one place.
SALAMANDER_DEFECT(late_result_accepted)        // a report of an attempt that is not running any more counts
SALAMANDER_DEFECT(channel_delivers_duplicates) // a message that arrives twice counts twice
SALAMANDER_DEFECT(channel_confirms_one_too_many) // a missing message is confirmed as if it had arrived
SALAMANDER_DEFECT(channel_resends_another)     // under a missing message's number its neighbour is sent
SALAMANDER_DEFECT(fenced_session_delivers)     // what an executor says after its death still counts
SALAMANDER_DEFECT(queue_runs_duplicates)       // an order that an executor gets twice runs twice
SALAMANDER_DEFECT(restart_intensity_off_by_one) // one restart more than allowed within the window
SALAMANDER_DEFECT(restart_after_stop)          // an executor is replaced although the application ends
