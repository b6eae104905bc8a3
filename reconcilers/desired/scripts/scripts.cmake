# Target `desired_scripts`: the scripts beside this file as constants of the program, behind
# reconcilers/desired/scripts.h.
set(scripts_folder ${CMAKE_CURRENT_LIST_DIR})
set(script_names
  buckets.sh init-database.sh redis-alive.sh redis-lib.sh redis-ready.sh sentinel-alive.sh
  start-postgres.sh start-redis.sh start-sentinel.sh stop-redis.sh stop-sentinel.sh
  volume-lib.sh
  resilience/sitecustomize.py resilience/es_resilience.py resilience/es_redis.py resilience/es_journal.py
  resilience/es_broker.py resilience/es_take.py resilience/es_ledger.py resilience/es_tasks.py
  resilience/es_store.py resilience/es_database.py)
list(TRANSFORM script_names PREPEND ${scripts_folder}/ OUTPUT_VARIABLE script_files)

add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/scripts.cpp
  COMMAND ${CMAKE_COMMAND} -DFOLDER=${scripts_folder} "-DNAMES=${script_names}"
          -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/scripts.cpp -P ${scripts_folder}/embed.cmake
  DEPENDS ${script_files} ${scripts_folder}/embed.cmake
  VERBATIM)
add_library(desired_scripts STATIC ${CMAKE_CURRENT_BINARY_DIR}/scripts.cpp)
target_link_libraries(desired_scripts PRIVATE project_options)
