// Defects of the simulator's build; see probes.hpp. Each is asked for in exactly one place.
SALAMANDER_DEFECT(late_result_accepted)        // a report of an attempt that is not running any more counts
