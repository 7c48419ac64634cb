# What service managers, batch systems and containers need to run the tool; docs/deploy.md explains it. It is the component "runtime"
# together with the tool: "cmake --install BUILD --component runtime" makes a machine of a cluster.

set(SALAMANDER_DEPLOY_DIR ${CMAKE_INSTALL_DATADIR}/salamander/deploy)

install(TARGETS salamander_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/deploy/docker ${PROJECT_SOURCE_DIR}/deploy/kubernetes ${PROJECT_SOURCE_DIR}/deploy/slurm
        DESTINATION ${SALAMANDER_DEPLOY_DIR} COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/systemd/master.env ${PROJECT_SOURCE_DIR}/deploy/systemd/worker.env
        DESTINATION ${SALAMANDER_DEPLOY_DIR}/systemd COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/docs/deploy.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

# systemd looks below /usr and /usr/local by itself, in "lib" whatever the architecture's library directory is.
install(FILES ${PROJECT_SOURCE_DIR}/deploy/systemd/salamander.sysusers DESTINATION lib/sysusers.d RENAME salamander.conf COMPONENT runtime)
# Units name the tool by its whole path, which is known when it is installed.
set(salamander_unit_values "set(bindir [==[${CMAKE_INSTALL_BINDIR}]==])\nset(docdir [==[${CMAKE_INSTALL_DOCDIR}]==])")
set(salamander_unit_templates ${PROJECT_SOURCE_DIR}/deploy/systemd)
install(CODE "${salamander_unit_values}\nset(templates [==[${salamander_unit_templates}]==])" COMPONENT runtime)
install(CODE [[
  cmake_path(ABSOLUTE_PATH bindir BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  cmake_path(ABSOLUTE_PATH docdir BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  foreach(unit IN ITEMS salamander-master.service salamander-worker.service)
    set(destination "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/${unit}")
    message(STATUS "Installing: ${destination}")
    configure_file("${templates}/${unit}.in" "$ENV{DESTDIR}${destination}" @ONLY)
  endforeach()
]] COMPONENT runtime)
