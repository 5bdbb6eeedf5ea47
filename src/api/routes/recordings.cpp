// A call's recording: where it can be heard, and the bytes under the signed address.
#include "recordings/playback.h"

#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "recordings/byte_range.h"
#include "recordings/key.h"
#include "recordings/signed_url.h"

#include <boost/json.hpp>

namespace voxanne::api {
namespace {

namespace json = boost::json;

constexpr seconds valid_for{3'600};
constexpr std::size_t piece = 64 * 1024;

// "Never silence": a fault of the storage names the call, in the answer and in the log.
net::Response fault(const Error& error, const Context& context, const CallId& call) {
  log::error("recording.unplayable", {{"requestId", context.request_id},
                                      {"traceId", context.trace.trace_id()},
                                      {"orgId", context.identity.org.str()},
                                      {"callId", call.str()},
                                      {"code", error.code},
                                      {"error", error.message}});
  auto response = problem(error, context.request_id);
  auto body = json::parse(std::get<std::string>(response.body)).as_object();
  body["callId"] = call.str();
  response.body = json::serialize(body);
  return response;
}

Result<net::Response> refuse(const Error& error, const Context& context, const CallId& call) {
  if (status_of(error.kind) < 500) return error;
  return fault(error, context, call);
}

// The recording's bytes from `first` on, read as they are sent.
net::Source stream(std::shared_ptr<recordings::Playable> sound, std::uint64_t first, std::uint64_t length) {
  return {.length = length,
          .next = [sound = std::move(sound), at = first,
                   end = first + length]() mutable -> async::Task<Result<std::string>> {
            auto bytes = co_await sound->read(at, std::size_t(std::min<std::uint64_t>(piece, end - at)));
            if (bytes) at += bytes->size();
            co_return bytes;
          }};
}

net::Response answer(const net::Request& request, std::shared_ptr<recordings::Playable> sound) {
  using Kind = recordings::RangeAnswer::Kind;
  net::Response response;
  response.headers.add("Accept-Ranges", "bytes");
  response.headers.add("ETag", sound->etag());
  response.headers.add("Cache-Control", "private, max-age=3600");
  if (request.headers.get("If-None-Match") == sound->etag()) {
    response.status = 304;
    return response;
  }
  // A part of what has changed meanwhile is of no use (RFC 9110 §13.1.5).
  const auto condition = request.headers.find("If-Range");
  const bool current = !condition || *condition == sound->etag();
  const auto range = recordings::parse_range(current ? request.headers.get("Range") : "", sound->size());
  if (range.kind != Kind::whole)
    response.headers.add("Content-Range", recordings::content_range(range, sound->size()));
  if (range.kind == Kind::unsatisfiable) {
    response.status = 416;
    return response;
  }
  response.status = range.kind == Kind::partial ? 206 : 200;
  response.headers.add("Content-Type", sound->content_type());
  const std::uint64_t first = range.kind == Kind::partial ? range.first : 0;
  const std::uint64_t length = range.kind == Kind::partial ? range.length : sound->size();
  response.body = stream(std::move(sound), first, length);
  return response;
}

}  // namespace

Answer get_recording(Services& services, Context& context) {
  const CallId call{context.param("callId")};
  const std::string_view format = context.request.query.get("format");
  if (!format.empty() && format != "wav")
    co_return malformed("invalid_parameter",
                        "format can only be wav; leave it out for the recording as it is kept");
  const auto about = co_await services.playback.find(context.identity.org, call);
  if (!about) co_return refuse(about.error(), context, call);

  const UtcTime expires = std::chrono::ceil<seconds>(services.clock.utc() + valid_for);
  std::string out;
  append_string(
      out, R"({"recordingUrl":)",
      public_address(services, context.request) + services.signer.sign(about->key, expires, format));
  append_time(out, R"(,"expiresAt":)", expires);
  append_number(out, R"(,"duration":)", about->seconds);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer get_stored(Services& services, Context& context) {
  using Check = recordings::UrlSigner::Check;
  const auto& query = context.request.query;
  const std::string& key = context.param("key");
  const std::string format{query.get("format")};
  const Check check =
      services.signer.verify(key, query.get("expires"), query.get("signature"), format, services.clock.utc());
  const auto name = recordings::parse_recording_key(key);
  if (check == Check::tampered || !name)
    co_return Error{Fault::forbidden, "link_invalid",
                    "this link is not one of ours; ask GET /api/calls/:callId/recording for one"};
  if (check == Check::expired)
    co_return problem(410,
                      Error{Fault::forbidden, "link_expired",
                            "this link has expired; ask GET /api/calls/:callId/recording for a new one"},
                      context.request_id);
  auto sound = co_await services.playback.open(name->org, name->call, format);
  if (!sound) co_return refuse(sound.error(), context, name->call);
  co_return answer(context.request, std::move(*sound));
}

}  // namespace voxanne::api
