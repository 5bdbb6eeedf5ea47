// PocketSphinx itself, loaded when a speech worker first needs it rather than with the program: the
// server never calls it, and its libraries (LAPACK, Fortran, sound devices among them) would cost every
// start time and 2 MB. Functions keep their own names: `library().ps_init(config)`.
//
// Thread: any; loaded once and never unloaded. Errors: library() throws std::runtime_error where the
// library is not installed or lacks a function; load() says so instead, for who wants to know first.
#pragma once

#include "base/result.h"

#include <pocketsphinx.h>
#include <sphinxbase/cmn.h>
#include <sphinxbase/err.h>
#include <sphinxbase/ngram_model.h>

namespace voxanne::speech::pocketsphinx {

#define VOXANNE_POCKETSPHINX_FUNCTIONS(each)                                                           \
  each(cmd_ln_float_r) each(cmd_ln_free_r) each(cmd_ln_init) each(cmd_ln_set_str_r) each(cmn_live_get) \
      each(cmn_live_set) each(err_set_logfp) each(logmath_exp) each(logmath_free) each(logmath_init)   \
          each(ngram_model_free) each(ngram_model_get_counts) each(ngram_model_read)                   \
              each(ngram_model_set_init) each(ngram_word) each(ps_args) each(ps_end_utt) each(ps_free) \
                  each(ps_get_config) each(ps_get_feat) each(ps_get_logmath) each(ps_init)             \
                      each(ps_process_raw) each(ps_seg_frames) each(ps_seg_iter) each(ps_seg_next)     \
                          each(ps_seg_prob) each(ps_seg_word) each(ps_set_lm) each(ps_set_search)      \
                              each(ps_start_stream) each(ps_start_utt)

struct Library {
#define VOXANNE_MEMBER(name) decltype(&::name) name;
  VOXANNE_POCKETSPHINX_FUNCTIONS(VOXANNE_MEMBER)
#undef VOXANNE_MEMBER
};

Result<> load_library();
const Library& library();

}  // namespace voxanne::speech::pocketsphinx
