#include "api/routes/routes.h"

#include "api/routes/endpoints.h"
#include "knowledge/extract.h"

namespace voxanne::api {
namespace {

constexpr auto open = std::nullopt;
constexpr std::optional<Role> viewer = Role::viewer, manager = Role::manager;

// A document of knowledge::max_document_bytes, and what multipart puts around it.
constexpr std::size_t max_upload = knowledge::max_document_bytes + 64 * 1024;

constexpr Declaration table[] = {
    {Method::get, "/health", get_health, open, "Every dependency, checked in the background"},
    {Method::get, "/health/live", get_live, open, "Whether the server's loops tick"},
    {Method::get, "/health/ready", get_ready, open, "Whether a call could be answered now"},

    {Method::post, "/api/calls", create_call, manager, "Place a call"},
    {Method::get, "/api/calls", list_calls, viewer, "Calls, newest first"},
    {Method::get, "/api/calls/:callId", get_call, viewer, "One call"},
    {Method::post, "/api/calls/:callId/end", end_call, manager, "Hang up"},
    {Method::post, "/api/calls/:callId/say", say_in_call, manager, "Have the assistant say something"},
    {Method::get, "/api/calls/:callId/transcript", get_transcript, viewer, "Who said what, and when"},
    {Method::get, "/api/calls/:callId/events", get_call_events, viewer, "The call's log"},
    {Method::get, "/api/calls/:callId/recording", get_recording, viewer, "Where the recording can be heard"},
    {Method::get, "/storage/*key", get_stored, open, "A recording, by a signed link"},
    {Method::get, "/api/calls-dashboard", list_calls, viewer, "Calls, newest first, with filters"},
    {Method::get, "/api/calls-dashboard/stats", get_stats, viewer, "Totals and series for charts"},

    {Method::post, "/api/knowledge-base/upload", upload_document, manager, "Upload a document", max_upload},
    {Method::get, "/api/knowledge-base", list_documents, viewer, "Documents, newest first"},
    {Method::post, "/api/knowledge-base/search", search_knowledge, viewer, "Search what the assistant knows"},
    {Method::get, "/api/knowledge-base/gaps", list_gaps, viewer, "Questions that found no answer"},
    {Method::post, "/api/knowledge-base/gaps/:gapId/answer", answer_gap, manager, "Answer one, for good"},
    {Method::get, "/api/knowledge-base/:documentId", get_document, viewer, "One document"},
    {Method::patch, "/api/knowledge-base/:documentId", rename_document, manager,
     "Give a document another title"},
    {Method::del, "/api/knowledge-base/:documentId", erase_document, manager, "Erase a document"},

    {Method::get, "/api/assistants", list_assistants, viewer, "Assistants"},
    {Method::post, "/api/assistants", create_assistant, manager, "Create an assistant"},
    {Method::get, "/api/assistants/:assistantId", get_assistant, viewer, "One assistant"},
    {Method::patch, "/api/assistants/:assistantId", update_assistant, manager, "Change an assistant"},
    {Method::get, "/api/phone-numbers", list_phone_numbers, viewer, "Phone numbers"},
    {Method::post, "/api/phone-numbers", create_phone_number, manager, "Add a phone number"},
    {Method::get, "/api/phone-numbers/:phoneNumberId", get_phone_number, viewer, "One phone number"},
    {Method::patch, "/api/phone-numbers/:phoneNumberId", update_phone_number, manager,
     "Change a phone number"},
    {Method::get, "/api/messages", list_messages, viewer, "Messages taken, newest first"},
    {Method::get, "/api/messages/:messageId", get_message, viewer, "One message"},
    {Method::patch, "/api/messages/:messageId", update_message, manager, "Say who has dealt with a message"},

    {Method::get, "/", get_page, open, "The page"},
    {Method::get, "/assets/:name", get_asset, open, "The page's files"},
    {Method::get, "/ws/live-calls", live_calls, open, "Live events (WebSocket)"},
    {Method::get, "/ws/web-call", web_call, open, "A call from the browser (WebSocket)"},
};

}  // namespace

std::span<const Declaration> declarations() { return table; }

void add_routes(Router& router, Services& services) {
  for (const auto& declaration : table)
    router.add({.method = declaration.method,
                .path = std::string{declaration.path},
                .endpoint = [&services, endpoint = declaration.endpoint](
                                Context& context) { return endpoint(services, context); },
                .role = declaration.role,
                .max_body = declaration.max_body});
}

}  // namespace voxanne::api
