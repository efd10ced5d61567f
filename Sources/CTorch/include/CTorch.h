// C ABI over libtorch. No torch type appears here: tensors and generators are opaque handles with one owner each.
//
// One idiom: every function that can fail returns a status, results come through out-parameters, and the message of
// the last failure on this thread is `ctorch_error_message()`. A handle given out is the caller's to free.
#pragma once
#include "ctorch_types.h"
#include "ctorch_machine.h"
#include "ctorch_tensor.h"
#include "ctorch_network.h"
#include "ctorch_distributed.h"
