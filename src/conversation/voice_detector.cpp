#include "audio/activity.h"
#include "conversation/listener.h"

namespace voxanne::conversation {

VoiceDetector default_voice_detector() {
  return [detector = audio::ActivityDetector{}](const audio::Frame& frame) mutable {
    const auto activity = detector.process(frame);
    // Its hangover is left out: the turn taker measures pauses itself, from the last speech on.
    const bool onset = activity.edge == audio::ActivityDetector::Edge::onset;
    return Voiced{.speech = activity.speech && (onset || activity.frames_ago == 0),
                  .began_ago = milliseconds{onset ? activity.frames_ago * audio::frame_ms : 0}};
  };
}

}  // namespace voxanne::conversation
