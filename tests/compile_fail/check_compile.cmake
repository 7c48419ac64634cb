# Compiles SOURCE with FLAGS; what is expected stands in its first line: "// expect: <text the compiler prints>", or
# "// compiles" for the control case, without which a broken include path would look like success.
file(STRINGS ${SOURCE} first_line LIMIT_COUNT 1)
execute_process(
  COMMAND ${COMPILER} ${FLAGS} ${SOURCE}
  RESULT_VARIABLE failed
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
if(first_line STREQUAL "// compiles")
  if(failed)
    message(FATAL_ERROR "${SOURCE} must compile:\n${output}")
  endif()
elseif(first_line MATCHES "^// expect: (.+)$")
  set(expected "${CMAKE_MATCH_1}")
  if(NOT failed)
    message(FATAL_ERROR "${SOURCE} must not compile, but does")
  endif()
  string(FIND "${output}" "${expected}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "${SOURCE} does not compile, but the advice \"${expected}\" is missing:\n${output}")
  endif()
else()
  message(FATAL_ERROR "${SOURCE}: the first line must say \"// expect: ...\" or \"// compiles\"")
endif()
