// Salamander's public face for tests: faults on purpose, reports of what they did, and the check that a job survives any one of
// them. The guide is docs/testing_faults.md. Programs that are no tests need salamander.hpp only.
#pragma once

#include <salamander/rdd/fault_report.hpp>
#include <salamander/rdd/fault_survival.hpp>
#include <salamander/rdd/fault_task.hpp>
#include <salamander/rdd/faults.hpp>
