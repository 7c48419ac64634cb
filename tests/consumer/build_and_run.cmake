# Installs the library if asked to, builds the project in SOURCE, and runs it on threads and on executor processes.
function(run)
  execute_process(
    COMMAND ${ARGN}
    RESULT_VARIABLE failed
    OUTPUT_VARIABLE output
    ERROR_VARIABLE errors)
  if(failed)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\nfailed (${failed}):\n${output}${errors}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(options "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
if(INSTALL)
  file(REMOVE_RECURSE ${BINARY}/prefix)
  run(${CMAKE_COMMAND} --install ${SALAMANDER_BINARY} --prefix ${BINARY}/prefix)
  list(APPEND options -DCMAKE_PREFIX_PATH=${BINARY}/prefix)
else()
  list(APPEND options -DSALAMANDER_SOURCE=${SALAMANDER_SOURCE})
endif()
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY}/build -G ${GENERATOR} ${options})
run(${CMAKE_COMMAND} --build ${BINARY}/build --target word_count --parallel 2)

foreach(master IN ITEMS "local[2]" "local-cluster[2,1,256]")
  run(${CMAKE_COMMAND} -E env SALAMANDER_MASTER=${master} SALAMANDER_CONF_DIR= ${BINARY}/build/word_count ${INPUT})
  if(NOT output STREQUAL "fire 3\nwater 2\n")
    message(FATAL_ERROR "on ${master} the program printed:\n${output}")
  endif()
endforeach()
