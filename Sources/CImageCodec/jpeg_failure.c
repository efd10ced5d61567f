#include "jpeg_failure.h"

#include <jerror.h>

static void leave_with_text(j_common_ptr codec) {
  jpeg_failure *failure = (jpeg_failure *)codec->err;
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  snprintf(failure->text, CIMAGECODEC_ERROR_SIZE, "%s", text);
  longjmp(failure->start, 1);
}

static void judge_message(j_common_ptr codec, int level) {
  if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF) {
    jpeg_failure *failure = (jpeg_failure *)codec->err;
    snprintf(failure->text, CIMAGECODEC_ERROR_SIZE, "the JPEG data ends before the image is complete");
    longjmp(failure->start, 1);
  }
}

static void ignore_message(j_common_ptr codec) { (void)codec; }

struct jpeg_error_mgr *jpeg_failure_prepare(jpeg_failure *failure) {
  struct jpeg_error_mgr *manager = jpeg_std_error(&failure->manager);
  manager->error_exit = leave_with_text;
  manager->emit_message = judge_message;
  manager->output_message = ignore_message;
  return manager;
}
