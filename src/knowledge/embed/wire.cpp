#include "knowledge/embed/wire.h"

#include "base/json_text.h"
#include "knowledge/similarity.h"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace voxanne::knowledge::embed {
namespace {

namespace json = boost::json;

constexpr std::size_t most_dimensions = 16'384;
constexpr double a_day = 86'400;

Error broken(std::string how) {
  return unavailable("embedding_answer_broken", "the embedding provider's answer " + std::move(how));
}

// {"index":0,"embedding":[…]}: the place it belongs to.
std::optional<std::size_t> read_one(const json::value& item, std::size_t count, Vector& out) {
  const auto* object = item.if_object();
  const auto* index = object ? object->if_contains("index") : nullptr;
  const auto* values = object ? object->if_contains("embedding") : nullptr;
  const auto* numbers = values ? values->if_array() : nullptr;
  std::int64_t place = -1;
  if (index && index->is_int64()) place = index->as_int64();
  if (!numbers || numbers->empty() || numbers->size() > most_dimensions || place < 0 ||
      static_cast<std::size_t>(place) >= count)
    return std::nullopt;
  out.reserve(numbers->size());
  for (const auto& number : *numbers) {
    if (!number.is_number()) return std::nullopt;
    out.push_back(static_cast<float>(number.to_number<double>()));
  }
  if (!normalize(out)) return std::nullopt;
  return static_cast<std::size_t>(place);
}

std::optional<seconds> whole(double wait) {
  if (!(wait >= 0)) return std::nullopt;
  return seconds{static_cast<std::int64_t>(std::ceil(std::min(wait, a_day)))};
}

std::optional<double> number(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

Model parse_model(std::string_view kept_as) {
  const auto at = kept_as.rfind('@');
  int dimensions = 0;
  if (at != std::string_view::npos && at > 0) {
    const auto digits = kept_as.substr(at + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), dimensions);
    if (error == std::errc{} && end == digits.data() + digits.size() && dimensions > 0)
      return {std::string{kept_as.substr(0, at)}, dimensions};
  }
  return {std::string{kept_as}, 0};
}

std::string request_body(const Model& model, const std::vector<std::string>& texts) {
  std::string out{R"({"model":)"};
  append_json_string(out, model.name);
  out += R"(,"encoding_format":"float")";
  if (model.dimensions > 0) {
    out += R"(,"dimensions":)";
    append_json_int(out, model.dimensions);
  }
  out += R"(,"input":[)";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_string(out, texts[i]);
  }
  return out + "]}";
}

Result<std::vector<Vector>> read_answer(std::string_view body, const Model& model, std::size_t count) {
  boost::system::error_code failed;
  const auto root = json::parse(body, failed);
  if (failed) return broken("is not JSON");
  const auto* object = root.if_object();
  const auto* data = object ? object->if_contains("data") : nullptr;
  const auto* items = data ? data->if_array() : nullptr;
  if (!items) return broken("has no list \"data\"");
  if (items->size() != count)
    return broken("has " + std::to_string(items->size()) + " vectors for " + std::to_string(count) +
                  " texts");
  std::vector<Vector> out(count);
  for (const auto& item : *items) {
    Vector vector;
    const auto place = read_one(item, count, vector);
    if (!place) return broken("has a vector that is none (zero, no numbers, or out of place)");
    if (!out[*place].empty()) return broken("has two vectors for one text");
    out[*place] = std::move(vector);
  }
  const std::size_t dimensions = count > 0 ? out.front().size() : 0;
  for (const auto& vector : out)
    if (vector.size() != dimensions) return broken("has vectors of different dimensions");
  if (model.dimensions > 0 && dimensions != static_cast<std::size_t>(model.dimensions))
    return broken("has " + std::to_string(dimensions) + " dimensions and not the " +
                  std::to_string(model.dimensions) + " that were asked for");
  return out;
}

Error read_refusal(int status, const net::Headers& headers, UtcTime now) {
  const std::string answered = "the embedding provider answered " + std::to_string(status);
  Error error = unavailable("embedding_provider_failed", answered);
  if (status == 401 || status == 403)
    error = unavailable("embedding_unauthorized", answered + "; OPENAI_API_KEY is not accepted");
  else if (status == 404)
    error = unavailable("embedding_model_unknown",
                        answered + "; EMBEDDING_MODEL or OPENAI_BASE_URL names what is not there");
  else if (status == 429)
    error = {Fault::rate_limited, "embedding_rate_limited",
             answered + ": too many requests, or no quota left"};
  else if (status == 400 || status == 413 || status == 422)
    error = {Fault::impossible, "embedding_refused", answered + ": it does not take this text"};
  error.retry_after = wait_asked_for(headers, now);
  return error;
}

std::optional<seconds> parse_wait(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  bool units = false;
  while (!text.empty()) {
    const auto value = number(text);
    if (!value) return std::nullopt;
    double unit = 0;
    if (text.starts_with("ms"))
      unit = 0.001;
    else if (text.starts_with("us") || text.starts_with("ns"))
      unit = 0.000001;
    else if (text.starts_with('h'))
      unit = 3'600;
    else if (text.starts_with('m'))
      unit = 60;
    else if (text.starts_with('s'))
      unit = 1;
    else if (text.empty() && !units)
      return whole(*value);  // bare seconds
    else
      return std::nullopt;
    units = true;
    total += *value * unit;
    text.remove_prefix(unit < 0.01 ? 2 : 1);
  }
  return whole(total);
}

std::optional<seconds> wait_asked_for(const net::Headers& headers, UtcTime now) {
  if (auto after = headers.find("Retry-After-Ms")) {
    if (const auto value = number(*after); value && after->empty()) return whole(*value / 1'000);
  }
  if (const auto wait = net::retry_after(headers, now)) return wait;
  if (const auto wait = parse_wait(headers.get("Retry-After"))) return wait;
  std::optional<seconds> latest;
  for (const std::string what : {"requests", "tokens"}) {
    const auto reset = headers.find("X-RateLimit-Reset-" + what);
    const auto remaining = headers.find("X-RateLimit-Remaining-" + what);
    if (!reset || (remaining && *remaining != "0")) continue;
    if (const auto wait = parse_wait(*reset)) latest = std::max(latest.value_or(seconds{0}), *wait);
  }
  return latest;
}

}  // namespace voxanne::knowledge::embed
