// Messages, contacts and appointments as JSON: the same text in the API's answers and in what is sent
// outward.
#pragma once

#include "domain/assistant.h"
#include "domain/contact.h"

#include <string>

namespace voxanne::domain {

void append_message(std::string& out, const Message& message);
void append_contact(std::string& out, const Contact& contact);
void append_appointment(std::string& out, const Appointment& appointment);

}  // namespace voxanne::domain
