#include "recordings/s3/sigv4.h"

#include "net/url.h"

#include <algorithm>

namespace voxanne::recordings::s3 {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string scope_of(const Signer& signer, std::string_view date) {
  std::string scope{date.substr(0, 8)};
  return scope.append("/").append(signer.region).append("/").append(signer.service).append("/aws4_request");
}

// Blanks around a value do not count, and a run of them inside counts once.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

Pairs sorted(Pairs pairs) {
  std::ranges::sort(pairs);
  return pairs;
}

std::string signed_headers(const Pairs& headers) {
  std::string names;
  for (const auto& [name, value] : sorted(headers)) names.append(names.empty() ? "" : ";").append(name);
  return names;
}

std::string signature_of(const SigningRequest& request, const Signer& signer, std::string_view date) {
  std::string text{algorithm};
  text.append("\n").append(date).append("\n").append(scope_of(signer, date)).append("\n");
  text.append(to_hex(sha256(canonical_request(request))));
  Secret key{"AWS4" + std::string{signer.secret_access_key.reveal()}};
  for (const std::string_view step : {date.substr(0, 8), std::string_view{signer.region},
                                      std::string_view{signer.service}, std::string_view{"aws4_request"}})
    key = Secret{hmac_sha256(key.reveal(), step)};
  return to_hex(hmac_sha256(key.reveal(), text));
}

}  // namespace

std::string encode_path(std::string_view path) {
  std::string out;
  for (;;) {
    const auto slash = path.find('/');
    out += net::percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out.push_back('/');
    path.remove_prefix(slash + 1);
  }
}

std::string canonical_query(Pairs query) {
  for (auto& [name, value] : query) {
    name = net::percent_encode(name);
    value = net::percent_encode(value);
  }
  std::string out;
  for (const auto& [name, value] : sorted(std::move(query)))
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  return out;
}

std::string canonical_request(const SigningRequest& request) {
  std::string out = request.method + "\n" + request.path + "\n" + canonical_query(request.query) + "\n";
  for (const auto& [name, value] : sorted(request.headers))
    out.append(name).append(":").append(trimmed(value)).append("\n");
  return out.append("\n").append(signed_headers(request.headers)).append("\n").append(request.payload_sha256);
}

std::string amz_date(UtcTime at) {
  std::string out;
  for (const char c : to_rfc3339(at).substr(0, 19))
    if (c != '-' && c != ':') out.push_back(c);
  return out + "Z";
}

std::string authorization(const SigningRequest& request, const Signer& signer, UtcTime at) {
  const std::string date = amz_date(at);
  std::string out{algorithm};
  out.append(" Credential=").append(signer.access_key_id.reveal()).append("/");
  out.append(scope_of(signer, date)).append(",SignedHeaders=").append(signed_headers(request.headers));
  return out.append(",Signature=").append(signature_of(request, signer, date));
}

std::string presigned_query(SigningRequest request, const Signer& signer, UtcTime at, seconds valid_for) {
  const std::string date = amz_date(at);
  auto& query = request.query;
  query.emplace_back("X-Amz-Algorithm", algorithm);
  query.emplace_back("X-Amz-Credential",
                     std::string{signer.access_key_id.reveal()} + "/" + scope_of(signer, date));
  query.emplace_back("X-Amz-Date", date);
  query.emplace_back("X-Amz-Expires", std::to_string(valid_for.count()));
  query.emplace_back("X-Amz-SignedHeaders", signed_headers(request.headers));
  request.payload_sha256 = unsigned_payload;
  const std::string signature = signature_of(request, signer, date);
  return canonical_query(std::move(query)) + "&X-Amz-Signature=" + signature;
}

}  // namespace voxanne::recordings::s3
