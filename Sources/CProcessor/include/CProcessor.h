// Whether this machine's processor can run what is compiled for x86-64-v3. Compiled for any x86-64 itself, so that it can
// be asked before anything else runs.
#ifndef CPROCESSOR_H
#define CPROCESSOR_H

enum { CPROCESSOR_TEXT_SIZE = 128 };

// Writes the names of the instructions that are missing, "AVX2, FMA"; returns how many there are.
int cprocessor_list_missing(char text[CPROCESSOR_TEXT_SIZE]);

#endif
