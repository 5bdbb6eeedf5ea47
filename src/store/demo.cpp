#include "store/demo.h"

#include "store/organizations.h"

#include "demo_text.h"

namespace voxanne::store::demo {
namespace {

domain::Assistant receptionist() {
  domain::Assistant assistant;
  assistant.id = AssistantId{std::string{assistant_id}};
  assistant.org = OrgId{std::string{organization_id}};
  assistant.name = "Harbour Dental reception";
  assistant.greeting =
      "Harbour Dental, hello. I am the automated receptionist, and this call is recorded. "
      "How can I help you?";
  assistant.instructions =
      "You are the receptionist of Harbour Dental, a dental practice. Answer from its knowledge in one or "
      "two "
      "short spoken sentences. If you do not know, say so and offer to take a message.";
  assistant.goodbye = "Thank you for calling Harbour Dental. Goodbye.";
  return assistant;
}

}  // namespace

async::Task<Result<>> seed(Store& store, UtcTime at) {
  const domain::Assistant assistant = receptionist();
  const domain::PhoneNumber number{PhoneNumberId{std::string{phone_number_id}}, assistant.org, assistant.id,
                                   "", domain::PhoneNumber::Carrier::builtin};

  const auto organization = co_await find_organization(store, assistant.org);
  if (!organization) co_return organization.error();
  const auto known_assistant = co_await find_assistant(store, assistant.org, assistant.id);
  if (!known_assistant) co_return known_assistant.error();
  const auto known_number = co_await find_phone_number(store, assistant.org, number.id);
  if (!known_number) co_return known_number.error();

  Batch batch;
  if (!*organization) put_organization(batch, {assistant.org, "Harbour Dental", "Europe/London", 0}, at);
  if (!*known_assistant) put_assistant(batch, assistant, at);
  if (!*known_number) put_phone_number(batch, number, at);
  if (batch.steps.empty()) co_return Result<>{};
  co_return co_await store.write(std::move(batch));
}

std::string_view knowledge_markdown() { return embedded_knowledge; }

}  // namespace voxanne::store::demo
