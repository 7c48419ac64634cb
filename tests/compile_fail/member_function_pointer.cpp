// expect: salamander: a pointer to a member function means nothing in another process
#include <salamander/salamander.hpp>

struct counter {
  int n = 0;
  int twice() const;
};

void define(const salamander::rdd<counter>& counters) {
  counters.map(&counter::twice);
}
