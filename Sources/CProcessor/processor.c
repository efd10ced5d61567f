#include "CProcessor.h"

#include <stdio.h>
#include <sys/platform/x86.h>

// What glibc found active: in the processor, let through by the system and not switched off by GLIBC_TUNABLES.
int cprocessor_list_missing(char text[CPROCESSOR_TEXT_SIZE]) {
  const struct {
    const char *name;
    int is_active;
  } level[] = {
      {"AVX", CPU_FEATURE_ACTIVE(AVX)},     {"AVX2", CPU_FEATURE_ACTIVE(AVX2)},   {"BMI1", CPU_FEATURE_ACTIVE(BMI1)},
      {"BMI2", CPU_FEATURE_ACTIVE(BMI2)},   {"F16C", CPU_FEATURE_ACTIVE(F16C)},   {"FMA", CPU_FEATURE_ACTIVE(FMA)},
      {"LZCNT", CPU_FEATURE_ACTIVE(LZCNT)}, {"MOVBE", CPU_FEATURE_ACTIVE(MOVBE)},
  };
  int missing = 0, length = 0;
  text[0] = 0;
  for (unsigned i = 0; i < sizeof level / sizeof *level; i++) {
    if (level[i].is_active) continue;
    length += snprintf(
        text + length, (size_t)(CPROCESSOR_TEXT_SIZE - length), "%s%s", missing ? ", " : "", level[i].name);
    missing++;
  }
  return missing;
}
