#pragma once

#include "support.hpp"

/// The six works and the empty job, by hand: what a good programmer would write for two threads and nothing else.
namespace bench {

report word_count(const arguments& args);
report log_mining(const arguments& args);
report logistic_regression(const arguments& args);
report k_means(const arguments& args);
report page_rank(const arguments& args);
report tera_sort(const arguments& args);
report empty_job(const arguments& args);

} // namespace bench
