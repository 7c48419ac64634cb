#pragma once

#include <salamander/salamander.hpp>

namespace sal = salamander;

sal::rdd<int> job_a(const sal::rdd<int>& in);
sal::rdd<int> job_b(const sal::rdd<int>& in);
