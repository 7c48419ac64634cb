# The part of actors/ that knows nothing of CAF.
set(SALAMANDER_RUNTIME_SOURCES
    block_service.cpp
    broadcast_pieces.cpp
    broadcast_values.cpp
    cache_claims.cpp
    executor_runtime.cpp
    fault_injector.cpp
    memory_budget.cpp
    task_environment.cpp
    task_runner.cpp
    task_watch.cpp
    net/block_client.cpp
    net/block_fetcher.cpp
    net/block_frames.cpp
    net/block_server.cpp
    net/block_socket.cpp
    net/block_stream.cpp)
