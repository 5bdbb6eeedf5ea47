// render_prompts OUTPUT.cpp: writes house_prompts() as source, at build time.
#include "app/prompts/prompts.h"
#include "async/thread.h"
#include "audio/g711.h"
#include "domain/assistant.h"
#include "speech/flite/synthesizer.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>

namespace {

using namespace voxanne;

async::Task<Result<speech::SpeechChunk>> render(speech::Synthesizer& synthesizer, const std::string& sentence,
                                                const std::string& voice, int rate) {
  speech::SpeechChunk whole;
  const auto speech = synthesizer.say(sentence, voice, rate);
  for (;;) {
    auto chunk = co_await speech->next();
    if (!chunk) co_return chunk.error();
    if (!chunk->has_value()) co_return whole;
    const auto& part = **chunk;
    whole.samples.insert(whole.samples.end(), part.samples.begin(), part.samples.end());
    whole.words.insert(whole.words.end(), part.words.begin(), part.words.end());
  }
}

std::string literal(std::string_view bytes) {
  std::string out{'"'};
  for (const char byte : bytes) fmt::format_to(std::back_inserter(out), "\\{:03o}", std::uint8_t(byte));
  return out + '"';
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::fputs("usage: render_prompts OUTPUT.cpp\n", stderr), 2;
  async::LoopThread loop{"render"};
  async::WorkerPool workers{"voicing", 1};
  speech::flite::FliteSynthesizer synthesizer{workers};
  const auto voice = domain::Assistant{}.voice;

  std::string words, prompts;
  int made = 0;
  for (const auto& sentence : app::house_sentences()) {
    for (const int rate : {audio::narrowband, audio::wideband}) {
      const auto rendered = async::run_on(loop.executor(), render(synthesizer, sentence, voice, rate));
      if (!rendered || rendered->samples.empty()) {
        std::fprintf(stderr, "render_prompts: \"%s\" cannot be rendered: %s\n", sentence.c_str(),
                     rendered ? "it is silent" : rendered.error().message.c_str());
        return 1;
      }
      std::string mu_law(rendered->samples.size(), '\0');
      audio::g711_encode(audio::Law::mu, rendered->samples,
                         {reinterpret_cast<std::uint8_t*>(mu_law.data()), mu_law.size()});
      words += fmt::format("constexpr SpokenWord words_{}[] = {{", made);
      for (const auto& word : rendered->words)
        words += fmt::format("{{{}, {}}}, ", word.text_end, word.sample_end);
      words += "};\n";
      prompts +=
          fmt::format("    {{{}sv, {}, {}sv, words_{}}},\n", literal(sentence), rate, literal(mu_law), made);
      ++made;
    }
  }
  std::ofstream out{arguments[1]};
  out << "#include \"app/prompts/prompts.h\"\n\nnamespace voxanne::app {\nnamespace {\n\n"
         "using namespace std::string_view_literals;\nusing speech::SpokenWord;\n\n"
      << words << "\nconstexpr speech::Prompt prompts[] = {\n"
      << prompts
      << "};\n\n}  // namespace\n\nstd::span<const speech::Prompt> house_prompts() { return prompts; }\n\n"
         "}  // namespace voxanne::app\n";
  return out.flush() ? 0 : 1;
}
