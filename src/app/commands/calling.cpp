#include "app/commands/calling.h"

#include <boost/asio/ip/udp.hpp>

#include <map>

namespace voxanne::app {
namespace {

const std::map<std::string, telephony::rtp::Codec> codecs{{"g722", telephony::rtp::Codec::g722},
                                                          {"pcmu", telephony::rtp::Codec::pcmu},
                                                          {"pcma", telephony::rtp::Codec::pcma}};

// Which of our addresses a packet to that host leaves from: connecting a datagram socket asks the
// routing table and sends nothing.
Result<boost::asio::ip::address> address_towards(const telephony::sip::Uri& target) {
  namespace ip = boost::asio::ip;
  boost::asio::io_context context;
  boost::system::error_code failed;
  const auto known = target.address();
  ip::udp::resolver resolver{context};
  const auto found = known ? ip::udp::resolver::results_type::create(ip::udp::endpoint{*known, 5060}, "", "")
                           : resolver.resolve(target.host, "5060", failed);
  if (failed || found.empty())
    return unavailable("unknown_host", "the host " + target.host + " is not known");
  ip::udp::socket socket{context};
  socket.connect(found.begin()->endpoint(), failed);
  const auto local = socket.local_endpoint(failed);
  if (failed) return unavailable("unreachable_host", "there is no route to " + target.host);
  return local.address();
}

}  // namespace

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const auto& [name, codec] : codecs) names.push_back(name);
  return names;
}

Result<telephony::sip::Options> caller_options(const std::string& uri, const std::string& codec) {
  namespace sip = telephony::sip;
  const auto target = sip::parse_uri(uri);
  if (target.has_error()) return target.error();
  const auto local = address_towards(*target);
  if (local.has_error()) return local.error();
  sip::Options setup;
  setup.listen = {{.transport = sip::Transport::udp, .address = *local, .port = 0},
                  {.transport = sip::Transport::tcp, .address = *local, .port = 0}};
  setup.allow_uri_dialing = true;
  if (const auto known = codecs.find(codec); known != codecs.end()) setup.offered = {known->second};
  return setup;
}

async::Task<Result<Script::Clip>> speak(speech::Synthesizer& synthesizer, std::string text) {
  Script::Clip clip;
  const auto stream = synthesizer.say(std::move(text), "rms", audio::wideband);
  for (;;) {
    auto chunk = co_await stream->next();
    if (chunk.has_error()) co_return chunk.error();
    if (!*chunk) co_return clip;
    clip.insert(clip.end(), (*chunk)->samples.begin(), (*chunk)->samples.end());
  }
}

}  // namespace voxanne::app
