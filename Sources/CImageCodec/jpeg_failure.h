// libjpeg reports failure by calling a function that must not return; ours writes a line of text and jumps back to where
// work began. Reader and writer share it.
#ifndef CIMAGECODEC_JPEG_FAILURE_H
#define CIMAGECODEC_JPEG_FAILURE_H

#include "CImageCodec.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct {
  struct jpeg_error_mgr manager;  // first, so that a pointer to it is a pointer to this
  jmp_buf start;
  char *text;
} jpeg_failure;

struct jpeg_error_mgr *jpeg_failure_prepare(jpeg_failure *failure);

#endif
