// GET / and its files, from the binary. A browser keeps them and asks each time whether they are
// still the same, so that an upgraded server never meets an old page.
#include "api/routes/endpoints.h"
#include "base/secret.h"
#include "web/assets.h"

#include <map>

namespace voxanne::api {
namespace {

struct Served {
  net::Response::Shared text;
  std::string_view content_type;
  std::string etag;
};

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

const std::map<std::string_view, Served>& served() {
  static const auto all = [] {
    std::map<std::string_view, Served> made;
    for (const auto& asset : web::assets())
      made.emplace(asset.name,
                   Served{std::make_shared<const std::string>(asset.text), content_type_of(asset.name),
                          '"' + to_base64url(sha256(asset.text)).substr(0, 16) + '"'});
    return made;
  }();
  return all;
}

net::Response serve(const Served& asset, const net::Request& request) {
  net::Response response;
  response.headers.add("ETag", asset.etag);
  response.headers.add("Cache-Control", "no-cache");
  if (request.headers.get("If-None-Match").find(asset.etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", asset.content_type);
  response.body = asset.text;
  return response;
}

net::Response serve_page(std::string_view name, const Services& services, const net::Request& request) {
  auto response = serve(served().at(name), request);
  const auto& origin = services.recordings_origin;
  const std::string recordings = origin.empty() ? "" : " " + origin;
  // Stricter than what every response carries: browsers enforce both.
  response.headers.add(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'" +
          recordings + "; connect-src 'self'" + recordings +
          "; form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
  return response;
}

}  // namespace

Answer get_page(Services& services, Context& context) {
  co_return serve_page("index.html", services, context.request);
}
Answer get_docs(Services& services, Context& context) {
  co_return serve_page("docs.html", services, context.request);
}

Answer get_asset(Services&, Context& context) {
  const auto found = served().find(context.param("name"));
  if (found == served().end()) co_return not_found("asset_not_found", "the page has no file of this name");
  co_return serve(found->second, context.request);
}

}  // namespace voxanne::api
