// A call's recording: where it can be heard, and the bytes under the signed address.
#include "recordings/playback.h"

#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "recordings/byte_range.h"
#include "recordings/key.h"
#include "recordings/signed_url.h"
#include "store/uploads.h"

#include <boost/json.hpp>

namespace voxanne::api {
namespace {

namespace json = boost::json;

using domain::RecordingStatus;

constexpr seconds valid_for{3'600};
constexpr std::size_t piece = 64 * 1024;

// "Never silence": a fault of the storage names the call, in the answer and in the log.
net::Response fault(const Error& error, const Context& context, const CallId& call) {
  log::error("recording.unplayable", {{"requestId", context.ids.request_id},
                                      {"traceId", context.ids.trace.trace_id()},
                                      {"orgId", context.identity.org.str()},
                                      {"callId", call.str()},
                                      {"code", error.code},
                                      {"error", error.message}});
  Error told = error;
  if (error.code == "object_store_unavailable")  // how to mend that is the operator's to know
    told.message = "the recording is kept where nothing can be read just now: try again later";
  auto response = problem(told, context.ids.request_id);
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

// A name to save it under. Ids are tokens in quotes as they are (is_sane_id).
std::string disposition(const CallId& call, std::string_view content_type) {
  return "inline; filename=\"" + call.str() + (content_type == "audio/ogg" ? ".ogg\"" : ".wav\"");
}

net::Response answer(const net::Request& request, std::shared_ptr<recordings::Playable> sound,
                     const CallId& call) {
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
  response.headers.add("Content-Disposition", disposition(call, sound->content_type()));
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

  const UtcTime now = services.clock.utc();
  UtcTime expires = std::chrono::ceil<seconds>(now + valid_for);
  std::optional<std::string> link;
  if (format.empty() && !about->object_key.empty())
    link = services.playback.link(about->object_key, valid_for, disposition(call, "audio/ogg"));
  if (link)
    expires = std::chrono::floor<seconds>(now) + valid_for;  // counted from the second it was signed in
  else
    link = public_address(services, context.request) + services.signer.sign(about->key, expires, format);
  std::string out;
  append_string(out, R"({"recordingUrl":)", *link);
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
                      context.ids.request_id);
  auto sound = co_await services.playback.open(name->org, name->call, format);
  if (!sound) co_return refuse(sound.error(), context, name->call);
  co_return answer(context.request, std::move(*sound), name->call);
}

Answer requeue_recording(Services& services, Context& context) {
  const store::CallKey key{context.identity.org, CallId{context.param("callId")}};
  const auto call = co_await store::find_call(services.store, key);
  if (!call) co_return call.error();
  if (!*call) co_return not_found("call_not_found", "there is no call of this id; GET /api/calls lists them");
  auto row = co_await store::find_upload(services.store, key);
  if (!row) co_return row.error();
  if (!*row) {
    const auto status = (*call)->recording_status;
    if (status == RecordingStatus::stored)
      co_return Error{Fault::conflict, "recording_stored", "the recording is stored; nothing is left to do"};
    if (status == RecordingStatus::recording)
      co_return Error{Fault::conflict, "recording_not_ready", "the call is still running"};
    co_return not_found("recording_not_found",
                        "Recording not found: nothing of this call waits to be stored");
  }
  auto& upload = (*row)->upload;
  const UtcTime now = services.clock.utc();
  const bool again = (*row)->status != RecordingStatus::uploading;  // else it is being tried just now
  if (again) {
    store::Batch batch;
    store::requeue_upload(batch, upload, now);
    if (const auto written = co_await services.store.write(std::move(batch)); !written) {
      if (written.error().kind != Fault::conflict) co_return written.error();
      co_return Error{Fault::conflict, "recording_moved_on",
                      "the recording was taken up meanwhile; GET /api/calls/:callId shows where it is"};
    }
    upload.next_attempt_at = now;
    log::info("recording.requeued", {{"requestId", context.ids.request_id},
                                     {"traceId", context.ids.trace.trace_id()},
                                     {"orgId", key.org.str()},
                                     {"callId", key.id.str()},
                                     {"code", upload.last_error}});
    services.bus.publish({.type = events::EventType::call_updated,
                          .org = key.org,
                          .call = key.id,
                          .data = R"({"recordingStatus":"queued"})",
                          .at = now});
    if (services.upload_queued) services.upload_queued();
  }
  std::string out;
  append_string(out, R"({"callId":)", key.id.str());
  append_string(out, R"(,"recordingStatus":)",
                domain::to_string(again ? RecordingStatus::queued : RecordingStatus::uploading));
  append_int(out, R"(,"attempts":)", upload.attempts);
  append_text(out, R"(,"lastError":)", upload.last_error);
  append_time(out, R"(,"nextAttemptAt":)", upload.next_attempt_at);
  co_return net::Response::json(200, out + "}");
}

}  // namespace voxanne::api
