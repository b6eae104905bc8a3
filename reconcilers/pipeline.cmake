add_library(reconcilers STATIC
    applier.cpp assess.cpp contest.cpp credential_keeper.cpp events.cpp facts.cpp faults.cpp
    gates.cpp grow.cpp kinds.cpp memory.cpp observe.cpp operate.cpp plan.cpp pod_trouble.cpp
    progress.cpp prune.cpp publish.cpp read_json.cpp reconciler.cpp retention.cpp status.cpp stock.cpp together.cpp
    updates.cpp volumes.cpp workload.cpp)
precompile(reconcilers)
target_link_libraries(reconcilers PUBLIC desired k8s_client crds PRIVATE OpenSSL::Crypto)
