// /api/knowledge-base: documents, searching them, and the questions that found no answer.
#include "store/knowledge.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/multipart.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "events/bus.h"
#include "knowledge/gaps.h"
#include "knowledge/ingest.h"
#include "knowledge/retriever.h"

namespace voxanne::api {
namespace {

// What is past knowledge::max_embedded_characters is cut there; past this it is refused.
constexpr std::size_t max_query_bytes = 256u << 10;

Error no_such_document() {
  return not_found("document_not_found",
                   "there is no document of this id; GET /api/knowledge-base lists them");
}

// `renewing`: an earlier model's vectors serve until they are replaced.
std::string_view embedding_state(const domain::Document& document) {
  if (document.embedded_chunks < document.chunk_count) return "waiting";
  return document.embedding_due_at ? "renewing" : "complete";
}

void append_document(std::string& out, const domain::Document& document) {
  append_string(out, R"({"id":)", document.id.str());
  append_string(out, R"(,"orgId":)", document.org.str());
  append_string(out, R"(,"title":)", document.title);
  append_text(out, R"(,"fileName":)", document.file_name);
  append_string(out, R"(,"contentType":)", document.content_type);
  append_int(out, R"(,"bytes":)", document.bytes);
  append_int(out, R"(,"chunkCount":)", document.chunk_count);
  append_string(out, R"(,"embedding":{"state":)", embedding_state(document));
  append_int(out, R"(,"chunks":)", document.embedded_chunks);
  append_text(out, R"(,"model":)", document.embedding_model);
  append_int(out, R"(,"attempts":)", document.embedding_attempts);
  append_text(out, R"(,"lastError":)", document.embedding_error);
  append_time(out, R"(,"nextAttemptAt":)", document.embedding_due_at);
  append_time(out, R"(},"createdAt":)", document.created_at);
  append_time(out, R"(,"updatedAt":)", document.updated_at);
  out.push_back('}');
}

net::Response answer(const domain::Document& document) {
  std::string out;
  append_document(out, document);
  return net::Response::json(200, std::move(out));
}

// After the commit: the dashboard, and whoever builds on the organization's words.
void tell_changed(Services& services, const OrgId& org, const DocumentId& document, bool erased) {
  std::string data;
  append_string(data, R"({"documentId":)", document.str());
  append_flag(data, R"(,"erased":)", erased);
  data.push_back('}');
  services.bus.publish(
      {events::EventType::knowledge_updated, org, {}, std::move(data), services.clock.utc()});
  if (services.knowledge_changed) services.knowledge_changed(org);
}

Result<knowledge::Source> read_upload(const Context& context) {
  const auto& request = context.request;
  const auto parts = parse_multipart(request.headers.get("Content-Type"), request.body);
  if (!parts) return parts.error();
  knowledge::Source source{
      .org = context.identity.org, .title = {}, .file_name = {}, .content_type = {}, .bytes = {}};
  bool found = false;
  for (const auto& part : *parts) {
    if (part.name == "title") source.title = part.data;
    if (part.name != "file") continue;
    if (found) return malformed("invalid_field", "file is there twice; upload one document at a time");
    if (!part.filename || part.filename->empty())
      return malformed("invalid_field", "file needs a file name, which says what kind of document it is");
    found = true;
    source.file_name = *part.filename;
    source.content_type = part.content_type;
    source.bytes = part.data;
  }
  if (!found) return malformed("missing_field", "file is missing: send the document as a part of that name");
  if (!is_valid_utf8(source.title) || source.title.size() > knowledge::max_title_bytes)
    return malformed("invalid_field", "title must be UTF-8 of at most " +
                                          std::to_string(knowledge::max_title_bytes) + " bytes");
  return source;
}

void append_match(std::string& out, const knowledge::Match& match) {
  const auto& chunk = match.found.chunk;
  append_string(out, R"({"documentId":)", chunk.document.str());
  append_string(out, R"(,"chunkId":)", chunk.id.str());
  append_string(out, R"(,"title":)", match.found.title);
  append_text(out, R"(,"heading":)", chunk.heading);
  if (chunk.page)
    append_int(out, R"(,"page":)", *chunk.page);
  else
    out.append(R"(,"page":null)");
  append_int(out, R"(,"startsAt":)", chunk.starts_at);
  append_int(out, R"(,"endsAt":)", chunk.ends_at);
  append_string(out, R"(,"text":)", chunk.text);
  append_number(out, R"(,"score":)", match.score);
  append_number(out, R"(,"coverage":)", match.coverage);
  append_number(out, R"(,"similarity":)", match.similarity);
  out.push_back('}');
}

void append_gap(std::string& out, const domain::Gap& gap) {
  append_string(out, R"({"id":)", gap.id.str());
  append_string(out, R"(,"question":)", gap.question);
  append_int(out, R"(,"asked":)", gap.asked);
  append_text(out, R"(,"callId":)", gap.call.str());
  append_time(out, R"(,"createdAt":)", gap.created_at);
  out.push_back('}');
}

using PageOf = async::Task<Result<store::PageInfo>> (*)(store::Store&, OrgId, store::PageRequest,
                                                        store::RowVisitor);

// `{"<name>":[…],"pagination":…}`, newest first.
Answer list_of(Services& services, Context& context, std::string_view name, PageOf page_of,
               void (*append)(std::string&, const store::Row&)) {
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();
  std::string out = "{\"";
  out.append(name).append("\":[");
  const auto page =
      co_await page_of(services.store, context.identity.org, *request, [&](const store::Row& row) {
        if (out.back() != '[') out.push_back(',');
        append(out, row);
      });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

}  // namespace

Answer upload_document(Services& services, Context& context) {
  auto source = read_upload(context);
  if (!source) co_return source.error();
  const auto document = co_await knowledge::ingest(services.store, services.documents, std::move(*source),
                                                   services.clock.utc());
  if (!document) co_return document.error();
  tell_changed(services, document->org, document->id, false);
  co_return answer(*document);
}

Answer list_documents(Services& services, Context& context) {
  return list_of(
      services, context, "documents", store::page_of_documents,
      [](std::string& out, const store::Row& row) { append_document(out, store::document_from(row)); });
}

Answer get_document(Services& services, Context& context) {
  const auto found = co_await store::find_document(services.store, context.identity.org,
                                                   DocumentId{context.param("documentId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_document();
  co_return answer(**found);
}

Answer rename_document(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto title = body->text("title", {.max = knowledge::max_title_bytes});
  if (!title) co_return title.error();
  const DocumentId id{context.param("documentId")};
  store::Batch batch;
  store::rename_document(batch, context.identity.org, id, std::move(*title), services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict) co_return no_such_document();
    co_return written.error();
  }
  tell_changed(services, context.identity.org, id, false);
  co_return co_await get_document(services, context);
}

Answer erase_document(Services& services, Context& context) {
  const DocumentId id{context.param("documentId")};
  if (const auto erased = co_await knowledge::erase(services.store, context.identity.org, id); !erased)
    co_return erased.error();
  tell_changed(services, context.identity.org, id, true);
  co_return net::Response::empty(204);
}

Answer search_knowledge(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto query = body->text("query", {.max = max_query_bytes});
  if (!query) co_return query.error();
  const auto limit = body->integer("limit", 1, knowledge::max_matches, 5);
  if (!limit) co_return limit.error();
  const auto found = co_await services.retriever.search(context.identity.org, std::move(*query), int(*limit));
  if (!found) co_return found.error();
  std::string out;
  append_flag(out, R"({"byMeaning":)", found->by_meaning);
  out.append(R"(,"results":[)");
  for (const auto& match : found->matches) {
    if (out.back() != '[') out.push_back(',');
    append_match(out, match);
  }
  out.append("]}");
  co_return net::Response::json(200, std::move(out));
}

Answer list_gaps(Services& services, Context& context) {
  return list_of(services, context, "gaps", store::page_of_open_gaps,
                 [](std::string& out, const store::Row& row) { append_gap(out, store::gap_from(row)); });
}

Answer answer_gap(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto text = body->text("answer", {.max = knowledge::max_answer_bytes});
  if (!text) co_return text.error();
  const auto document =
      co_await knowledge::answer_gap(services.store, context.identity.org, GapId{context.param("gapId")},
                                     std::move(*text), services.clock.utc());
  if (!document) co_return document.error();
  tell_changed(services, document->org, document->id, false);
  co_return answer(*document);
}

}  // namespace voxanne::api
