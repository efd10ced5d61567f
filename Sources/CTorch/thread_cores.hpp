// Which core each thread of libtorch's operations runs on.
#pragma once

namespace ctorch {

/// Has the calling thread, number `thread` of an operation that a thread that keeps its threads to cores has begun, stay on
/// the core of that number. libgomp ends and starts threads as it likes, so that every loop of ours asks it again.
void keep_to_core(int thread);

/// Whether operations that the calling thread begins keep their threads to cores.
bool keeps_to_cores();

}  // namespace ctorch
