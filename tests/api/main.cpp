// The public interface from outside: one body of tests, run on the master named by SALAMANDER_MASTER.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  doctest::Context context(argc, argv);
  return context.run();
}
