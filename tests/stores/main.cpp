// Stores of other machines; executors in the process and in processes of their own, as SALAMANDER_MASTER says.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  doctest::Context context(argc, argv);
  return context.run();
}
